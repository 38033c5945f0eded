package adaspec.model;

import adaspec.ops.HeadLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Everything in which the transformers of this engine differ, as data.
 *
 * @param family             the {@code model_type} of config.json, which also names the tensors
 * @param vocabSize          rows of the embedding and of the head
 * @param hiddenSize         C
 * @param layers             number of blocks
 * @param heads              query heads H
 * @param kvHeads            key-value heads K
 * @param headDim            D
 * @param intermediateSize   width of the MLP
 * @param norm               which norm
 * @param normEps            epsilon of the norms
 * @param rotaryDim          R: how many channels of a head are rotated; even
 * @param rotaryBase         theta of the rotary embedding
 * @param rotaryScaling      how its frequencies are stretched beyond the positions the model was first trained on
 * @param activation         of the MLP
 * @param parallelResidual   true: x + attention(norm1(x)) + mlp(norm2(x)); false: one after the other
 * @param interleavedHeads   true: one projection with a head's query, key and value side by side (GPT-NeoX); false: one for all queries, one for
 *                           all keys, one for all values
 * @param qkvBias            whether the projections to queries, keys and values have biases
 * @param attentionOutBias   whether the projection behind the attention has one
 * @param mlpBias            whether the projections of the MLP have biases
 * @param tiedHead           whether the head is the embedding
 * @param maxPositions       the longest sequence
 * @param initializerRange   standard deviation of a new model's matrices
 */
public record Architecture(
        String family,
        int vocabSize,
        int hiddenSize,
        int layers,
        int heads,
        int kvHeads,
        int headDim,
        int intermediateSize,
        Norm norm,
        float normEps,
        int rotaryDim,
        double rotaryBase,
        RotaryScaling rotaryScaling,
        Activation activation,
        boolean parallelResidual,
        boolean interleavedHeads,
        boolean qkvBias,
        boolean attentionOutBias,
        boolean mlpBias,
        boolean tiedHead,
        int maxPositions,
        double initializerRange) {

    /** The norms, each with a gain; LAYER subtracts the mean and has a bias, RMS does neither. */
    public enum Norm {
        LAYER,
        RMS;

        boolean hasBias() {
            return this == LAYER;
        }
    }

    /** What stands between the maps of the MLP. A gated one reads two projections of the input, gates and ups, and makes one row of them. */
    public enum Activation {
        /** With the error function. */
        GELU,
        /** Its tanh approximation. */
        GELU_TANH,
        /** silu(gate) * up. */
        SWIGLU;

        public boolean isGated() {
            return this == SWIGLU;
        }
    }

    /** One parameter: its canonical name and shape. Matrices decay and start random; vectors (norms, biases) do neither. */
    public record Parameter(String name, long... shape) {
        public boolean isMatrix() {
            return shape.length > 1;
        }

        public long size() {
            long size = 1;
            for (long extent : shape) {
                size *= extent;
            }
            return size;
        }
    }

    public static final String EMBEDDING = "embedding";
    private static final String FINAL_NORM = "final_norm";
    public static final String FINAL_GAIN = "final_norm.gain";
    public static final String FINAL_BIAS = "final_norm.bias";
    public static final String HEAD = "head";

    /** Where heads lie in a row of the fused projection. */
    public HeadLayout headLayout() {
        return interleavedHeads ? HeadLayout.interleaved(heads, headDim) : HeadLayout.stacked(heads, kvHeads, headDim);
    }

    /** 1 / sqrt(D). */
    public float attentionScale() {
        return (float) (1.0 / Math.sqrt(headDim));
    }

    /** Columns of what the MLP's first map gives: I, or 2I where gates and ups are side by side. */
    public int mlpInWidth() {
        return activation.isGated() ? Math.multiplyExact(2, intermediateSize) : intermediateSize;
    }

    /** The projections of a layer to queries, keys and values, from the left of a row to the right. */
    List<String> qkvParts() {
        return interleavedHeads ? List.of("qkv") : List.of("query", "key", "value");
    }

    /** The projections of a layer that the activation reads, from the left of a row to the right. */
    List<String> mlpInParts() {
        return activation.isGated() ? List.of("mlp_gate", "mlp_up") : List.of("mlp_in");
    }

    /**
     * All parameters in the order data meets them. Names within a layer: {@code layers.3.qkv.weight}. Every tensor of a model's file is a parameter of
     * its own, so that it can be used where it lies and is saved as it was read; {@link LinearMap} puts together what belongs together.
     */
    public List<Parameter> parameters() {
        List<Parameter> all = new ArrayList<>();
        all.add(new Parameter(EMBEDDING, vocabSize, hiddenSize));
        for (int i = 0; i < layers; i++) {
            String layer = "layers." + i + ".";
            int attentionWidth = headLayout().outputWidth();
            addNorm(all, layer + "norm1");
            if (interleavedHeads) {
                addLinear(all, layer + "qkv", headLayout().rowWidth(), hiddenSize, qkvBias);
            } else {
                addLinear(all, layer + "query", attentionWidth, hiddenSize, qkvBias);
                addLinear(all, layer + "key", kvHeads * headDim, hiddenSize, qkvBias);
                addLinear(all, layer + "value", kvHeads * headDim, hiddenSize, qkvBias);
            }
            addLinear(all, layer + "attention_out", hiddenSize, attentionWidth, attentionOutBias);
            addNorm(all, layer + "norm2");
            mlpInParts().forEach(part -> addLinear(all, layer + part, intermediateSize, hiddenSize, mlpBias));
            addLinear(all, layer + "mlp_out", hiddenSize, intermediateSize, mlpBias);
        }
        addNorm(all, FINAL_NORM);
        if (!tiedHead) {
            all.add(new Parameter(HEAD, vocabSize, hiddenSize));
        }
        return all;
    }

    private void addNorm(List<Parameter> all, String name) {
        all.add(new Parameter(name + ".gain", hiddenSize));
        if (norm.hasBias()) {
            all.add(new Parameter(name + ".bias", hiddenSize));
        }
    }

    private static void addLinear(List<Parameter> all, String name, long out, long in, boolean bias) {
        all.add(new Parameter(name + ".weight", out, in));
        if (bias) {
            all.add(new Parameter(name + ".bias", out));
        }
    }

    /** Number of parameters; a tied head counts once. */
    public long parameterCount() {
        return parameters().stream().mapToLong(Parameter::size).sum();
    }
}
