package adaspec.bench.experiment;

import adaspec.bench.experiment.HierarchicalBootstrap.Rate;
import adaspec.common.AtomicFile;
import adaspec.eval.Interval;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** The part of the page of {@link Results} that is about one task: what its target writes, its arms, their differences, and the sweep over k. */
final class TaskPage {
    /** Shares of the sweep that have names of their own. */
    private static final String SWEEP = "k-";

    /** The task that the sweep is of. */
    private static final String SWEPT = "gsm8k";

    private static final int MOST_LETTERS_SHOWN = 300;

    private final Task task;
    private final TaskState of;
    private final Path page;
    private final StringBuilder out;

    /** @param out what is written is appended here; plots go beside {@code page} */
    TaskPage(Task task, TaskState of, Path page, StringBuilder out) {
        this.task = task;
        this.of = of;
        this.page = page;
        this.out = out;
    }

    /** @param found gets the sentences that say what was found */
    void write(List<String> found) {
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
        targetTexts();
        if (missing.size() == Arm.ALL.size()) {
            return;
        }
        arms();
        differences(found);
        withoutLoops();
        if (task.name().equals(SWEPT)) {
            sweep();
        }
        for (int times : of.multiples()) {
            moreEpochs(times, found);
        }
    }

    // ------------------------------------------------------------------------------------------------ the target's texts

    private void targetTexts() {
        TargetTexts texts = of.texts();
        if (texts == null) {
            return;
        }
        line(String.format(
                Locale.ROOT,
                "For %d test prompts it writes %d different texts. %d end in a loop: their last %d tokens repeat with a period of at most %d; "
                        + "%.0f %% of all tokens are in such texts.",
                texts.texts().size(),
                texts.distinct(),
                texts.count(),
                TargetTexts.TAIL,
                TargetTexts.PERIOD,
                100 * texts.tokenShare()));
        int[] others = texts.others();
        if (others.length > 0) {
            String text = texts.texts().get(others[0]);
            line("The first that does not:");
            line("");
            (text.length() > MOST_LETTERS_SHOWN ? text.substring(0, MOST_LETTERS_SHOWN) + " ..." : text).lines().forEach(part -> line("    " + part));
        }
        line("");
    }

    private void withoutLoops() {
        TargetTexts texts = of.texts();
        if (texts == null || texts.count() == 0 || texts.others().length == 0) {
            return;
        }
        List<String> rows = new ArrayList<>();
        for (Arm arm : Arm.ALL) {
            List<Integer> seeds = of.seeds(Arm.ADASPEC, arm.name());
            if (seeds.isEmpty()) {
                continue;
            }
            Rate all = of.rate(Measure.ALPHA, arm.name(), seeds);
            of.requirePrompts(all, arm.name(), texts.texts().size(), "the target's texts");
            Rate rate = all.of(texts.others());
            Rate adaspec = of.rate(Measure.ALPHA, Arm.ADASPEC, seeds).of(texts.others());
            Difference difference = Difference.of(adaspec, rate, seeds);
            rows.add(String.join(
                    " | ",
                    "| " + arm.name(),
                    Format.seeds(seeds),
                    rate(rate),
                    arm.name().equals(Arm.ADASPEC) ? "- | - |"
                            : Format.signed(difference.mean()) + " " + Format.signed(difference.bootstrap()) + " | "
                                    + Format.signed(difference.student()) + " |"));
        }
        if (rows.isEmpty()) {
            return;
        }
        line("Without the texts that end in a loop:");
        line("");
        line("| arm | seeds | alpha | adaspec minus it, over seeds and prompts | over seeds (Student) |");
        line("|---|---|---|---|---|");
        rows.forEach(this::line);
        line("");
    }

    // ------------------------------------------------------------------------------------------------ arms

