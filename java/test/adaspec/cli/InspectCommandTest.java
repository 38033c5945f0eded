package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.AtomicFile;
import adaspec.common.Json;
import adaspec.engine.ModelDirectories;
import adaspec.tensor.DType;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectCommandTest {
    @TempDir
    private Path folder;

    private static Line inspect(Path directory, String... more) {
        String[] arguments = new String[2 + more.length];
        arguments[0] = "inspect";
        arguments[1] = directory.toString();
        System.arraycopy(more, 0, arguments, 2, more.length);
        return Line.run(List.of(InspectCommand.class), arguments);
    }

    private static JsonNode json(Path directory) {
        return Json.parse(inspect(directory, "--output-json", "-").out(), "out");
    }

    @Test
    void theModelIsNotWrittenOver() throws IOException {
        Path model = ModelDirectories.write(folder.resolve("model"), 1, 1, DType.F32);
        Path file = model.resolve("model.safetensors");
        byte[] before = Files.readAllBytes(file);
        Line line = inspect(model, "--output-json", model.resolve("../model/model.safetensors").toString());
        assertEquals(Main.FAILED, line.code());
        assertTrue(line.log().contains("is a file of the model " + model), line.log());
        assertArrayEquals(before, Files.readAllBytes(file));
        assertEquals(Main.OK, inspect(model, "--output-json", model.resolve("found.json").toString()).code());
        assertTrue(inspect(model, "--output-json", "/").log().contains("cannot write /: it is a folder"));
    }

    /** Counted by hand: 16 channels, 2 layers, an MLP of 32, 260 rows. */
    @Test
    void tellsAllOfAModelThatCanBeUsed() throws IOException {
        Path model = ModelDirectories.write(folder.resolve("model"), 2, 1, DType.BF16);
        Line line = inspect(model);
        assertEquals(0, line.code(), line.log());
        assertEquals("", line.log());
        long matrices = 2 * 260 * 16 + 2 * (48 * 16 + 16 * 16 + 2 * 32 * 16);
        long vectors = 2 * (4 * 16 + 48 + 16 + 32 + 16) + 2 * 16;
        for (String words : List.of(
                "gpt_neox: 2 layers of 16 channels, 2 heads of 8, MLP of 32", "parameters " + String.format("%,d", matrices + vectors),
                "vocabulary 260 rows, the head has weights of its own", "positions  96", "BPE, pre-tokenizer ByteLevel, 257 tokens",
                "ends with  256 <|endoftext|>", "file       model.safetensors, 28 tensors, ", "type       BF16, ", "usable     yes")) {
            assertTrue(line.out().contains(words), words + " is missing in\n" + line.out());
        }
        JsonNode json = json(model);
        assertTrue(json.get("usable").asBoolean() && json.get("refused").isEmpty());
        assertEquals(matrices + vectors, json.get("num_parameters").asLong());
        assertEquals(2 * (matrices + vectors), json.get("type_bytes").get("BF16").asLong());
        assertEquals(Files.size(model.resolve("model.safetensors")), json.get("disk_bytes").asLong());
        assertEquals(2 * matrices + 4 * vectors, json.get("memory_bytes").asLong(), "vectors are widened");
        assertEquals(2 * 2 * 16 * 4, json.get("cache_bytes_per_position").asLong());
        assertEquals(256, json.get("end_tokens").get(0).get("id").asInt());
        Path file = folder.resolve("out.json");
        assertEquals(line.out(), inspect(model, "--output-json", file.toString()).out());
        assertEquals(json, Json.readFile(file));
    }

    @Test
    void tellsWhatItCanOfAModelThatIsRefused() throws IOException {
        Path model = ModelDirectories.write(folder.resolve("model"), 1, 1, DType.F32);
        ObjectNode config = (ObjectNode) Json.readFile(model.resolve("config.json"));

        refuses(model, config.deepCopy().put("model_type", "mamba"), "the architecture \"mamba\" is unknown", "257 tokens", "model.safetensors, 16 tensors");
        refuses(model, config.deepCopy().put("hidden_size", 24), "embed_in.weight", "1 layer of 24 channels", "positions  96");
        refuses(model, config.deepCopy().put("eos_token_id", "x"), "\"eos_token_id\" is \"x\"", "parameters ");
        AtomicFile.writeString(model.resolve("config.json"), config.toString());

        String tokenizer = Files.readString(model.resolve("tokenizer.json"));
        AtomicFile.writeString(model.resolve("tokenizer.json"), tokenizer.replace("\"BPE\"", "\"Unigram\""));
        refuses(model, config, "Unigram", "tokenizer  Unigram, pre-tokenizer ByteLevel\n", "parameters ");
        Files.delete(model.resolve("tokenizer.json"));
        Line bare = inspect(model);
        assertEquals(0, bare.code(), "a model without a tokenizer continues ids");
        assertTrue(bare.out().contains("tokenizer  none: ids can be continued, text cannot"), bare.out());

        try (FileChannel channel = FileChannel.open(model.resolve("model.safetensors"), StandardOpenOption.WRITE)) {
            channel.truncate(channel.size() - 100);
        }
        refuses(model, config, "model.safetensors", "1 layer of 16 channels");
        Files.delete(model.resolve("model.safetensors"));
        refuses(model, config, "has no model.safetensors", "1 layer of 16 channels");
        Files.delete(model.resolve("config.json"));
        Line empty = inspect(model);
        assertEquals(1, empty.code());
        assertTrue(empty.out().contains("there is no " + model.resolve("config.json")), empty.out());
    }

    private static void refuses(Path model, ObjectNode config, String reason, String... known) {
        AtomicFile.writeString(model.resolve("config.json"), config.toString());
        Line line = inspect(model);
        assertEquals(1, line.code());
        assertTrue(line.out().lines().anyMatch(text -> text.startsWith("refused    ") && text.contains(reason)), line.out());
        assertFalse(line.out().contains("usable"), line.out());
        for (String words : known) {
            assertTrue(line.out().contains(words), words + " is missing in\n" + line.out());
        }
        JsonNode json = json(model);
        assertFalse(json.get("usable").asBoolean());
        assertTrue(json.get("refused").get(0).asText().contains(reason), json::toString);
    }

    /** A model from somewhere else asks after files that are none of its business: even whether they are there is not told. */
    @Test
    void anIndexThatLeavesTheFolderIsNotFollowed() throws IOException {
        Path model = ModelDirectories.write(folder.resolve("model"), 1, 1, DType.F32);
        Files.move(model.resolve("model.safetensors"), folder.resolve("secret.safetensors"));
        for (String name : List.of("../secret.safetensors", folder.resolve("secret.safetensors").toString(), "../nowhere")) {
            Files.writeString(model.resolve("model.safetensors.index.json"), "{\"weight_map\": {\"a\": \"" + name + "\"}}");
            Line line = inspect(model);
            assertEquals(1, line.code());
            assertTrue(line.out().contains("the name of a file in the same folder was expected"), line.out());
            assertFalse(line.out().contains("16 tensors") || line.out().contains("no such file"), line.out());
        }
    }

    @Test
    void noFolderIsOneSentence() {
        Line line = inspect(folder.resolve("nowhere"));
        assertEquals(1, line.code());
        assertTrue(line.log().contains("no model directory") && line.log().lines().count() == 1, line.log());
        assertEquals(2, Line.run(List.of(InspectCommand.class), "inspect").code());
    }
}
