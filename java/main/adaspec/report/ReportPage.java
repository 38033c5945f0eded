package adaspec.report;

import adaspec.eval.Acceptance;
import adaspec.eval.PairedDifference;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** A report as a page: the gain first, then what the filter did, how training went, and the settings. */
final class ReportPage {
    private final Report report;
    private final MetricsFile metrics;
    private final Markup out = new Markup();

    ReportPage(Report report, MetricsFile metrics) {
        this.report = report;
        this.metrics = metrics;
    }

    String render() {
        out.open("html", "lang", "en").line().open("head");
        out.empty("meta", "charset", "utf-8");
        // The browser itself sees to it that nothing is fetched and no script runs, whatever the texts hold.
        out.empty("meta", "http-equiv", "Content-Security-Policy", "content", "default-src 'none'; style-src 'unsafe-inline'");
        out.empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
        out.empty("meta", "name", "color-scheme", "content", "light dark");
        out.leaf("title", report.title()).line();
        out.style(style()).close().line();
        out.open("body").open("main").line();
        out.leaf("h1", report.title()).line();
        if (!report.drafts().isEmpty()) {
            gain();
            acceptance();
        }
        report.filters().forEach(this::filter);
        training();
        settings();
        out.close().close().close();
        return out.toString();
    }

    private static String style() {
        try (InputStream in = ReportPage.class.getResourceAsStream("report.css")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    // ------------------------------------------------------------------------------------------------ acceptance

    /** The one sentence that most readers came for. */
    private void gain() {
        Report.Draft before = report.drafts().getFirst();
        Report.Draft after = report.drafts().getLast();
        PairedDifference paired = PairedDifference.of(after.acceptance(), before.acceptance());
        String sentence = "The target accepts " + Numbers.percent(after.acceptance().alpha()) + " of the judged tokens that the " + after.name()
                + " draft proposes, and " + Numbers.percent(before.acceptance().alpha()) + " of the " + before.name() + " draft's: a difference of "
                + Numbers.difference(paired.difference()) + ", paired 95 % interval " + interval(paired)
                + (paired.interval().lo() > 0 || paired.interval().hi() < 0 ? "." : ", which does not exclude zero.");
        out.leaf("p", sentence, "class", "lead").line();
    }

    private void acceptance() {
        out.leaf("h2", "Acceptance before and after").line();
        Acceptance any = report.drafts().getFirst().acceptance();
        String decoding = Numbers.count(any.prompts().size()) + " held-out prompts, "
                + (any.sampling().isGreedy() ? "greedy" : "temperature " + any.sampling().temperature()) + ", "
                + "drafts of " + any.speculation().describe() + " a step. alpha: accepted / judged tokens; intervals: bootstrap over prompts.";
        out.leaf("p", decoding).line();
        Table table = new Table(out, "draft", "alpha", "95 % interval", "expected acceptance", "block efficiency", "plain tokens/s",
                "speculative tokens/s", "speed-up");
        for (Report.Draft draft : report.drafts()) {
            Acceptance a = draft.acceptance();
            boolean timed = a.timing() != null;
            table.row(draft.name(), Numbers.rate(a.alpha()), interval(a.alphaInterval().lo(), a.alphaInterval().hi()),
                    Numbers.rate(a.expectedAcceptance()), Numbers.format("%.3f", a.stats().meanAcceptanceLength()),
                    timed ? Numbers.format("%.1f", a.timing().plainTokensPerSecond()) : "-",
                    timed ? Numbers.format("%.1f", a.timing().speculativeTokensPerSecond()) : "-",
                    timed ? Numbers.format("%.2fx", a.timing().speedup()) : "-");
        }
        table.end();
        differences();
        IntervalChart intervals = new IntervalChart("alpha with its 95 % interval", "alpha (the axis does not begin at zero)");
        BarChart positions = new BarChart("Accepted where judged, by draft position", "position in the draft", 1);
        BarChart histogram = new BarChart("Steps by the number of accepted tokens", "accepted tokens of a step", 0);
        for (Report.Draft draft : report.drafts()) {
            Acceptance a = draft.acceptance();
            intervals.row(draft.name(), a.alpha(), a.alphaInterval());
            positions.series(draft.name(), a.stats().conditionalAcceptanceRatePerPosition());
            histogram.series(draft.name(), shares(a.stats().histogram()));
        }
        out.open("div", "class", "charts");
        intervals.write(out);
        positions.write(out);
        histogram.write(out);
        out.close().line();
    }

    /** Each later draft against each earlier one. */
    private void differences() {
        Table table = new Table(out, "difference of alpha", "estimate", "paired 95 % interval");
        List<Report.Draft> drafts = report.drafts();
        for (int a = 1; a < drafts.size(); a++) {
            for (int b = 0; b < a; b++) {
                PairedDifference paired = PairedDifference.of(drafts.get(a).acceptance(), drafts.get(b).acceptance());
                table.row(drafts.get(a).name() + " - " + drafts.get(b).name(), Numbers.difference(paired.difference()), interval(paired));
            }
        }
        table.end();
    }

    private static String interval(PairedDifference paired) {
        return "[" + Numbers.difference(paired.interval().lo()) + ", " + Numbers.difference(paired.interval().hi()) + "]";
    }

    private static String interval(double lo, double hi) {
        return "[" + Numbers.rate(lo) + ", " + Numbers.rate(hi) + "]";
    }

    private static double[] shares(long[] counts) {
        long total = 0;
        for (long count : counts) {
            total += count;
        }
        double[] shares = new double[counts.length];
        for (int i = 0; i < shares.length; i++) {
            shares[i] = (double) counts[i] / total;
        }
        return shares;
    }

    // ------------------------------------------------------------------------------------------------ the filter

    private void filter(Report.Filter filter) {
        GapSample sample = filter.sample();
        out.leaf("h2", "What the filter saw " + filter.moment()).line();
        out.leaf("p", Numbers.count(sample.gaps().length) + " answer tokens, " + Numbers.percent(sample.keptShare())
                + " of them kept. gap = KL(target || draft) - KL(target || reference), in nats: what the draft has still to learn and the reference"
                + " shows can be learnt.").line();
        out.open("div", "class", "charts");
        new GapHistogram("Gaps " + filter.moment(), sample).write(out);
        out.close().line();
        GapLevels levels = new GapLevels(sample);
        out.open("p", "class", "levels");
        out.leaf("span", "prompt", "class", "given").text("; ").leaf("span", "not kept", "class", "left").text("; kept, by its gap in nats: ");
        for (int level = 1; level <= GapLevels.COUNT; level++) {
            out.leaf("b", levels.range(level), "class", "kept g" + level).text(" ");
        }
        out.close().line();
        for (TokenText text : filter.texts()) {
            out.leaf("h3", text.where());
            text.write(out, levels);
        }
    }

    // ------------------------------------------------------------------------------------------------ training

    private void training() {
        out.leaf("h2", "Training").line();
        if (!report.stages().isEmpty()) {
            Table table = new Table(out, "stage", "steps", "tokens", "seconds", "tokens/s");
            for (Report.Stage stage : report.stages()) {
                table.row(stage.name(), Numbers.count(stage.steps()), Numbers.count(stage.tokens()), Numbers.format("%,.1f", stage.seconds()),
                        Numbers.format("%,.0f", stage.tokensPerSecond()));
            }
            table.end();
        }
        if (metrics.unreadable() > 0) {
            out.leaf("p", metrics.unreadable() + " lines of metrics.jsonl could not be read; the curves lack them.").line();
        }
        for (String stage : metrics.stages()) {
            curves(stage);
        }
    }

    private void curves(String stage) {
        out.leaf("h3", "Stage " + stage).open("div", "class", "charts").line();
        new LineChart("Loss", "step")
                .line("as optimised", metrics.curve(stage, "train/loss"))
                .marks("held out, all answer tokens", metrics.curve(stage, "eval/loss"))
                .write(out);
        if (!metrics.curve(stage, "train/kl_ref").isEmpty()) {
            new LineChart("KL to the target, all answer tokens", "step")
                    .line("draft", metrics.curve(stage, "train/kl_draft"))
                    .line("reference", metrics.curve(stage, "train/kl_ref"))
                    .write(out);
            new LineChart("Gap, mean over all answer tokens", "step").line("gap", metrics.curve(stage, "train/gap_mean")).write(out);
            new LineChart("Kept share of the answer tokens", "step")
                    .holding(0).holding(1)
                    .line("kept", metrics.curve(stage, "train/selected_fraction"))
                    .write(out);
        }
        new LineChart("Expected acceptance", "step")
                .line("training", metrics.curve(stage, "train/expected_acceptance"))
                .marks("held out", metrics.curve(stage, "eval/expected_acceptance"))
                .write(out);
        new LineChart("Learning rate", "step").holding(0).line("learning rate", metrics.curve(stage, "train/learning_rate")).write(out);
        new LineChart("Norm of the gradient, before clipping", "step").line("norm", metrics.curve(stage, "train/grad_norm")).write(out);
        out.close().line();
    }

    // ------------------------------------------------------------------------------------------------ settings

    private void settings() {
        out.leaf("h2", "Settings").line();
        Table table = new Table(out, "setting", "value");
        report.settings().forEach(entry -> table.row(entry.name(), entry.value()));
        table.end();
    }
}
