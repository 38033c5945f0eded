package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The main job with nothing given but a short length: what the build carries must be whole and must work. */
class DefaultRunTest {
    private static final Path WEIGHTS = Path.of("weights");

    @Test
    void distillRunsOnWhatTheBuildCarries(@TempDir Path folder) {
        Path output = folder.resolve("run");
        Line line = Line.run(
                List.of(DistillCommand.class),
                "distill", "--max-steps", "2", "--num-prompts", "3", "--max-new-tokens", "24", "--teacher-cache", "off", "--output-dir",
                output.toString());
        assertEquals(0, line.code(), line.log());
        assertTrue(line.log().contains("--learning-rate 0.001") && !line.log().contains("--teacher-cache memory"), "the options that suit: " + line.log());
        JsonNode results = Json.readFile(output.resolve("all_results.json"));
        assertEquals("adaspec", results.get("method").asText());
        assertEquals(List.of("reference", "selective"), results.get("stages").findValuesAsText("name"));
        for (String draft : new String[] {"untrained", "reference", "draft"}) {
            double alpha = results.at("/acceptance/" + draft + "/alpha").asDouble();
            // The shipped draft was trained on the target's own kind of text; one that guesses stays below 0.3.
            assertTrue(alpha > 0.5 && alpha <= 1, draft + " has alpha " + alpha);
        }
        assertTrue(Files.exists(output.resolve("model.safetensors")));
        assertTrue(Files.exists(output.resolve("tokenizer.json")));
    }

    /** A file that is changed, left out or ignored by git is noticed here. */
    @Test
    void theManifestListsExactlyWhatShips() throws Exception {
        var listed = new TreeSet<String>();
        for (String row : Files.readAllLines(WEIGHTS.resolve("manifest.tsv")).stream().skip(1).toList()) {
            String[] cells = row.split("\t");
            byte[] bytes = Files.readAllBytes(WEIGHTS.resolve(cells[2]));
            assertEquals(Long.parseLong(cells[0]), bytes.length, cells[2]);
            assertEquals(cells[1], HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)), cells[2]);
            listed.add(cells[2]);
        }
        assertEquals(listed, shipped());
    }

    private static TreeSet<String> shipped() throws IOException {
        try (Stream<Path> files = Files.walk(WEIGHTS.resolve("default"))) {
            var names = new TreeSet<String>();
            files.filter(Files::isRegularFile).map(file -> WEIGHTS.relativize(file).toString()).forEach(names::add);
            assertTrue(names.remove("default/default.json"), "default.json is settings, not a product of the recipe");
            return names;
        }
    }
}
