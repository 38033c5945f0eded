package adaspec.model;

import adaspec.common.InputException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Llama 1 to 3 and their kin. Touvron et al., "LLaMA", 2023; transformers {@code LlamaForCausalLM}. */
final class Llama implements Family {
    private static final int MOST = 1 << 24;

    @Override
    public Architecture architecture(ConfigReader config) {
        boolean attentionBias = config.flag("attention_bias", false);
        return architecture(config, "llama", 2048, attentionBias, attentionBias, config.flag("mlp_bias", false));
    }

    /**
     * What Llama has in common with its kin.
     *
     * @param positions where config.json does not say how many
     */
    static Architecture architecture(
            ConfigReader config, String family, int positions, boolean qkvBias, boolean attentionOutBias, boolean mlpBias) {
        int hidden = config.positive("hidden_size", MOST);
        int heads = config.positive("num_attention_heads", 1 << 16);
        int kvHeads = config.positive("num_key_value_heads", 1 << 16, heads);
        if (heads % kvHeads != 0) {
            throw new InputException(
                    config.where() + ": \"num_attention_heads\" " + heads + " is not a multiple of \"num_key_value_heads\" " + kvHeads);
        }
        int headDim = headDim(config, hidden, heads);
        if ((2L * kvHeads + heads) * headDim > MOST) {
            throw new InputException(config.where() + ": " + heads + " heads of " + headDim + " channels; at most " + MOST
                    + " channels of queries, keys and values were expected");
        }
        if (!config.text("hidden_act", "silu").equals("silu")) {
            throw config.wrong("hidden_act", "silu");
        }
        LlamaRope rope = LlamaRope.read(config, family);
        return new Architecture(
                family,
                config.positive("vocab_size", MOST),
                hidden,
                config.positive("num_hidden_layers", 4096),
                heads,
                kvHeads,
                headDim,
                config.positive("intermediate_size", MOST),
                Architecture.Norm.RMS,
                (float) config.number("rms_norm_eps", 0, 1, 1e-6),
                headDim,
                rope.base(),
                rope.scaling(),
                Architecture.Activation.SWIGLU,
                false,
                false,
                qkvBias,
                attentionOutBias,
                mlpBias,
                config.flag("tie_word_embeddings", false),
                config.positive("max_position_embeddings", MOST, positions),
                config.number("initializer_range", 0, 10, 0.02));
    }

    /** As transformers: the key where it is given, else hidden_size / num_attention_heads, which must be whole. */
    private static int headDim(ConfigReader config, int hidden, int heads) {
        if (!config.has("head_dim") && hidden % heads != 0) {
            throw new InputException(config.where() + ": \"hidden_size\" " + hidden + " is not a multiple of \"num_attention_heads\" " + heads
                    + "; give \"head_dim\" if heads are of another width");
        }
        int headDim = config.positive("head_dim", 1 << 16, Math.max(1, hidden / heads));
        if (headDim % 2 != 0) {
            throw new InputException(config.where() + ": heads of " + headDim + " channels cannot be rotated in pairs; an even number was expected");
        }
        return headDim;
    }

    @Override
    public Map<String, List<String>> tensorNames(Architecture architecture) {
        Map<String, List<String>> names = new LinkedHashMap<>();
        names.put(Architecture.EMBEDDING, List.of("model.embed_tokens.weight"));
        for (int i = 0; i < architecture.layers(); i++) {
            String ours = "layers." + i + ".";
            String theirs = "model.layers." + i + ".";
            names.put(ours + "norm1.gain", List.of(theirs + "input_layernorm.weight"));
            linear(names, ours + "query", theirs + "self_attn.q_proj");
            linear(names, ours + "key", theirs + "self_attn.k_proj");
            linear(names, ours + "value", theirs + "self_attn.v_proj");
            linear(names, ours + "attention_out", theirs + "self_attn.o_proj");
            names.put(ours + "norm2.gain", List.of(theirs + "post_attention_layernorm.weight"));
            linear(names, ours + "mlp_gate", theirs + "mlp.gate_proj");
            linear(names, ours + "mlp_up", theirs + "mlp.up_proj");
            linear(names, ours + "mlp_out", theirs + "mlp.down_proj");
        }
        names.put(Architecture.FINAL_GAIN, List.of("model.norm.weight"));
        names.put(Architecture.HEAD, List.of("lm_head.weight"));
        return names;
    }

    private static void linear(Map<String, List<String>> names, String ours, String theirs) {
        names.put(ours + ".weight", List.of(theirs + ".weight"));
        names.put(ours + ".bias", List.of(theirs + ".bias"));
    }

    @Override
    public void complete(ObjectNode config, Architecture architecture) {
        completeKin(config, architecture);
        config.put("attention_bias", architecture.qkvBias());
        config.put("mlp_bias", architecture.mlpBias());
    }

    /** What Llama and its kin write alike. */
    static void completeKin(ObjectNode config, Architecture architecture) {
        LlamaRope.of(architecture).write(config);
        config.put("num_key_value_heads", architecture.kvHeads());
        config.put("head_dim", architecture.headDim());
        config.put("hidden_act", "silu");
        config.put("rms_norm_eps", Double.parseDouble(Float.toString(architecture.normEps())));
        config.put("max_position_embeddings", architecture.maxPositions());
        config.put("tie_word_embeddings", architecture.tiedHead());
    }
}
