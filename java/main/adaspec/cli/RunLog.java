package adaspec.cli;

import adaspec.engine.RunListener;
import adaspec.eval.Acceptance;
import adaspec.tensor.DType;
import adaspec.train.TrainingOptions;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Locale;

/** Tells a run's progress in lines on standard error. */
final class RunLog implements RunListener {
    private static final long BETWEEN_LINES_NANOS = 10_000_000_000L;

    private final PrintStream log;
    private long lastLine;

    RunLog(PrintStream log) {
        this.log = log;
    }

    @Override
    public void note(String text) {
        log.println(text);
    }

    @Override
    public void stageStarted(String stage, long totalSteps, TrainingOptions options) {
        say("%s: %d steps of %d x %d samples, learning rate %s, %s",
                stage, totalSteps, options.accumulation(), options.batchSize(), options.learningRate(), options.schedule());
    }

    @Override
    public void progressed(Progress p) {
        String acceptance = Double.isNaN(p.expectedAcceptance())
                ? ""
                : String.format(Locale.ROOT, "  kept %.1f %%  expected acceptance %.4f", 100 * p.selectedFraction(), p.expectedAcceptance());
        say("%s %d/%d  epoch %.2f  loss %.4f%s  %.0f tokens/s  %s left", p.stage(), p.step(), p.totalSteps(), p.epoch(), p.loss(), acceptance,
                p.tokensPerSecond(), time(p.secondsLeft()));
    }

    @Override
    public void evaluated(String stage, long step, double loss, double expectedAcceptance) {
        String acceptance = Double.isNaN(expectedAcceptance) ? "" : String.format(Locale.ROOT, "  expected acceptance %.4f", expectedAcceptance);
        say("%s %d  held-out loss %.4f%s", stage, step, loss, acceptance);
    }

    @Override
    public void checkpointWritten(Path checkpoint) {
        say("wrote %s", checkpoint);
    }

    @Override
    public void modelWritten(Path directory, DType type) {
        say("wrote the trained model to %s (%s, the type of the model it started from)", directory, type.torchName());
    }

    @Override
    public void evaluating(String draft, int done, int total) {
        if (isTime(done == total)) {
            say("evaluating %s: %d/%d prompts", draft, done, total);
        }
    }

    @Override
    public void evaluated(String draft, Acceptance acceptance) {
        say("%s: alpha %.4f [%.4f, %.4f]", draft, acceptance.alpha(), acceptance.alphaInterval().lo(), acceptance.alphaInterval().hi());
    }

    @Override
    public void caching(String part, long done, long total) {
        if (isTime(done == total)) {
            say("teacher cache, %s: %,d of %,d answer tokens", part, done, total);
        }
    }

    /** Whether to say how far something is: now and then, and at its end. */
    private boolean isTime(boolean atEnd) {
        long now = System.nanoTime();
        boolean time = atEnd || now - lastLine > BETWEEN_LINES_NANOS;
        lastLine = time ? now : lastLine;
        return time;
    }

    private void say(String format, Object... values) {
        log.println(String.format(Locale.ROOT, format, values));
    }

    /** Seconds as people read them: 42 s, 3 min 5 s, 2 h 10 min. */
    static String time(double seconds) {
        long whole = Math.round(seconds);
        if (whole < 60) {
            return whole + " s";
        }
        if (whole < 3600) {
            return whole / 60 + " min " + whole % 60 + " s";
        }
        return whole / 3600 + " h " + whole % 3600 / 60 + " min";
    }
}
