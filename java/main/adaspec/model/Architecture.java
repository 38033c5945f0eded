package adaspec.model;

import adaspec.ops.Gelu;
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
 * @param normEps            epsilon of the norms
 * @param rotaryDim          R: how many channels of a head are rotated; even
 * @param rotaryBase         theta of the rotary embedding
 * @param activation         of the MLP
 * @param parallelResidual   true: x + attention(norm1(x)) + mlp(norm2(x)); false: one after the other
 * @param interleavedHeads   true: a head's query, key and value side by side (GPT-NeoX); false: all queries, all keys, all values
 * @param attentionBias      whether the projections of the attention have biases
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
        float normEps,
        int rotaryDim,
        double rotaryBase,
        Gelu activation,
        boolean parallelResidual,
        boolean interleavedHeads,
        boolean attentionBias,
        boolean mlpBias,
        boolean tiedHead,
        int maxPositions,
        double initializerRange) {

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

    /** All parameters in the order data meets them. Names within a layer: {@code layers.3.qkv.weight}. */
    public List<Parameter> parameters() {
        List<Parameter> all = new ArrayList<>();
        all.add(new Parameter(EMBEDDING, vocabSize, hiddenSize));
        for (int i = 0; i < layers; i++) {
            String layer = "layers." + i + ".";
            int qkvWidth = headLayout().rowWidth();
            int attentionWidth = headLayout().outputWidth();
            all.add(new Parameter(layer + "norm1.gain", hiddenSize));
            all.add(new Parameter(layer + "norm1.bias", hiddenSize));
            addLinear(all, layer + "qkv", qkvWidth, hiddenSize, attentionBias);
            addLinear(all, layer + "attention_out", hiddenSize, attentionWidth, attentionBias);
            all.add(new Parameter(layer + "norm2.gain", hiddenSize));
            all.add(new Parameter(layer + "norm2.bias", hiddenSize));
            addLinear(all, layer + "mlp_in", intermediateSize, hiddenSize, mlpBias);
            addLinear(all, layer + "mlp_out", hiddenSize, intermediateSize, mlpBias);
        }
        all.add(new Parameter(FINAL_GAIN, hiddenSize));
        all.add(new Parameter(FINAL_BIAS, hiddenSize));
        if (!tiedHead) {
            all.add(new Parameter(HEAD, vocabSize, hiddenSize));
        }
        return all;
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
