package adaspec.engine;

import adaspec.common.AtomicFile;
import adaspec.common.Json;
import adaspec.eval.Acceptance;
import adaspec.train.Trainer;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** all_results.json: what a distillation did and gained, for programs. */
final class RunResults {
    private RunResults() {}

    /** @param acceptances by the names of {@link Distiller}; one that was not measured is null in the file */
    static void write(Path output, Method method, double k, long seed, List<Trainer.Outcome> outcomes, Map<String, Acceptance> acceptances) {
        ObjectNode results = Json.MAPPER.createObjectNode();
        results.put("method", method.toString());
        results.put("k", k);
        results.put("seed", seed);
        ArrayNode stages = results.putArray("stages");
        for (Trainer.Outcome outcome : outcomes) {
            ObjectNode stage = stages.addObject();
            stage.put("name", outcome.stage());
            stage.put("steps", outcome.steps());
            stage.put("tokens", outcome.tokens());
            stage.put("seconds", outcome.seconds());
            stage.put("tokens_per_second", outcome.tokensPerSecond());
        }
        ObjectNode measured = results.putObject("acceptance");
        for (String name : List.of(Distiller.UNTRAINED, Distiller.REFERENCE, Distiller.DRAFT)) {
            Acceptance acceptance = acceptances.get(name);
            if (acceptance == null) {
                measured.putNull(name);
            } else {
                measured.set(name, acceptance.toJson());
            }
        }
        AtomicFile.writeString(output.resolve("all_results.json"), results.toPrettyString() + "\n");
    }
}
