package adaspec.examples;

import adaspec.common.InputException;
import adaspec.decode.Sampling;
import adaspec.engine.Distiller;
import adaspec.engine.Engine;
import adaspec.engine.Generation;
import adaspec.engine.RunListener;
import adaspec.eval.Acceptance;
import adaspec.train.TrainingStopped;
import java.io.PrintStream;
import java.nio.file.Path;

/**
 * A Java program that embeds the engine: it distills a draft, says how that goes, gives up at a deadline, and continues a prompt with what it has
 * made.
 *
 * <p>Arguments: the target's and the draft's model directory, a file of training samples, a new folder for the results, seconds, a prompt.
 */
public final class DistillAndGenerate {
    /** Prints a line for each logged step and each draft that is measured. */
    private record Printed(PrintStream out) implements RunListener {
        @Override
        public void progressed(Progress step) {
            out.printf("%s %d/%d: loss %.4f%n", step.stage(), step.step(), step.totalSteps(), step.loss());
        }

        @Override
        public void evaluated(String draft, Acceptance acceptance) {
            out.printf("%s: acceptance %.4f%n", draft, acceptance.alpha());
        }
    }

    private DistillAndGenerate() {}

    public static void main(String[] arguments) {
        Path target = Path.of(arguments[0]);
        Path draft = Path.of(arguments[1]);
        Path trainFile = Path.of(arguments[2]);
        Path output = Path.of(arguments[3]);
        long deadline = System.nanoTime() + (long) (1e9 * Double.parseDouble(arguments[4]));
        String prompt = arguments[5];
        RunListener progress = new Printed(System.out);
        try {
            Distiller distiller = Distiller.builder()
                    .target(target)
                    .draft(draft)
                    .trainFile(trainFile)
                    .output(output)
                    .listener(progress)
                    .stop(() -> System.nanoTime() > deadline)
                    .build();
            Distiller.Result result = distiller.run();

            try (Engine engine = Engine.open(target, result.output())) {
                Generation generation = engine.generate(prompt, Sampling.greedy(64), token -> System.out.print(token.text()));
                System.out.printf("%n%.2f tokens a step of the target%n", generation.stats().meanAcceptanceLength());
            }
        } catch (TrainingStopped stopped) {
            System.out.println("no time left; the state is in " + stopped.checkpoint());
        } catch (InputException wrong) {
            System.out.println(wrong.getMessage());
        }
    }
}
