package adaspec.bench.experiment;

import adaspec.bench.experiment.HierarchicalBootstrap.Rate;
import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.UsageException;
import adaspec.eval.Interval;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Writes the experiment's page from whatever {@code run.sh} has left so far:
 * <pre>
 * java -cp adaspec-engine.jar adaspec.bench.experiment.Results STATE PAGE
 * </pre>
 *
 * <p>Leaves PAGE.md, and beside it a plot {@code PAGE-TASK.svg} of each task's differences and {@code PAGE-k.svg} of the sweep over k. An arm that
 * was not run is said to be missing; a difference is taken over the seeds that both its arms have.
 */
public final class Results {
    /** Shares of the sweep that have names of their own. */
    private static final String SWEEP = "k-";

    private final Path state;
    private final Path page;
    private final StringBuilder out = new StringBuilder();

    private Results(Path state, Path page) {
        this.state = state;
        this.page = page;
    }

    /** Says nothing; what is wrong ends the process with exit code 1 and one sentence. */
    public static void main(String[] arguments) {
        try {
            if (arguments.length != 2) {
                throw new UsageException("usage: Results STATE PAGE");
            }
            write(Path.of(arguments[0]), Path.of(arguments[1]));
        } catch (InputException e) {
            e.setStackTrace(new StackTraceElement[0]);
            throw e;
        }
    }

    /** What {@link #main} does. */
    static void write(Path state, Path page) {
        if (!Files.isDirectory(state)) {
            throw new InputException("there is no folder " + state + "; the state that bench/experiment/run.sh leaves was expected");
        }
        new Results(state, page).write();
    }

    private void write() {
        List<String> found = new ArrayList<>();
        for (Task task : Task.ALL) {
            if (Files.isDirectory(state.resolve(task.name()))) {
                task(task, new TaskState(state.resolve(task.name())), found);
            }
        }
        // What was found stands before the tables that it is found in.
        String tables = out.toString();
        out.setLength(0);
        line("# Experiment: distilling on the tokens with the largest gap, and on all of them");
        line("");
        line("    bench/experiment/run.sh DATA && bench/experiment/run.sh --render bench/results/experiment");
        line("");
        header();
        line("## What was found");
        line("");
        (found.isEmpty() ? List.of("Nothing yet: no arm has been measured.") : found).forEach(sentence -> line("- " + sentence));
        line("");
        line("""
                "Above" and "below" are said where the 95 % interval of the paired difference excludes 0, by the hierarchical bootstrap and, from
                three seeds on, by Student's t over seeds as well; two seeds say little of how seeds differ. Else no difference was shown. AdaSPEC
                counts as better than DistillSpec only if it is above the best of the three DistillSpec arms, and because of its selection only if
                it is above the same share of tokens by lot too.""");
        line("");
        out.append(tables);
        settings();
        AtomicFile.writeString(Path.of(page + ".md"), out.toString());
    }

    private void header() {
        for (String machine : lines(state.resolve("machines.txt"))) {
            line(machine);
        }
        line("");
    }

    // ------------------------------------------------------------------------------------------------ a task

    private void task(Task task, TaskState of, List<String> found) {
        line("## " + task.name());
        line("");
        double loss = of.targetMetric("eval/loss");
        if (Double.isNaN(loss)) {
            line("The target is not fine-tuned yet.");
            line("");
            return;
        }
        line(String.format(Locale.ROOT, "The target's cross entropy on held-out training samples after fine-tuning: %.3f.", loss));
        List<String> missing = Arm.ALL.stream().map(Arm::name).filter(arm -> of.seeds(arm).isEmpty()).toList();
        line(missing.isEmpty() ? "All arms were run." : "Not run yet: " + String.join(", ", missing) + ".");
        line("");
        if (missing.size() == Arm.ALL.size()) {
            return;
        }
        arms(of);
        differences(task, of, found);
        if (task.name().equals("gsm8k")) {
            sweep(of);
        }
    }

