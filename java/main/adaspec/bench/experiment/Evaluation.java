package adaspec.bench.experiment;

import adaspec.common.InputException;
import adaspec.common.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;

/** What {@code eval --output-json} wrote. */
record Evaluation(Path file, JsonNode json) {
    static Evaluation read(Path file) {
        return new Evaluation(file, Json.readFile(file));
    }

    /** One count of {@code prompt_counts}, an entry a prompt. */
    double[] counts(String name) {
        JsonNode array = json.path("prompt_counts").path(name);
        if (!array.isArray() || array.isEmpty()) {
            throw new InputException(file + " has no prompt_counts." + name + "; what eval --output-json writes was expected");
        }
        double[] counts = new double[array.size()];
        for (int i = 0; i < counts.length; i++) {
            counts[i] = array.get(i).asDouble();
        }
        return counts;
    }

    /** NaN where it is null or missing. */
    double number(String key) {
        return json.path(key).isNumber() ? json.get(key).asDouble() : Double.NaN;
    }
}
