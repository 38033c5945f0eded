package adaspec.engine;

import adaspec.TestBackends;
import adaspec.common.AtomicFile;
import adaspec.common.Json;
import adaspec.model.Model;
import adaspec.model.Weights;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** Writes tiny model directories with a tokenizer of single bytes: 256 ids, {@code <|endoftext|>} as 256, and three padding rows in the head. */
public final class ModelDirectories {
    public static final int TOKENS = 257;
    public static final int VOCABULARY = 260;
    public static final int POSITIONS = 96;

    private ModelDirectories() {}

    public static Path write(Path directory, int layers, long seed, DType type) {
        return write(directory, layers, seed, type, 0, 256);
    }

    /** @param noise added to every matrix, from the seed: a relative of the model of that seed
     *  @param end   the end token */
    public static Path write(Path directory, int layers, long seed, DType type, double noise, int end) {
        ObjectNode config = Json.MAPPER.createObjectNode();
        config.put("model_type", "gpt_neox");
        config.put("vocab_size", VOCABULARY);
        config.put("hidden_size", 16);
        config.put("num_hidden_layers", layers);
        config.put("num_attention_heads", 2);
        config.put("intermediate_size", 32);
        config.put("max_position_embeddings", POSITIONS);
        config.put("rotary_pct", 0.5);
        config.put("initializer_range", 0.5);
        config.put("eos_token_id", end);
        try (var memory = TestBackends.allocator()) {
            Weights weights = Weights.zeros(Model.architectureOf(config, "config"), memory);
            weights.initialize(seed);
            Random random = new Random(seed);
            Tensor matrices = weights.arenaMatrices();
            for (long i = 0; noise > 0 && i < matrices.size(); i++) {
                matrices.set(i, matrices.get(i) + (float) (noise * random.nextGaussian()));
            }
            Model.save(directory, config, weights, type, null);
        }
        AtomicFile.writeString(directory.resolve("tokenizer.json"), tokenizer().toString());
        return directory;
    }

    public static ObjectNode tokenizer() {
        ObjectNode root = Json.MAPPER.createObjectNode();
        root.put("version", "1.0");
        ObjectNode special = root.putArray("added_tokens").addObject();
        special.put("id", 256).put("content", "<|endoftext|>").put("special", true).put("normalized", false);
        special.put("single_word", false).put("lstrip", false).put("rstrip", false);
        root.putObject("pre_tokenizer").put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", true).put("use_regex", true);
        root.putObject("decoder").put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", true).put("use_regex", true);
        ObjectNode model = root.putObject("model");
        model.put("type", "BPE");
        ObjectNode vocabulary = model.putObject("vocab");
        // GPT-2's alphabet: printable bytes stand for themselves, the rest for characters from 256 on.
        int next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            vocabulary.put(String.valueOf((char) (printable ? b : next++)), b);
        }
        model.putArray("merges");
        return root;
    }

    /** Writes 24 short training texts, each about a number, its square and their sum; returns {@code file}. */
    public static Path writeSums(Path file) throws IOException {
        var lines = new StringBuilder();
        for (int i = 0; i < 24; i++) {
            lines.append("{\"text\": \"").append(i).append(" and ").append(i * i).append(" make ").append(i + i * i).append("\"}\n");
        }
        return Files.writeString(file, lines);
    }
}
