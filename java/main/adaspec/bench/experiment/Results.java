package adaspec.bench.experiment;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

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
                new TaskPage(task, new TaskState(state.resolve(task.name())), page, out).write(found);
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
                "Is above" and "is below" are said where the 95 % interval of the paired difference excludes 0 both by the hierarchical bootstrap
                and by Student's t over seeds; "was" where the bootstrap alone does, as two seeds say little of how seeds differ; else no difference
                was shown. AdaSPEC counts as better than DistillSpec only if it is above the best of the three DistillSpec arms, and because of its
                selection only if it is above the same share of tokens by lot too. The best is chosen by the same test prompts, and nothing is
                corrected for the number of comparisons.""");
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
                String remark = !chosen ? "" : isEdge(rate, family, rates) ? " (chosen, the edge of the grid)" : " (chosen)";
                line(String.join(
                        " | ",
                        "| " + family,
                        rate + remark,
                        Format.rate(evaluation.number("alpha")),
                        Format.rate(evaluation.number("expected_acceptance")) + " |"));
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

    /** Whether no rate of the family was higher, or none lower. */
    private static boolean isEdge(String rate, String family, List<String> names) {
        List<Double> grid = names.stream()
                .filter(name -> name.matches(java.util.regex.Pattern.quote(family) + "-\\d[0-9.e-]*\\.json"))
                .map(name -> Double.parseDouble(name.substring(family.length() + 1, name.length() - ".json".length())))
                .toList();
        double chosen = Double.parseDouble(rate);
        return grid.stream().noneMatch(other -> other > chosen) || grid.stream().noneMatch(other -> other < chosen);
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
}
