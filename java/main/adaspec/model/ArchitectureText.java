package adaspec.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** An architecture in words. */
public final class ArchitectureText {
    private ArchitectureText() {}

    /** A line of words: {@code gpt_neox: 6 layers of 256 channels, ...}. */
    public static String describe(Architecture a) {
        List<String> parts = new ArrayList<>();
        parts.add(a.layers() + (a.layers() == 1 ? " layer of " : " layers of ") + a.hiddenSize() + " channels");
        parts.add(a.heads() + " heads of " + a.headDim() + (a.kvHeads() == a.heads() ? "" : " over " + a.kvHeads() + " key-value heads"));
        parts.add("MLP of " + a.intermediateSize() + " (" + activation(a.activation()) + ")");
        parts.add(a.norm() == Architecture.Norm.LAYER ? "layer norm" : "RMS norm");
        parts.add("rotary over " + a.rotaryDim() + " of " + a.headDim() + " channels, theta " + (long) a.rotaryBase()
                + (a.rotaryScaling().kind() == RotaryScaling.Kind.DEFAULT
                        ? ""
                        : ", scaled by " + a.rotaryScaling().kind().name().toLowerCase(Locale.ROOT) + " " + a.rotaryScaling().factor()));
        parts.add(a.parallelResidual() ? "attention and MLP side by side" : "attention, then MLP");
        parts.add(biases(a));
        return a.family() + ": " + String.join(", ", parts);
    }

    private static String biases(Architecture a) {
        if (a.qkvBias() && a.attentionOutBias() && a.mlpBias()) {
            return "biases";
        }
        List<String> where = new ArrayList<>();
        if (a.qkvBias() || a.attentionOutBias()) {
            where.add(a.qkvBias() && a.attentionOutBias() ? "the attention" : a.qkvBias() ? "queries, keys and values" : "the attention's output");
        }
        if (a.mlpBias()) {
            where.add("the MLP");
        }
        return where.isEmpty() ? "no biases" : "biases in " + String.join(" and ", where);
    }

    private static String activation(Architecture.Activation activation) {
        return switch (activation) {
            case GELU -> "exact GELU";
            case GELU_TANH -> "tanh GELU";
            case SWIGLU -> "SwiGLU";
        };
    }
}
