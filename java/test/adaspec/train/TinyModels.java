package adaspec.train;

import adaspec.common.Json;
import adaspec.model.Architecture;
import adaspec.model.Model;
import adaspec.model.Sequences;
import adaspec.model.Weights;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Random;

/** Small random models and batches for tests. */
public final class TinyModels {
    private TinyModels() {}

    /** A config.json of a GPT-NeoX with two heads. */
    public static ObjectNode config(int vocabulary, int hidden, int layers, boolean tied) {
        ObjectNode config = Json.MAPPER.createObjectNode();
        config.put("model_type", "gpt_neox");
        config.put("vocab_size", vocabulary);
        config.put("hidden_size", hidden);
        config.put("num_hidden_layers", layers);
        config.put("num_attention_heads", 2);
        config.put("intermediate_size", 2 * hidden);
        config.put("rotary_pct", 0.5);
        config.put("max_position_embeddings", 64);
        config.put("tie_word_embeddings", tied);
        config.put("initializer_range", 0.02);
        return config;
    }

    public static Architecture architecture(int vocabulary, int hidden, int layers, boolean tied) {
        return Model.architectureOf(config(vocabulary, hidden, layers, tied), "config.json");
    }

    /** Trainable weights whose matrices are ten times wider than a new model's, so that laws are far from uniform. */
    public static Weights random(Architecture architecture, long seed, Workspace.Allocator allocator) {
        Weights weights = Weights.zeros(architecture, allocator);
        weights.initialize(seed);
        Tensor matrices = weights.arenaMatrices();
        for (long i = 0; i < matrices.size(); i++) {
            matrices.set(i, matrices.get(i) * 10);
        }
        return weights;
    }

    /** Sequences of 3 to 12 random ids, their answers beginning anywhere. */
    public static MicroBatch batch(int sequences, int vocabulary, long seed) {
        var random = new Random(seed);
        int[] starts = new int[sequences + 1];
        int[] answers = new int[sequences];
        for (int s = 0; s < sequences; s++) {
            int length = 3 + random.nextInt(10);
            starts[s + 1] = starts[s] + length;
            answers[s] = 1 + random.nextInt(length - 1);
        }
        return new MicroBatch(new Sequences(random.ints(starts[sequences], 0, vocabulary).toArray(), starts), answers);
    }
}