    private void arms() {
        line("| arm | seeds | alpha | expected acceptance | block efficiency | steps | tokens, draft | reference | target | processor s"
                + " | plain tokens/s | speculative | speed-up |");
        line("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        for (Arm arm : Arm.ALL) {
            List<Integer> seeds = of.seeds(arm.name());
            if (seeds.isEmpty()) {
                continue;
            }
            var row = new StringBuilder("| " + arm.name() + " | " + Format.seeds(seeds));
            for (Measure measure : Measure.values()) {
                row.append(" | ").append(rate(measure, arm.name(), seeds));
            }
            row.append(costs(arm, 1, seeds.getFirst()));
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
                Rates are means over seeds of ratios of sums over the test prompts; the intervals draw seeds and prompts. Arms with other seeds are
                not to be compared in this table; the next has pairs. Steps, tokens and seconds are those of the first seed. Tokens of the draft are
                those of its own stage. Where an arm compares with a reference, that was trained on the first number, and asked about the second;
                the target is asked in both stages (what it and the reference say of a sample is computed once and then comes from the cache,
                whatever the arm). Seconds are processor seconds of the commands that trained the draft and the reference; the first command that
                needs the cache bears its filling. Speeds are of the first seed's draft, on the first test prompts, greedy, 5 drafted tokens a
                step, one run each.""");
        line("");
    }

    private String costs(Arm arm, int times, int seed) {
        TaskState.Cost own = of.cost(Arm.longer(arm.name(), times), seed);
        if (own == null) {
            return " | - | - | - | - | -";
        }
        TaskState.Cost reference = arm.hasReference() ? of.cost(Arm.longer(Arm.EQUAL_STEPS, times), seed) : null;
        return String.format(
                Locale.ROOT,
                " | %d | %s | %s | %s | %d",
                own.steps(),
                Format.count(own.tokens()),
                reference == null ? "-" : Format.count(reference.tokens()) + " + " + Format.count(own.tokens()),
                Format.count(own.tokens() + (reference == null ? 0 : reference.tokens())),
                own.processorSeconds() + (reference == null ? 0 : reference.processorSeconds()));
    }

    // ------------------------------------------------------------------------------------------------ differences

    /** Differences to AdaSPEC, and what they say. */
    private void differences(List<String> found) {
        var plot = new ForestPlot(
                task.name() + ": alpha of AdaSPEC minus alpha of",
                "paired difference of alpha; 95 % interval over seeds and prompts; small marks: seeds",
                0);
        var rows = new ArrayList<String>();
        Difference random = null;
        for (Arm arm : Arm.ALL) {
            List<Integer> seeds = of.seeds(Arm.ADASPEC, arm.name());
            if (arm.name().equals(Arm.ADASPEC) || seeds.isEmpty()) {
                continue;
            }
            Difference difference = of.difference(Measure.ALPHA, Arm.ADASPEC, arm.name(), seeds);
            rows.add(row(difference, Arm.ADASPEC, arm.name()));
            plot.row(arm.name(), difference.mean(), difference.bootstrap(), difference.each());
            if (arm.name().equals(Arm.RANDOM)) {
                random = difference;
            }
        }
        for (Arm.Pair pair : Arm.OTHER_PAIRS) {
            List<Integer> seeds = of.seeds(pair.arm(), pair.against());
            if (!seeds.isEmpty()) {
                rows.add(row(of.difference(Measure.ALPHA, pair.arm(), pair.against(), seeds), pair.arm(), pair.against()));
            }
        }
        if (rows.isEmpty()) {
            return;
        }
        line("| difference | seeds | alpha | over seeds and prompts | over seeds (Student) | each seed | expected acceptance | block efficiency |");
        line("|---|---|---|---|---|---|---|---|");
        rows.forEach(this::line);
        line("");
        picture(task.name(), plot);
        String againstDistillSpec = againstDistillSpec(1);
        if (againstDistillSpec != null) {
            found.add(task.name() + ": " + againstDistillSpec
                    + (random == null ? "; 40 % by lot was not run yet" : "; " + random.sentence("AdaSPEC", "40 % by lot")) + ".");
        }
    }

    /** What is said of AdaSPEC and the best of the DistillSpec arms, over the seeds that all of these have; null if there is no such seed. */
    private String againstDistillSpec(int times) {
        String adaspec = Arm.longer(Arm.ADASPEC, times);
        List<String> measured = Arm.DISTILLSPEC.stream().map(arm -> Arm.longer(arm, times)).filter(arm -> !of.seeds(adaspec, arm).isEmpty()).toList();
        List<String> all = new ArrayList<>(measured);
        all.add(adaspec);
        List<Integer> seeds = of.seeds(all.toArray(String[]::new));
        if (measured.isEmpty() || seeds.isEmpty()) {
            return null;
        }
        Comparator<String> byAlpha = Comparator.comparingDouble(arm -> of.rate(Measure.ALPHA, arm, seeds).mean());
        String best = measured.stream().max(byAlpha).orElseThrow();
        String which = measured.size() == Arm.DISTILLSPEC.size()
                ? "the best DistillSpec (" + best + ")"
                : best + ", the best of the DistillSpec arms run so far";
        return of.difference(Measure.ALPHA, adaspec, best, seeds).sentence("AdaSPEC", which);
    }

    /** @param alpha the difference of alpha between the two arms */
    private String row(Difference alpha, String arm, String against) {
        var row = new StringBuilder("| " + String.join(
                " | ",
                arm + " - " + against,
                String.valueOf(alpha.seeds().size()),
                Format.signed(alpha.mean()),
                Format.signed(alpha.bootstrap()),
                Format.signed(alpha.student()),
                Format.each(alpha.each())));
        for (Measure measure : List.of(Measure.EXPECTED_ACCEPTANCE, Measure.BLOCK_EFFICIENCY)) {
            Difference difference = of.difference(measure, arm, against, alpha.seeds());
            row.append(" | ").append(Format.signed(difference.mean())).append(' ').append(Format.signed(difference.bootstrap()));
        }
        return row + " |";
    }

    // ------------------------------------------------------------------------------------------------ the sweep

    private void sweep() {
        List<Double> shares = new ArrayList<>(List.of(0.4, 1.0));
        for (int tenth = 1; tenth < 10; tenth++) {
            if (tenth != 4 && !of.seeds(SWEEP + tenth / 10.0).isEmpty()) {
                shares.add(tenth / 10.0);
            }
        }
        shares.sort(Comparator.naturalOrder());
        String[] arms = shares.stream().map(TaskPage::armOfShare).toArray(String[]::new);
        List<Integer> seeds = of.seeds(arms);
        if (arms.length < 3 || seeds.isEmpty()) {
            line("The sweep over k was not run yet.");
            line("");
            return;
        }
        line("### Share of the tokens");
        line("");
        line("The same steps and tokens as AdaSPEC's selective stage (batches of B/k and E/k epochs of k = 0.4), another share k of each batch kept. "
                + "Seeds " + Format.seeds(seeds) + ".");
        line("");
        line("| k | alpha | minus k = 1 (all tokens) | each seed |");
        line("|---|---|---|---|");
        var plot = new ForestPlot(
                task.name() + ": alpha by the share k that is kept", "alpha; 95 % interval over seeds and prompts; small marks: seeds", Double.NaN);
        for (int i = 0; i < arms.length; i++) {
            Rate rate = of.rate(Measure.ALPHA, arms[i], seeds);
            Interval interval = HierarchicalBootstrap.mean(rate);
            plot.row("k = " + shares.get(i), rate.mean(), interval, rate.values());
            Difference difference = of.difference(Measure.ALPHA, arms[i], Arm.EQUAL_TOKENS, seeds);
            String against = Format.signed(difference.mean()) + " " + Format.signed(difference.bootstrap()) + " | " + Format.each(difference.each());
            String alpha = Format.rate(rate.mean()) + " " + Format.interval(interval);
            line("| " + shares.get(i) + " | " + alpha + " | " + (shares.get(i) == 1 ? "- | -" : against) + " |");
        }
        line("");
        picture("k", plot);
    }

    private static String armOfShare(double share) {
        return share == 0.4 ? Arm.ADASPEC : share == 1 ? Arm.EQUAL_TOKENS : SWEEP + share;
    }

    // ------------------------------------------------------------------------------------------------ more epochs

    /** The arms that were trained for {@code times} the epochs, over the seeds that all of them have. */
    private void moreEpochs(int times, List<String> found) {
        List<Arm> arms = Arm.ALL.stream().filter(arm -> !of.seeds(Arm.longer(arm.name(), times)).isEmpty()).toList();
        List<Integer> seeds = of.seeds(arms.stream().map(arm -> Arm.longer(arm.name(), times)).toArray(String[]::new));
        line("### " + times + " times the epochs");
        line("");
        if (seeds.isEmpty()) {
            line("No seed has all of its arms yet.");
            line("");
            return;
        }
        String adaspec = Arm.longer(Arm.ADASPEC, times);
        boolean paired = !of.seeds(adaspec).isEmpty();
        line("As above, with " + times + " E in the place of E in every stage. The learning rates are those chosen for E. Seeds "
                + Format.seeds(seeds) + ".");
        line("");
        line("| arm | alpha | with E | adaspec minus it, over seeds and prompts | over seeds (Student) | each seed | expected acceptance"
                + " | block efficiency | steps | tokens, draft | reference | target | processor s |");
        line("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        Difference random = null;
        for (Arm arm : arms) {
            String name = Arm.longer(arm.name(), times);
            var row = new StringBuilder("| " + arm.name() + " | " + rate(Measure.ALPHA, name, seeds) + " | "
                    + (of.seeds(arm.name()).containsAll(seeds) ? rate(Measure.ALPHA, arm.name(), seeds) : "-"));
            if (paired && !arm.name().equals(Arm.ADASPEC)) {
                Difference difference = of.difference(Measure.ALPHA, adaspec, name, seeds);
                random = arm.name().equals(Arm.RANDOM) ? difference : random;
                row.append(" | ").append(Format.signed(difference.mean())).append(' ').append(Format.signed(difference.bootstrap()))
                        .append(" | ").append(Format.signed(difference.student())).append(" | ").append(Format.each(difference.each()));
            } else {
                row.append(" | - | - | -");
            }
            row.append(" | ").append(rate(Measure.EXPECTED_ACCEPTANCE, name, seeds));
            row.append(" | ").append(rate(Measure.BLOCK_EFFICIENCY, name, seeds));
            line(row + costs(arm, times, seeds.getFirst()) + " |");
        }
        line("");
        String againstDistillSpec = againstDistillSpec(times);
        if (againstDistillSpec != null) {
            found.add(task.name() + ", " + times + " times the epochs: " + againstDistillSpec
                    + (random == null ? "" : "; " + random.sentence("AdaSPEC", "40 % by lot")) + ".");
        }
    }

    private String rate(Measure measure, String arm, List<Integer> seeds) {
        return rate(of.rate(measure, arm, seeds));
    }

    private static String rate(Rate rate) {
        return Format.rate(rate.mean()) + " " + Format.interval(HierarchicalBootstrap.mean(rate));
    }

    // ------------------------------------------------------------------------------------------------ texts

    private void picture(String name, ForestPlot plot) {
        String file = page.getFileName() + "-" + name + ".svg";
        AtomicFile.writeString(page.resolveSibling(file), plot.svg());
        line("![" + name + "](" + file + ")");
        line("");
    }

    private void line(String text) {
        out.append(text).append('\n');
    }
}
