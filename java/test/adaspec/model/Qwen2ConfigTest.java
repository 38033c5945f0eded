package adaspec.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.InputException;
import adaspec.common.Json;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a Qwen 2's config.json may say, and what it may not. */
class Qwen2ConfigTest {
    private static ObjectNode config() {
        return (ObjectNode) Json.readFile(Path.of("java/golden/qwen2-tied/config.json"));
    }

    private static Architecture read(ObjectNode config) {
        return Model.architectureOf(config, "config.json");
    }

    /** Of Qwen2.5-0.5B, with the keys of transformers 4. */
    @Test
    void aPublishedConfigIsRead() {
        String published = """
                {"architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151643,
                 "hidden_act": "silu", "hidden_size": 896, "initializer_range": 0.02, "intermediate_size": 4864, "max_position_embeddings": 32768, "max_window_layers": 24,
                 "model_type": "qwen2", "num_attention_heads": 14, "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
                 "rope_theta": 1000000.0, "sliding_window": 32768, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
                 "use_mrope": false, "use_sliding_window": false, "vocab_size": 151936}
                """;
        Architecture architecture = read((ObjectNode) Json.parse(published, "the test"));
        assertEquals("qwen2: 24 layers of 896 channels, 14 heads of 64 over 2 key-value heads, MLP of 4864 (SwiGLU), RMS norm, rotary over 64 of 64"
                + " channels, theta 1000000, attention, then MLP, biases in queries, keys and values", ArchitectureText.describe(architecture));
        // As the model's card counts them.
        assertEquals(494_032_768, architecture.parameterCount());
        assertTrue(architecture.tiedHead());
        List<String> biases = architecture.parameters().stream().map(Architecture.Parameter::name).filter(name -> name.endsWith("bias")).toList();
        assertEquals(List.of("layers.0.query.bias", "layers.0.key.bias", "layers.0.value.bias"), biases.subList(0, 3));
        assertEquals(3 * 24, biases.size());
    }

    @Test
    void whatIsAbsentIsWhatTransformersTakes() {
        ObjectNode config = config();
        for (String key : new String[] {
            "rope_parameters", "tie_word_embeddings", "hidden_act", "rms_norm_eps", "max_position_embeddings", "layer_types", "use_sliding_window"
        }) {
            config.remove(key);
        }
        Architecture architecture = read(config);
        assertEquals(32768, architecture.maxPositions());
        assertEquals(10000, architecture.rotaryBase());
        assertTrue(architecture.qkvBias() && !architecture.attentionOutBias() && !architecture.mlpBias() && !architecture.tiedHead());
    }

    @Test
    void whatIsWrittenIsReadAsTheSame() {
        ObjectNode written = config();
        Architecture architecture = read(config());
        new Qwen2().complete(written, architecture);
        assertEquals(architecture, read(written));
    }

    @Test
    void aWindowThatNoLayerUsesIsNone() {
        ObjectNode config = config();
        config.remove("layer_types");
        config.put("use_sliding_window", true).put("sliding_window", 64).put("max_window_layers", 2);
        assertEquals(2, read(config).layers());
        config.put("max_window_layers", 1).putNull("sliding_window");
        assertEquals(2, read(config).layers());
        config.put("sliding_window", 64);
        String sentence = assertThrows(InputException.class, () -> read(config)).getMessage();
        assertTrue(sentence.contains("use_sliding_window"), sentence);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "layer_types;[\"full_attention\",\"sliding_attention\"];layer_types",
                "layer_types;[1];layer_types",
                "layer_types;\"full_attention\";layer_types",
                "use_sliding_window;1;",
                "rope_parameters;{\"rope_type\":\"yarn\",\"factor\":4};supported for qwen2",
                "hidden_act;\"gelu\";hidden_act",
                "num_key_value_heads;3;num_key_value_heads",
            })
    void whatCannotBeUsedIsNamed(String key, String value, String expected) {
        ObjectNode config = config();
        if (key.equals("use_sliding_window")) {
            config.remove("layer_types");
        }
        config.set(key, Json.parse(value, "the test"));
        String sentence = assertThrows(InputException.class, () -> read(config)).getMessage();
        assertTrue(sentence.contains(expected == null ? key : expected) && sentence.startsWith("config.json"), sentence);
    }
}