    private void arms(TaskState of) {
        line("| arm | seeds | alpha | expected acceptance | block efficiency | steps | tokens, draft | reference | target | processor s"
                + " | plain tokens/s | speculative | speed-up |");
        line("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        for (Arm arm : Arm.ALL) {
            List<Integer> seeds = of.seeds(arm.name());
            if (seeds.isEmpty()) {
                continue;
            }
            var row = new StringBuilder("| " + arm.name() + " | " + seeds.stream().map(String::valueOf).collect(Collectors.joining(" ")));
            for (Measure measure : Measure.values()) {
                Rate rate = of.rate(measure, arm.name(), seeds);
                row.append(" | ").append(rate(rate.mean())).append(' ').append(interval(HierarchicalBootstrap.mean(rate)));
            }
            row.append(costs(of, arm, seeds.getFirst()));
            Evaluation speed = of.speed(arm.name());
            for (String key : List.of("plain_tokens_per_second", "speculative_tokens_per_second", "speedup")) {
                double value = speed == null ? Double.NaN : speed.number(key);
                row.append(" | ").append(Double.isNaN(value) ? "-" : String.format(Locale.ROOT, key.equals("speedup") ? "%.2fx" : "%.0f", value));
            }
            line(row + " |");
        }
        line("");
        for (Arm arm : Arm.ALL) {
            if (!of.seeds(arm.name()).isEmpty()) {
                line("- " + arm.name() + ": " + arm.meaning());
            }
        }
        line("");
        line("""
                Rates are means over seeds of ratios of sums over the test prompts; the intervals draw seeds and prompts. Steps, tokens and seconds
                are those of the first seed: of the draft's own stage, of the reference's training where the arm compares with one, and through the
                target if it were asked in every step (the teacher cache asks it once for each sample, whatever the arm). Seconds are processor
                seconds of the commands that trained the draft and the reference, with what the target says from the cache. Speeds are of the
                first seed's draft, on the first test prompts, greedy, 5 drafted tokens a step, one run each.""");
        line("");
    }

    private static String costs(TaskState of, Arm arm, int seed) {
        TaskState.Cost own = of.cost(arm.name(), seed);
        if (own == null) {
            return " | - | - | - | - | -";
        }
        TaskState.Cost reference = arm.hasReference() ? of.cost(Arm.EQUAL_STEPS, seed) : null;
        long referenceTokens = reference == null ? 0 : reference.tokens();
        return String.format(
                Locale.ROOT,
                " | %d | %s | %s | %s | %d",
                own.steps(),
                count(own.tokens()),
                reference == null ? "-" : count(referenceTokens),
                count(own.tokens() + referenceTokens),
                own.processorSeconds() + (reference == null ? 0 : reference.processorSeconds()));
    }

    /** Differences to AdaSPEC, and what they say. */
    private void differences(Task task, TaskState of, List<String> found) {
        var plot = new ForestPlot(
                task.name() + ": alpha of AdaSPEC minus alpha of",
                "paired difference of alpha; 95 % interval over seeds and prompts; small marks: seeds",
                0);
        var rows = new StringBuilder();
        Difference best = null;
        String bestName = null;
        Difference random = null;
        for (Arm arm : Arm.ALL) {
            List<Integer> seeds = of.seeds(Arm.ADASPEC, arm.name());
            if (arm.name().equals(Arm.ADASPEC) || seeds.isEmpty()) {
                continue;
            }
            Difference difference = Difference.of(of, Measure.ALPHA, Arm.ADASPEC, arm.name(), seeds);
            rows.append(row(of, difference, Arm.ADASPEC, arm.name()));
            plot.row(arm.name(), difference.mean(), difference.bootstrap(), difference.seeds());
            if (Arm.DISTILLSPEC.contains(arm.name()) && (best == null || difference.mean() < best.mean())) {
                best = difference;
                bestName = arm.name();
            }
            if (arm.name().equals(Arm.RANDOM)) {
                random = difference;
            }
        }
        for (Arm.Pair pair : Arm.OTHER_PAIRS) {
            List<Integer> seeds = of.seeds(pair.arm(), pair.against());
            if (!seeds.isEmpty()) {
                rows.append(row(of, Difference.of(of, Measure.ALPHA, pair.arm(), pair.against(), seeds), pair.arm(), pair.against()));
            }
        }
        if (rows.isEmpty()) {
            return;
        }
        line("| difference | seeds | alpha | over seeds and prompts | over seeds (Student) | each seed | expected acceptance | block efficiency |");
        line("|---|---|---|---|---|---|---|---|");
        out.append(rows);
        line("");
        picture(task.name(), plot);
        if (best != null) {
            long measured = Arm.DISTILLSPEC.stream().filter(arm -> !of.seeds(Arm.ADASPEC, arm).isEmpty()).count();
            String which = measured == Arm.DISTILLSPEC.size()
                    ? "the best DistillSpec (" + bestName + ")"
                    : bestName + ", the best of the DistillSpec arms run so far";
            found.add(task.name() + ": " + best.sentence("AdaSPEC", which)
                    + (random == null ? "; 40 % by lot was not run yet" : "; " + random.sentence("AdaSPEC", "40 % by lot")) + ".");
        }
    }

