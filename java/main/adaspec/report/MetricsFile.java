package adaspec.report;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * metrics.jsonl as curves: stages in the order they ran, and in each the values that were logged, by their keys. The file holds what was logged
 * before a run was stopped and resumed, too. Of a step that stands there twice the later line counts; a line that cannot be read is counted, and
 * costs nobody the report of a long run.
 */
final class MetricsFile {
    private final Map<String, Map<String, TreeMap<Long, Double>>> stages = new LinkedHashMap<>();
    private int unreadable;

    private MetricsFile() {}

    /** A file that is not there is one without lines: a run whose only stage was given logs nothing. */
    static MetricsFile read(Path file) {
        MetricsFile metrics = new MetricsFile();
        if (!Files.exists(file)) {
            return metrics;
        }
        try (BufferedReader lines = Files.newBufferedReader(file)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.isBlank()) {
                    metrics.add(line);
                }
            }
        } catch (IOException e) {
            throw new InputException("cannot read " + file + ": " + AtomicFile.reason(e), e);
        }
        return metrics;
    }

    private void add(String line) {
        JsonNode node;
        try {
            node = Json.parse(line, "metrics.jsonl");
        } catch (InputException e) {
            unreadable++;
            return;
        }
        JsonNode stage = node.path("stage");
        JsonNode step = node.path("step");
        if (!stage.isTextual() || !step.canConvertToLong()) {
            unreadable++;
            return;
        }
        Map<String, TreeMap<Long, Double>> values = stages.computeIfAbsent(stage.asText(), name -> new LinkedHashMap<>());
        node.properties().forEach(entry -> {
            if (entry.getValue().isNumber() && entry.getKey().contains("/")) {
                values.computeIfAbsent(entry.getKey(), key -> new TreeMap<>()).put(step.asLong(), entry.getValue().asDouble());
            }
        });
    }

    /** In the order they ran. */
    List<String> stages() {
        return new ArrayList<>(stages.keySet());
    }

    /** The values of {@code key} over the steps of {@code stage}; empty where it was not logged. */
    Curve curve(String stage, String key) {
        Curve curve = new Curve();
        stages.getOrDefault(stage, Map.of()).getOrDefault(key, new TreeMap<>()).forEach((step, value) -> curve.add(step, value));
        return curve;
    }

    /** Lines that are not one JSON object with a stage and a step. */
    int unreadable() {
        return unreadable;
    }
}
