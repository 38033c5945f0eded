package adaspec.engine;

import adaspec.common.Json;
import adaspec.common.Sha256;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The content of run folders, to compare runs bit for bit: everything but times, measured speeds, and what names the run itself. */
public final class Runs {
    /** Keys of times and of what follows from them, or from the memory that a process had. */
    private static final Set<String> TIMES = Set.of(
            "seconds", "tokens_per_second", "perf/tokens_per_second", "perf/step_seconds", "perf/teacher_seconds", "perf/peak_memory_bytes",
            "plain_tokens_per_second", "speculative_tokens_per_second", "speedup", "cost_ratio", "break_even_acceptance",
            "best_num_speculative_tokens", "verification_costs", "predicted_speedup");
    /** Their content is where the run is, or how often it was started. */
    private static final Set<String> OWN = Set.of("train_command.txt", "config.yaml", "report.html");

    private Runs() {}

    /** Path in the folder -> what is there: a hash, a link's goal, or JSON without times. */
    public static SortedMap<String, String> content(Path run) throws IOException {
        SortedMap<String, String> content = new TreeMap<>();
        Files.walkFileTree(run, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                String name = run.relativize(file).toString();
                content.put(name, attributes.isSymbolicLink() ? "-> " + Files.readSymbolicLink(file) : ofFile(file));
                return FileVisitResult.CONTINUE;
            }
        });
        return content;
    }

    private static String ofFile(Path file) throws IOException {
        String name = file.getFileName().toString();
        if (OWN.contains(name)) {
            return "there";
        }
        if (name.equals("metrics.jsonl")) {
            return Files.readAllLines(file).stream().map(line -> withoutTimes(Json.parse(line, name)).toString()).collect(Collectors.joining("\n"));
        }
        if (List.of("all_results.json", "trainer_state.json").contains(name)) {
            return withoutTimes(Json.readFile(file)).toPrettyString();
        }
        return Sha256.ofFile(file);
    }

    private static JsonNode withoutTimes(JsonNode node) {
        if (node instanceof ObjectNode object) {
            object.remove(TIMES);
        }
        node.forEach(Runs::withoutTimes);
        return node;
    }
}