    /** @param alpha the difference of alpha between the two arms */
    private static String row(TaskState of, Difference alpha, String arm, String against) {
        var row = new StringBuilder("| " + String.join(
                " | ",
                arm + " - " + against,
                String.valueOf(alpha.of().size()),
                signed(alpha.mean()),
                signedInterval(alpha.bootstrap()),
                signedInterval(alpha.student()),
                each(alpha.seeds())));
        for (Measure measure : List.of(Measure.EXPECTED_ACCEPTANCE, Measure.BLOCK_EFFICIENCY)) {
            Difference difference = Difference.of(of, measure, arm, against, alpha.of());
            row.append(" | ").append(signed(difference.mean())).append(' ').append(signedInterval(difference.bootstrap()));
        }
        return row + " |\n";
    }

    private void sweep(TaskState of) {
        List<Double> shares = new ArrayList<>(List.of(0.4, 1.0));
        for (int tenth = 1; tenth < 10; tenth++) {
            if (tenth != 4 && !of.seeds(SWEEP + tenth / 10.0).isEmpty()) {
                shares.add(tenth / 10.0);
            }
        }
        shares.sort(Comparator.naturalOrder());
        String[] arms = shares.stream().map(Results::armOfShare).toArray(String[]::new);
        List<Integer> seeds = of.seeds(arms);
        if (arms.length < 3 || seeds.isEmpty()) {
            line("The sweep over k was not run yet.");
            line("");
            return;
        }
        line("### Share of the tokens");
        line("");
        line("The same steps and tokens as AdaSPEC's selective stage (batches of B/k and E/k epochs of k = 0.4), another share k of each batch kept. "
                + "Seeds " + seeds.stream().map(String::valueOf).collect(Collectors.joining(" ")) + ".");
        line("");
        line("| k | alpha | minus k = 1 (all tokens) | each seed |");
        line("|---|---|---|---|");
        var plot = new ForestPlot(
                "gsm8k: alpha by the share k that is kept", "alpha; 95 % interval over seeds and prompts; small marks: seeds", Double.NaN);
        for (int i = 0; i < arms.length; i++) {
            Rate rate = of.rate(Measure.ALPHA, arms[i], seeds);
            Interval interval = HierarchicalBootstrap.mean(rate);
            plot.row("k = " + shares.get(i), rate.mean(), interval, rate.values());
            Difference difference = Difference.of(of, Measure.ALPHA, arms[i], Arm.EQUAL_TOKENS, seeds);
            String against = signed(difference.mean()) + " " + signedInterval(difference.bootstrap()) + " | " + each(difference.seeds());
            String alpha = rate(rate.mean()) + " " + interval(interval);
            line("| " + shares.get(i) + " | " + alpha + " | " + (shares.get(i) == 1 ? "- | -" : against) + " |");
        }
        line("");
        picture("k", plot);
    }

    private static String armOfShare(double share) {
        return share == 0.4 ? Arm.ADASPEC : share == 1 ? Arm.EQUAL_TOKENS : SWEEP + share;
    }

    private void picture(String name, ForestPlot plot) {
        String file = page.getFileName() + "-" + name + ".svg";
        AtomicFile.writeString(page.resolveSibling(file), plot.svg());
        line("![" + name + "](" + file + ")");
        line("");
    }

    // ------------------------------------------------------------------------------------------------ a difference

    /** A measure of one arm minus that of another over the seeds of both. */
    record Difference(List<Integer> of, double mean, Interval bootstrap, Interval student, double[] seeds) {
        static Difference of(TaskState task, Measure measure, String a, String b, List<Integer> ofSeeds) {
            Rate first = task.rate(measure, a, ofSeeds);
            Rate second = task.rate(measure, b, ofSeeds);
            double[] seeds = first.values();
            double[] others = second.values();
            for (int s = 0; s < seeds.length; s++) {
                seeds[s] -= others[s];
            }
            double mean = first.mean() - second.mean();
            return new Difference(ofSeeds, mean, HierarchicalBootstrap.difference(first, second), HierarchicalBootstrap.student(seeds), seeds);
        }

