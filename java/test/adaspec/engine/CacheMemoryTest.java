package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import adaspec.TestBackends;
import adaspec.common.AtomicFile;
import adaspec.common.Json;
import adaspec.decode.Sampling;
import adaspec.model.Model;
import adaspec.model.Weights;
import adaspec.tensor.DType;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Texts whose caches no machine has room for. */
class CacheMemoryTest {
    private static final int POSITIONS = 1 << 24;

    @TempDir
    private Path folder;

    /** With {@code heads} heads of 64 channels a position takes 512 bytes of cache a head. */
    private Path write(String name, int heads) {
        ObjectNode config = Json.MAPPER.createObjectNode();
        config.put("model_type", "llama").put("vocab_size", ModelDirectories.VOCABULARY).put("hidden_size", 1).put("num_hidden_layers", 1);
        config.put("num_attention_heads", heads).put("head_dim", 64).put("intermediate_size", 1).put("max_position_embeddings", POSITIONS);
        config.put("tie_word_embeddings", true).put("eos_token_id", 256).put("initializer_range", 0.5);
        Path directory = folder.resolve(name);
        try (var memory = TestBackends.allocator()) {
            Weights weights = Weights.zeros(Model.architectureOf(config, "config"), memory);
            weights.initialize(1);
            Model.save(directory, config, weights, DType.F32, null);
        }
        AtomicFile.writeString(directory.resolve("tokenizer.json"), ModelDirectories.tokenizer().toString());
        return directory;
    }

    /** The target's cache fits and the draft's, 2^48 bytes, does not: half of a pair must not be taken for a pair by the next text. */
    @Test
    void aTextThatHasNoRoomLeavesTheSessionUsable() {
        Path target = write("target", 1);
        Path draft = write("draft", 1 << 15);
        GenerationSettings few = GenerationSettings.of(Sampling.greedy(3));
        GenerationSettings many = GenerationSettings.of(Sampling.greedy(POSITIONS));
        try (Engine engine = Engine.builder().target(target).draft(draft).threads(1).numSpeculativeTokens(1).open();
                EngineSession session = engine.openSession()) {
            int[] expected = session.generate("a", few, token -> {}).ids();
            assertThrows(OutOfMemoryError.class, () -> session.generate("a", many, token -> {}));
            long held = engine.bytesHeld();
            assertThrows(OutOfMemoryError.class, () -> session.generate("a", many, token -> {}));
            assertEquals(held, engine.bytesHeld(), "what was made for a text that could not begin is given back");
            assertArrayEquals(expected, session.generate("a", few, token -> {}).ids());
        }
    }
}
