package adaspec.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.InputException;
import adaspec.common.Json;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a Llama's config.json may say, in either spelling, and what it may not. */
class LlamaConfigTest {
    private static ObjectNode config() {
        return (ObjectNode) Json.readFile(Path.of("java/golden/llama-grouped/config.json"));
    }

    private static Architecture read(ObjectNode config) {
        return Model.architectureOf(config, "config.json");
    }

    @Test
    void bothSpellingsOfTheRotarySettingsMeanTheSameAndBothAreWritten() {
        ObjectNode four = config();
        ObjectNode rope = (ObjectNode) four.remove("rope_parameters");
        four.set("rope_theta", rope.remove("rope_theta"));
        four.set("rope_scaling", rope);
        Architecture architecture = read(config());
        assertEquals(new RotaryScaling(RotaryScaling.Kind.LLAMA3, 8, 1, 4, 64), architecture.rotaryScaling());
        assertEquals(architecture, read(four));
        ObjectNode written = config();
        new Llama().complete(written, architecture);
        ObjectNode onlyFive = written.deepCopy();
        onlyFive.remove("rope_scaling");
        onlyFive.remove("rope_theta");
        ObjectNode onlyFour = written.deepCopy();
        onlyFour.remove("rope_parameters");
        for (ObjectNode one : new ObjectNode[] {written, onlyFive, onlyFour}) {
            assertEquals(architecture, read(one));
        }
    }

    @Test
    void whatIsAbsentIsWhatTransformersTakes() {
        ObjectNode config = config();
        for (String key : new String[] {
            "rope_parameters", "head_dim", "num_key_value_heads", "attention_bias", "mlp_bias", "tie_word_embeddings", "hidden_act", "rms_norm_eps"
        }) {
            config.remove(key);
        }
        Architecture architecture = read(config);
        assertEquals(4, architecture.kvHeads());
        assertEquals(8, architecture.headDim());
        assertEquals(10000, architecture.rotaryBase());
        assertEquals(RotaryScaling.NONE, architecture.rotaryScaling());
        assertEquals(1e-6f, architecture.normEps());
        assertTrue(!architecture.qkvBias() && !architecture.attentionOutBias() && !architecture.mlpBias() && !architecture.tiedHead());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "rope_parameters;{\"rope_type\":\"yarn\",\"factor\":2};\"yarn\"",
                "rope_parameters;{\"rope_type\":\"llama3\",\"factor\":8};low_freq_factor",
                "rope_parameters;{\"rope_type\":\"linear\"};factor",
                "rope_parameters;{\"rope_type\":\"linear\",\"factor\":0};factor",
                "rope_parameters;{\"partial_rotary_factor\":0.5};partial_rotary_factor",
                "rope_scaling;{\"type\":\"dynamic\",\"factor\":2};\"dynamic\"",
                "num_key_value_heads;3;num_key_value_heads",
                "head_dim;7;even",
                "hidden_act;\"gelu\";hidden_act",
                "rms_norm_eps;\"x\";rms_norm_eps",
                "mlp_bias;3;mlp_bias",
            })
    void whatCannotBeUsedIsNamed(String key, String value, String expected) {
        ObjectNode config = config();
        config.set(key, Json.parse(value, "the test"));
        String sentence = assertThrows(InputException.class, () -> read(config)).getMessage();
        assertTrue(sentence.contains(expected) && sentence.startsWith("config.json"), sentence);
    }
}
