package adaspec.bench;

import adaspec.common.Json;
import adaspec.model.Architecture;
import adaspec.model.Model;
import java.util.Arrays;
import java.util.List;

/** A model's shape: GPT-NeoX as Pythia has it, and two that are small enough for a test. */
public enum PythiaShape {
    TINY("tiny", 512, 64, 2, 4),
    TINY_DRAFT("tiny-draft", 512, 32, 1, 2),
    PYTHIA_31M("31m", 50304, 256, 6, 8),
    PYTHIA_70M("70m", 50304, 512, 6, 8),
    PYTHIA_160M("160m", 50304, 768, 12, 12),
    PYTHIA_410M("410m", 50304, 1024, 24, 16),
    PYTHIA_1B("1b", 50304, 2048, 16, 8),
    PYTHIA_1_4B("1.4b", 50304, 2048, 24, 16);

    /** The longest sequence of each. */
    public static final int POSITIONS = 2048;

    private final String name;
    private final int vocabulary;
    private final int hidden;
    private final int layers;
    private final int heads;

    PythiaShape(String name, int vocabulary, int hidden, int layers, int heads) {
        this.name = name;
        this.vocabulary = vocabulary;
        this.hidden = hidden;
        this.layers = layers;
        this.heads = heads;
    }

    /** The shape that the command line calls {@code name}, or null. */
    public static PythiaShape named(String name) {
        return Arrays.stream(values()).filter(shape -> shape.name.equals(name)).findFirst().orElse(null);
    }

    /** As the command line spells them. */
    public static List<String> names() {
        return Arrays.stream(values()).map(PythiaShape::toString).toList();
    }

    public int vocabulary() {
        return vocabulary;
    }

    public Architecture architecture() {
        return Model.architectureOf(Json.MAPPER.createObjectNode()
                .put("model_type", "gpt_neox")
                .put("vocab_size", vocabulary)
                .put("hidden_size", hidden)
                .put("num_hidden_layers", layers)
                .put("num_attention_heads", heads)
                .put("intermediate_size", 4 * hidden)
                .put("max_position_embeddings", POSITIONS), name);
    }

    @Override
    public String toString() {
        return name;
    }
}