        String sentence(String a, String b) {
            if (of.size() == 1) {
                return a + " was compared with " + b + " by one seed only, which shows nothing over seeds (alpha " + signed(mean) + ", over prompts "
                        + signedInterval(bootstrap) + ")";
            }
            boolean shown = bootstrap.excludes(0) && (of.size() < 3 || student.excludes(0));
            String figures = "alpha " + signed(mean) + " " + signedInterval(bootstrap) + ", " + of.size() + " seeds";
            return shown ? a + " is " + (mean > 0 ? "above " : "below ") + b + " (" + figures + ")"
                    : "no difference between " + a + " and " + b + " was shown (" + figures + ")";
        }
    }

    // ------------------------------------------------------------------------------------------------ what was set, and what it took

    private void settings() {
        line("## Settings");
        line("");
        lines(state.resolve("settings.txt")).forEach(this::line);
        line("");
        Path tune = state.resolve("tune");
        List<String> rates = names(tune, "\\S+-[0-9.e-]+\\.json");
        if (!rates.isEmpty()) {
            line("Learning rates, by alpha on held-out training samples of gsm8k, one run each:");
            line("");
            line("| family | rate | alpha | expected acceptance |");
            line("|---|---|---|---|");
            for (String name : rates) {
                String stem = name.substring(0, name.length() - ".json".length());
                int at = stem.matches(".*-\\d+(\\.\\d+)?e-\\d+") ? stem.lastIndexOf('-', stem.lastIndexOf("e-")) : stem.lastIndexOf('-');
                String family = stem.substring(0, at);
                String rate = stem.substring(at + 1);
                Evaluation evaluation = Evaluation.read(tune.resolve(name));
                boolean chosen = lines(tune.resolve(family + ".rate")).contains(rate);
                line("| " + family + " | " + rate + (chosen ? " (chosen)" : "") + " | " + rate(evaluation.number("alpha")) + " | "
                        + rate(evaluation.number("expected_acceptance")) + " |");
            }
            line("");
        }
        List<String> counts = lines(state.resolve("data").resolve("data.tsv"));
        if (!counts.isEmpty()) {
            line("Data, samples and characters:");
            line("");
            line("| task | part | samples | characters |");
            line("|---|---|---|---|");
            counts.forEach(count -> line("| " + count.replace("\t", " | ") + " |"));
            line("");
        }
        times();
    }

    private void times() {
        Times times = Times.read(state.resolve("times.tsv"));
        line(String.format(
                Locale.ROOT,
                "Steps done so far: %d, in %.1f hours of processors; %.1f hours of the steps' own time, some two at once or beside other work.",
                times.done(),
                times.processorSeconds() / 3600.0,
                times.seconds() / 3600.0));
    }

    // ------------------------------------------------------------------------------------------------ texts

    private void line(String text) {
        out.append(text).append('\n');
    }

    private static List<String> lines(Path file) {
        try {
            return Files.exists(file) ? Files.readAllLines(file) : List.of();
        } catch (IOException e) {
            throw new InputException("cannot read " + file + ": " + AtomicFile.reason(e), e);
        }
    }

    private static List<String> names(Path folder, String pattern) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.matches(pattern)).sorted().toList();
        } catch (IOException e) {
            throw new InputException("cannot read " + folder + ": " + AtomicFile.reason(e), e);
        }
    }

    private static String rate(double value) {
        return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%.4f", value);
    }

    private static String interval(Interval interval) {
        return Double.isNaN(interval.lo()) ? "" : String.format(Locale.ROOT, "[%.4f, %.4f]", interval.lo(), interval.hi());
    }

    private static String signed(double value) {
        return String.format(Locale.ROOT, "%+.4f", value);
    }

    private static String signedInterval(Interval interval) {
        return Double.isNaN(interval.lo()) ? "-" : String.format(Locale.ROOT, "[%+.4f, %+.4f]", interval.lo(), interval.hi());
    }

    private static String each(double[] values) {
        return java.util.Arrays.stream(values).mapToObj(Results::signed).collect(Collectors.joining(" "));
    }

    private static String count(long tokens) {
        return String.format(Locale.ROOT, "%,d", tokens);
    }
}
