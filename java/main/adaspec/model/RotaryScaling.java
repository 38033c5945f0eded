package adaspec.model;

/**
 * How the frequencies of the rotary embedding are stretched, with transformers' {@code rope_type} names.
 *
 * @param factor               of LINEAR and LLAMA3: how many times longer the waves become
 * @param lowFrequencyFactor   LLAMA3: waves longer than originalPositions / this are stretched whole
 * @param highFrequencyFactor  LLAMA3: waves shorter than originalPositions / this stay; between the two the stretch grows smoothly
 * @param originalPositions    LLAMA3: positions the model was trained on before it was stretched
 */
public record RotaryScaling(Kind kind, double factor, double lowFrequencyFactor, double highFrequencyFactor, int originalPositions) {
    /** The kinds. */
    public enum Kind {
        DEFAULT,
        LINEAR,
        LLAMA3
    }

    /** No scaling. */
    public static final RotaryScaling NONE = new RotaryScaling(Kind.DEFAULT, 1, 1, 1, 0);

    /** Position interpolation (Chen et al., 2023): all frequencies divided by {@code factor}. */
    public static RotaryScaling linear(double factor) {
        return new RotaryScaling(Kind.LINEAR, factor, 1, 1, 0);
    }

    /** The frequency, radians per position, that takes the place of {@code frequency}; every step is rounded to f32, as transformers does. */
    float scale(float frequency) {
        float stretched = frequency / (float) factor;
        return switch (kind) {
            case DEFAULT -> frequency;
            case LINEAR -> stretched;
            case LLAMA3 -> {
                float wavelength = (float) (2 * Math.PI) / frequency;
                if (wavelength < (float) (originalPositions / highFrequencyFactor)) {
                    yield frequency;
                }
                if (wavelength > (float) (originalPositions / lowFrequencyFactor)) {
                    yield stretched;
                }
                float smooth = (originalPositions / wavelength - (float) lowFrequencyFactor) / (float) (highFrequencyFactor - lowFrequencyFactor);
                yield (1 - smooth) * frequency / (float) factor + smooth * frequency;
            }
        };
    }
}
