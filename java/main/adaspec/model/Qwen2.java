package adaspec.model;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;

/**
 * Qwen 2 and 2.5: Llama's shape, with biases for queries, keys and values and nowhere else. Yang et al., "Qwen2 Technical Report", 2024; transformers
 * {@code Qwen2ForCausalLM}. The window over the keys, which none of the published models has switched on, is not built.
 */
final class Qwen2 implements Family {
    private static final String FULL = "full_attention";

    private final Llama kin = new Llama();

    @Override
    public Architecture architecture(ConfigReader config) {
        Architecture architecture = Llama.architecture(config, "qwen2", 32768, true, false, false);
        requireWholeAttention(config, architecture.layers());
        return architecture;
    }

    /** As transformers decides it: by layer where the file says so, else from {@code max_window_layers} on if a window is wanted. */
    private static void requireWholeAttention(ConfigReader config, int layers) {
        if (config.has("layer_types")) {
            if (config.texts("layer_types").stream().anyMatch(type -> !type.equals(FULL))) {
                throw config.wrong("layer_types", "nothing but \"" + FULL + "\"");
            }
        } else if (config.flag("use_sliding_window", false) && config.has("sliding_window")
                && config.positive("max_window_layers", 1 << 24, 28) < layers) {
            throw config.wrong("use_sliding_window", "false");
        }
    }

    @Override
    public Map<String, List<String>> tensorNames(Architecture architecture) {
        return kin.tensorNames(architecture);
    }

    @Override
    public void complete(ObjectNode config, Architecture architecture) {
        Llama.completeKin(config, architecture);
        config.put("use_sliding_window", false);
    }
}
