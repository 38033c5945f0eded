package adaspec.model;

import adaspec.common.InputException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** GPT-NeoX: Pythia and its kin. Black et al., "GPT-NeoX-20B", 2022; transformers {@code GPTNeoXForCausalLM}. */
final class GptNeoX implements Family {
    private static final int MOST = 1 << 24;

    @Override
    public Architecture architecture(ConfigReader config) {
        int hidden = config.positive("hidden_size", MOST);
        int heads = config.positive("num_attention_heads", 1 << 16);
        if (hidden % heads != 0) {
            throw new InputException(
                    config.where() + ": \"hidden_size\" " + hidden + " is not a multiple of \"num_attention_heads\" " + heads);
        }
        int headDim = hidden / heads;
        ConfigReader rope = rope(config);
        double fraction;
        double base;
        if (rope != null) {
            fraction = rope.number("partial_rotary_factor", 0, 1, config.number("rotary_pct", 0, 1, 0.25));
            base = rope.number("rope_theta", 1, 1e12, config.number("rotary_emb_base", 1, 1e12, 10000));
        } else {
            fraction = config.number("rotary_pct", 0, 1, 0.25);
            base = config.number("rotary_emb_base", 1, 1e12, config.number("rope_theta", 1, 1e12, 10000));
        }
        int rotary = (int) (headDim * fraction);
        if (rotary < 2 || rotary % 2 != 0) {
            throw new InputException(config.where() + ": " + fraction + " of the head dimension " + headDim + " is " + rotary
                    + " rotary channels; an even number of at least 2 was expected");
        }
        boolean bias = config.flag("attention_bias", true);
        return new Architecture(
                "gpt_neox",
                config.positive("vocab_size", MOST),
                hidden,
                config.positive("num_hidden_layers", 4096),
                heads,
                heads,
                headDim,
                config.positive("intermediate_size", MOST),
                Architecture.Norm.LAYER,
                (float) config.number("layer_norm_eps", 0, 1, 1e-5),
                rotary,
                base,
                RotaryScaling.NONE,
                activation(config),
                config.flag("use_parallel_residual", true),
                true,
                bias,
                bias,
                true,
                config.flag("tie_word_embeddings", false),
                config.positive("max_position_embeddings", MOST, 2048),
                config.number("initializer_range", 0, 10, 0.02));
    }

    /** The rotary settings: {@code rope_parameters} of transformers 5, or {@code rope_scaling} of 4; only the default kind is built. */
    private static ConfigReader rope(ConfigReader config) {
        ConfigReader scaling = config.object("rope_scaling");
        ConfigReader parameters = config.object("rope_parameters");
        for (ConfigReader reader : new ConfigReader[] {scaling, parameters}) {
            if (reader != null) {
                String type = reader.text("rope_type", reader.text("type", "default"));
                if (!type.equals("default")) {
                    throw new InputException(reader.where() + " asks for the rotary scaling \"" + type + "\"; only \"default\" is supported for gpt_neox");
                }
            }
        }
        return parameters != null ? parameters : scaling;
    }

    private static Architecture.Activation activation(ConfigReader config) {
        String name = config.text("hidden_act", "gelu");
        return switch (name) {
            case "gelu", "gelu_python" -> Architecture.Activation.GELU;
            case "gelu_new", "gelu_fast", "gelu_pytorch_tanh" -> Architecture.Activation.GELU_TANH;
            default -> throw config.wrong("hidden_act", "gelu, gelu_new, gelu_fast or gelu_pytorch_tanh");
        };
    }

    @Override
    public Map<String, List<String>> tensorNames(Architecture architecture) {
        Map<String, List<String>> names = new LinkedHashMap<>();
        names.put(Architecture.EMBEDDING, List.of("gpt_neox.embed_in.weight"));
        for (int i = 0; i < architecture.layers(); i++) {
            String ours = "layers." + i + ".";
            String theirs = "gpt_neox.layers." + i + ".";
            names.put(ours + "norm1.gain", List.of(theirs + "input_layernorm.weight"));
            names.put(ours + "norm1.bias", List.of(theirs + "input_layernorm.bias"));
            names.put(ours + "qkv.weight", List.of(theirs + "attention.query_key_value.weight"));
            names.put(ours + "qkv.bias", List.of(theirs + "attention.query_key_value.bias"));
            names.put(ours + "attention_out.weight", List.of(theirs + "attention.dense.weight"));
            names.put(ours + "attention_out.bias", List.of(theirs + "attention.dense.bias"));
            names.put(ours + "norm2.gain", List.of(theirs + "post_attention_layernorm.weight"));
            names.put(ours + "norm2.bias", List.of(theirs + "post_attention_layernorm.bias"));
            names.put(ours + "mlp_in.weight", List.of(theirs + "mlp.dense_h_to_4h.weight"));
            names.put(ours + "mlp_in.bias", List.of(theirs + "mlp.dense_h_to_4h.bias"));
            names.put(ours + "mlp_out.weight", List.of(theirs + "mlp.dense_4h_to_h.weight"));
            names.put(ours + "mlp_out.bias", List.of(theirs + "mlp.dense_4h_to_h.bias"));
        }
        names.put(Architecture.FINAL_GAIN, List.of("gpt_neox.final_layer_norm.weight"));
        names.put(Architecture.FINAL_BIAS, List.of("gpt_neox.final_layer_norm.bias"));
        names.put(Architecture.HEAD, List.of("embed_out.weight", "lm_head.weight"));
        return names;
    }

    @Override
    public void complete(ObjectNode config, Architecture architecture) {
        double fraction = (double) architecture.rotaryDim() / architecture.headDim();
        config.put("rotary_pct", fraction);
        config.put("rotary_emb_base", architecture.rotaryBase());
        ObjectNode rope = config.putObject("rope_parameters");
        rope.put("rope_type", "default");
        rope.put("rope_theta", architecture.rotaryBase());
        rope.put("partial_rotary_factor", fraction);
        config.put("tie_word_embeddings", architecture.tiedHead());
        config.put("use_parallel_residual", architecture.parallelResidual());
        config.put("attention_bias", architecture.qkvBias());
    }
}
