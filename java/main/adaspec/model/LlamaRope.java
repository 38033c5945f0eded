package adaspec.model;

import adaspec.common.InputException;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * The rotary settings of the config.json of a Llama or its kin: {@code rope_theta} and {@code rope_scaling} of transformers 4, or both in
 * {@code rope_parameters} of 5.
 *
 * @param base theta
 */
record LlamaRope(double base, RotaryScaling scaling) {
    private static final double MOST = 1e12;

    /** @param family for sentences */
    static LlamaRope read(ConfigReader config, String family) {
        ConfigReader parameters = config.object("rope_parameters");
        ConfigReader scaling = config.object("rope_scaling");
        // transformers 5 takes the old key where a file has both.
        ConfigReader settings = scaling != null ? scaling : parameters;
        double base = config.number("rope_theta", 1, MOST, 10000);
        if (parameters != null) {
            base = parameters.number("rope_theta", 1, MOST, base);
        }
        if (settings == null) {
            return new LlamaRope(base, RotaryScaling.NONE);
        }
        base = settings.number("rope_theta", 1, MOST, base);
        if (settings.number("partial_rotary_factor", 0, 1, 1) != 1) {
            throw settings.wrong("partial_rotary_factor", "1");
        }
        String type = settings.text("rope_type", settings.text("type", "default"));
        return new LlamaRope(base, switch (type) {
            case "default" -> RotaryScaling.NONE;
            case "linear" -> RotaryScaling.linear(required(settings, "factor", 1, 1e6));
            case "llama3" -> llama3(settings);
            default -> throw new InputException(settings.where() + " asks for the rotary scaling \"" + type
                    + "\"; \"default\", \"linear\" and \"llama3\" are supported for " + family);
        });
    }

    private static RotaryScaling llama3(ConfigReader settings) {
        double low = required(settings, "low_freq_factor", 1e-6, 1e6);
        double high = required(settings, "high_freq_factor", 1e-6, 1e6);
        if (high <= low) {
            throw settings.wrong("high_freq_factor", "a number above \"low_freq_factor\" " + low);
        }
        return new RotaryScaling(
                RotaryScaling.Kind.LLAMA3, required(settings, "factor", 1, 1e6), low, high,
                settings.positive("original_max_position_embeddings", 1 << 24));
    }

    private static double required(ConfigReader settings, String key, double least, double most) {
        if (!settings.has(key)) {
            throw settings.wrong(key, "a number from " + least + " to " + most);
        }
        return settings.number(key, least, most, 0);
    }

    static LlamaRope of(Architecture architecture) {
        return new LlamaRope(architecture.rotaryBase(), architecture.rotaryScaling());
    }

    /** Writes both spellings. */
    void write(ObjectNode config) {
        config.put("rope_theta", base);
        ObjectNode parameters = config.putObject("rope_parameters");
        parameters.put("rope_theta", base);
        if (scaling.kind() == RotaryScaling.Kind.DEFAULT) {
            parameters.put("rope_type", "default");
            config.putNull("rope_scaling");
            return;
        }
        put(parameters);
        put(config.putObject("rope_scaling"));
    }

    private void put(ObjectNode settings) {
        settings.put("factor", scaling.factor());
        if (scaling.kind() == RotaryScaling.Kind.LINEAR) {
            settings.put("rope_type", "linear");
            return;
        }
        settings.put("rope_type", "llama3");
        settings.put("low_freq_factor", scaling.lowFrequencyFactor());
        settings.put("high_freq_factor", scaling.highFrequencyFactor());
        settings.put("original_max_position_embeddings", scaling.originalPositions());
    }
}
