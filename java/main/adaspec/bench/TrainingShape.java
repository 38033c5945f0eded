package adaspec.bench;

import adaspec.common.Json;
import adaspec.model.Architecture;
import adaspec.model.Model;
import java.util.Arrays;
import java.util.List;

/** A target and a draft whose training is measured; the reference has the draft's shape. GPT-NeoX as Pythia has it. */
public enum TrainingShape {
    /** Small enough for a test. */
    TINY("tiny", 512, new Body(64, 2, 4, 256), new Body(32, 1, 2, 128)),
    PYTHIA_70M_31M("70m-31m", 50304, new Body(512, 6, 8, 2048), new Body(256, 6, 8, 1024)),
    PYTHIA_160M_31M("160m-31m", 50304, new Body(768, 12, 12, 3072), new Body(256, 6, 8, 1024));

    /** The longest sequence that the models take. */
    public static final int POSITIONS = 2048;

    private record Body(int hidden, int layers, int heads, int intermediate) {}

    private final String name;
    private final int vocabulary;
    private final Body target;
    private final Body draft;

    TrainingShape(String name, int vocabulary, Body target, Body draft) {
        this.name = name;
        this.vocabulary = vocabulary;
        this.target = target;
        this.draft = draft;
    }

    /** The shape that the command line calls {@code name}, or null. */
    public static TrainingShape named(String name) {
        return Arrays.stream(values()).filter(shape -> shape.name.equals(name)).findFirst().orElse(null);
    }

    /** As the command line spells them. */
    public static List<String> names() {
        return Arrays.stream(values()).map(TrainingShape::toString).toList();
    }

    /** Ids of all three models. */
    public int vocabulary() {
        return vocabulary;
    }

    public Architecture target() {
        return architecture(target);
    }

    public Architecture draft() {
        return architecture(draft);
    }

    private Architecture architecture(Body body) {
        return Model.architectureOf(Json.MAPPER.createObjectNode()
                .put("model_type", "gpt_neox")
                .put("vocab_size", vocabulary)
                .put("hidden_size", body.hidden)
                .put("num_hidden_layers", body.layers)
                .put("num_attention_heads", body.heads)
                .put("intermediate_size", body.intermediate)
                .put("max_position_embeddings", POSITIONS), name);
    }

    @Override
    public String toString() {
        return name;
    }
}
