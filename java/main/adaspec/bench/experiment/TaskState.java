package adaspec.bench.experiment;

import adaspec.bench.experiment.HierarchicalBootstrap.Rate;
import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.text.JsonLines;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What {@code run.sh} has left of one task: whatever is there, measured arms of some seeds. */
final class TaskState {
    /**
     * A stage of training.
     *
     * @param tokens           through the model in training
     * @param processorSeconds of its command, of all attempts together; what wall seconds say depends on what else ran beside
     */
    record Cost(long steps, long tokens, long processorSeconds) {}

    /** A measured arm with more epochs. */
    private static final Pattern LONGER = Pattern.compile(".*-x(\\d{1,4})\\.json");

    private final Path folder;
    private final List<Integer> seeds;
    private final TargetTexts texts;
    private final Times times;
    private final Map<Path, Evaluation> evaluations = new HashMap<>();

    /** @param folder of the task in the state's folder */
    TaskState(Path folder) {
        this.folder = folder;
        seeds = names(folder).stream().filter(name -> name.matches("\\d{1,6}")).map(Integer::parseInt).sorted().toList();
        texts = TargetTexts.read(folder.resolve("test.jsonl"));
        times = Times.read(folder.resolveSibling("times.tsv"));
    }

    private static List<String> names(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        } catch (IOException e) {
            throw new InputException("cannot read " + folder + ": " + AtomicFile.reason(e), e);
        }
    }

    /** The seeds that every one of {@code arms} was measured with, ascending. */
    List<Integer> seeds(String... arms) {
        return seeds.stream().filter(seed -> List.of(arms).stream().allMatch(arm -> Files.exists(file(arm, seed)))).toList();
    }

    private Path file(String arm, int seed) {
        return folder.resolve(Integer.toString(seed)).resolve(arm + ".json");
    }

    /** @throws InputException if the seeds were measured on different prompts */
    Rate rate(Measure measure, String arm, List<Integer> ofSeeds) {
        double[][] part = new double[ofSeeds.size()][];
        double[][] whole = new double[ofSeeds.size()][];
        for (int s = 0; s < part.length; s++) {
            Path file = file(arm, ofSeeds.get(s));
            Evaluation evaluation = evaluations.computeIfAbsent(file, Evaluation::read);
            part[s] = measure.part(evaluation);
            whole[s] = measure.whole(evaluation);
            if (part[s].length != part[0].length) {
                throw new InputException(file + " has " + part[s].length + " prompts, but seed " + ofSeeds.getFirst() + " has " + part[0].length);
            }
        }
        return new Rate(part, whole);
    }

    /** {@code arm} minus {@code against}, seed by seed. */
    Difference difference(Measure measure, String arm, String against, List<Integer> ofSeeds) {
        Rate first = rate(measure, arm, ofSeeds);
        Rate second = rate(measure, against, ofSeeds);
        requirePrompts(second, against, first.prompts(), "the arm " + arm);
        return Difference.of(first, second, ofSeeds);
    }

    /** @throws InputException if {@code rate}, of {@code arm}, is not over {@code expected} prompts, as many as {@code ofWhat} has */
    void requirePrompts(Rate rate, String arm, int expected, String ofWhat) {
        if (rate.prompts() != expected) {
            throw new InputException("the arm " + arm + " of " + folder.getFileName() + " was measured on " + rate.prompts() + " prompts; " + expected
                    + ", as many as those of " + ofWhat + ", were expected");
        }
    }

    /** How many times the epochs arms were trained for, other than once, ascending. */
    List<Integer> multiples() {
        var found = new TreeSet<Integer>();
        for (int seed : seeds) {
            for (String name : names(folder.resolve(Integer.toString(seed)))) {
                Matcher longer = LONGER.matcher(name);
                if (longer.matches()) {
                    found.add(Integer.parseInt(longer.group(1)));
                }
            }
        }
        return List.copyOf(found);
    }

    /** Of the stage that trained {@code arm}; null for what was not trained. */
    Cost cost(String arm, int seed) {
        Path file = folder.resolve(Integer.toString(seed)).resolve(arm).resolve("all_results.json");
        if (!Files.exists(file)) {
            return null;
        }
        JsonNode stage = Json.readFile(file).path("stages").path(0);
        long seconds = times.processorSeconds(folder.getFileName() + "/" + seed + "/" + arm);
        return new Cost(stage.path("steps").asLong(), stage.path("tokens").asLong(), seconds);
    }

    /** What the target wrote for the prompts that the arms are measured on; null if that is not there. */
    TargetTexts texts() {
        return texts;
    }

    /** The timed evaluation of {@code arm}, or null. */
    Evaluation speed(String arm) {
        Path file = folder.resolve("speed").resolve(arm + ".json");
        return Files.exists(file) ? Evaluation.read(file) : null;
    }

    /** The last value of a key of the fine-tuning's metrics.jsonl; NaN if there is none. */
    double targetMetric(String key) {
        Path file = folder.resolve("target").resolve("metrics.jsonl");
        double last = Double.NaN;
        if (Files.exists(file)) {
            List<Double> values = new ArrayList<>();
            JsonLines.read(file, JsonLines.Blank.SKIP, (json, line, where) -> {
                if (json.path(key).isNumber()) {
                    values.add(json.get(key).asDouble());
                }
            });
            last = values.isEmpty() ? last : values.getLast();
        }
        return last;
    }
}
