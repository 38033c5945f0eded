package adaspec.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.tensor.Safetensors;
import adaspec.tensor.Tensor;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Model directories that cannot be used end in one sentence that names the file and the value. */
class ModelFilesTest {
    private static final Path GOOD = Path.of("java/golden/neox-parallel");

    @TempDir
    Path folder;

    @BeforeEach
    void copyGoodModel() throws IOException {
        for (String name : new String[] {"config.json", "model.safetensors"}) {
            Files.copy(GOOD.resolve(name), folder.resolve(name));
        }
    }

    private String refusal() {
        try (var allocator = TestBackends.allocator()) {
            return assertThrows(InputException.class, () -> Model.open(folder, null, allocator).close()).getMessage();
        }
    }

    private void edit(java.util.function.Consumer<ObjectNode> change) throws IOException {
        ObjectNode config = (ObjectNode) Json.readFile(folder.resolve("config.json"));
        change.accept(config);
        Files.writeString(folder.resolve("config.json"), config.toString());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "hidden_size;33;not a multiple",
                "hidden_size;-32;hidden_size",
                "hidden_size;\"32\";hidden_size",
                "hidden_size;1e30;hidden_size",
                "hidden_size;99999999999;hidden_size",
                "num_hidden_layers;null;num_hidden_layers",
                "num_hidden_layers;3;gpt_neox.layers.2",
                "vocab_size;65;[64, 32]",
                "vocab_size;0;vocab_size",
                "model_type;\"mamba\";\"mamba\" is unknown",
                "model_type;7;model_type",
                "model_type;null;model_type",
                "hidden_act;\"relu\";hidden_act",
                "layer_norm_eps;\"x\";layer_norm_eps",
                "use_parallel_residual;1;use_parallel_residual",
                "rope_parameters;{\"rope_type\":\"yarn\"};yarn",
                "rope_parameters;[];rope_parameters",
                "rope_parameters;{\"partial_rotary_factor\":0.01};rotary channels",
            })
    void badConfigValuesAreNamed(String key, String value, String expected) throws IOException {
        var node = Json.parse(value, "the test");
        edit(config -> config.set(key, node));
        String sentence = refusal();
        assertTrue(sentence.contains(expected), sentence);
        assertTrue(sentence.contains(folder.toString()), sentence);
    }

    @Test
    void missingAndMalformedFilesAreNamed() throws IOException {
        Files.writeString(folder.resolve("config.json"), "{\n\"model_type\": ");
        assertTrue(refusal().contains("config.json is not valid JSON at line 2"));
        Files.writeString(folder.resolve("config.json"), "[]");
        assertTrue(refusal().contains("not a JSON object"));
        Files.delete(folder.resolve("config.json"));
        assertTrue(refusal().contains("config.json"));
        Files.copy(GOOD.resolve("config.json"), folder.resolve("config.json"));
        byte[] whole = Files.readAllBytes(folder.resolve("model.safetensors"));
        Files.write(folder.resolve("model.safetensors"), java.util.Arrays.copyOf(whole, whole.length - 10));
        assertTrue(refusal().contains("truncated"));
        Files.delete(folder.resolve("model.safetensors"));
        assertTrue(refusal().contains("has no model.safetensors"));
        try (var allocator = TestBackends.allocator()) {
            Path none = folder.resolve("none");
            assertTrue(assertThrows(InputException.class, () -> Model.open(none, null, allocator)).getMessage().contains("no model directory"));
        }
    }

    /** transformers 4 would compute with the embedding, transformers 5 with the head. */
    @Test
    void aTiedModelHasNoOtherHead() throws IOException {
        edit(config -> config.put("tie_word_embeddings", true));
        assertTrue(refusal().contains("embed_out.weight, which differs from gpt_neox.embed_in.weight"), this::refusal);
        try (var allocator = TestBackends.allocator();
                var whole = Safetensors.open(GOOD.resolve("model.safetensors"))) {
            Map<String, Tensor> tensors = new LinkedHashMap<>(whole.tensors());
            tensors.put("embed_out.weight", tensors.get("gpt_neox.embed_in.weight"));
            Safetensors.write(folder.resolve("model.safetensors"), tensors, Map.of());
            try (var model = Model.open(folder, null, allocator)) {
                assertTrue(model.architecture().tiedHead());
            }
        }
    }

    @Test
    void shardsWithAnIndexAreReadAndTheirIndexCannotLeaveTheFolder() throws IOException {
        ObjectNode index = Json.MAPPER.createObjectNode();
        ObjectNode map = index.putObject("weight_map");
        try (var allocator = TestBackends.allocator();
                var whole = Safetensors.open(GOOD.resolve("model.safetensors"));
                var model = Model.open(GOOD, null, allocator)) {
            Map<String, Tensor> first = new LinkedHashMap<>();
            Map<String, Tensor> second = new LinkedHashMap<>();
            whole.tensors().forEach((name, tensor) -> {
                boolean toFirst = first.size() <= second.size();
                (toFirst ? first : second).put(name, tensor);
                map.put(name, toFirst ? "model-00001-of-00002.safetensors" : "model-00002-of-00002.safetensors");
            });
            Safetensors.write(folder.resolve("model-00001-of-00002.safetensors"), first, Map.of());
            Safetensors.write(folder.resolve("model-00002-of-00002.safetensors"), second, Map.of());
            Files.delete(folder.resolve("model.safetensors"));
            Files.writeString(folder.resolve("model.safetensors.index.json"), index.toString());
            try (var sharded = Model.open(folder, null, allocator)) {
                model.weights().tensors().forEach((name, tensor) ->
                        assertArrayEquals(tensor.toFloats(), sharded.weights().get(name).toFloats(), name));
            }
        }
        map.put(map.fieldNames().next(), "../escape.safetensors");
        Files.writeString(folder.resolve("model.safetensors.index.json"), index.toString());
        assertTrue(refusal().contains("same folder"));
        Files.writeString(folder.resolve("model.safetensors.index.json"), "{}");
        assertTrue(refusal().contains("weight_map"));
    }

    /** In a parameter that no prompt would touch too: the row of a token that is not used. */
    @Test
    void aWeightThatIsNotANumberIsRefusedByTheTensorsName() throws IOException {
        try (var whole = Safetensors.open(GOOD.resolve("model.safetensors"))) {
            for (String name : new String[] {"gpt_neox.embed_in.weight", "gpt_neox.layers.1.mlp.dense_4h_to_h.bias"}) {
                Map<String, Tensor> tensors = new LinkedHashMap<>(whole.tensors());
                Tensor bad = Tensor.ofFloats(tensors.get(name).toFloats(), tensors.get(name).shape());
                bad.set(5, Float.NaN);
                tensors.put(name, bad);
                Safetensors.write(folder.resolve("model.safetensors"), tensors, Map.of());
                assertTrue(refusal().startsWith(folder.resolve("model.safetensors") + ": tensor " + name + " holds NaN at index 5; finite"));
            }
        }
    }

    /** A header whose length is odd leaves every weight at an odd address. */
    @Test
    void weightsAtOddAddressesAreTheSameWeights() throws IOException {
        byte[] bytes = Files.readAllBytes(GOOD.resolve("model.safetensors"));
        ByteBuffer whole = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int header = (int) whole.getLong(0);
        ByteBuffer odd = ByteBuffer.allocate(bytes.length + 1).order(ByteOrder.LITTLE_ENDIAN);
        odd.putLong(header + 1).put(bytes, 8, header).put((byte) ' ').put(bytes, 8 + header, bytes.length - 8 - header);
        Files.write(folder.resolve("model.safetensors"), odd.array());
        try (var allocator = TestBackends.allocator();
                var model = Model.open(GOOD, null, allocator);
                var moved = Model.open(folder, null, allocator)) {
            moved.weights().tensors().forEach((name, tensor) -> {
                assertTrue(Safetensors.isAligned(tensor), name);
                assertArrayEquals(model.weights().get(name).toFloats(), tensor.toFloats(), name);
            });
        }
    }

    @Test
    void endTokensComeFromTheGenerationConfigFirst() throws IOException {
        try (var allocator = TestBackends.allocator();
                var model = Model.open(folder, null, allocator)) {
            assertArrayEquals(new int[] {0}, model.endTokens());
            Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": [3, 5]}");
            assertArrayEquals(new int[] {3, 5}, model.endTokens());
            Files.writeString(folder.resolve("generation_config.json"), "{}");
            assertArrayEquals(new int[] {0}, model.endTokens());
            Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": \"x\"}");
            assertTrue(assertThrows(InputException.class, model::endTokens).getMessage().contains("generation_config.json: \"eos_token_id\""));
            Files.writeString(folder.resolve("generation_config.json"), "[]");
            assertTrue(assertThrows(InputException.class, model::endTokens).getMessage().endsWith("generation_config.json is not a JSON object"));
            Files.delete(folder.resolve("generation_config.json"));
        }
        Path config = folder.resolve("config.json");
        Files.writeString(config, Files.readString(config).replaceFirst("\"eos_token_id\"\\s*:\\s*\\d+", "\"eos_token_id\": \"x\""));
        try (var allocator = TestBackends.allocator();
                var model = Model.open(folder, null, allocator)) {
            assertTrue(assertThrows(InputException.class, model::endTokens).getMessage().startsWith(config + ": \"eos_token_id\""));
        }
    }

    /** The two spellings of the rotary settings, transformers 4 and 5, describe the same architecture, and what is written carries both. */
    @Test
    void bothSpellingsOfTheRotarySettingsAreReadAndWritten() throws IOException {
        ObjectNode five = (ObjectNode) Json.readFile(folder.resolve("config.json"));
        ObjectNode four = five.deepCopy();
        four.remove("rope_parameters");
        four.put("rotary_pct", 0.5).put("rotary_emb_base", 10000);
        assertEquals(Model.architectureOf(five, "five"), Model.architectureOf(four, "four"));
        try (var allocator = TestBackends.allocator();
                var model = Model.open(folder, null, allocator)) {
            Path saved = folder.resolve("saved");
            Model.save(saved, four, model.weights(), model.fileType(), null);
            ObjectNode written = (ObjectNode) Json.readFile(saved.resolve("config.json"));
            assertEquals(0.5, written.path("rope_parameters").path("partial_rotary_factor").asDouble());
            assertEquals(0.5, written.path("rotary_pct").asDouble());
            assertEquals("float32", written.path("torch_dtype").asText());
            assertEquals("float32", written.path("dtype").asText());
            assertEquals(model.architecture(), Model.architectureOf(written, "written"));
        }
    }
}
