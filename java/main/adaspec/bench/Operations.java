package adaspec.bench;

import adaspec.model.Architecture;

/** Multiplications and additions, one each, that a model's forward takes. */
final class Operations {
    private Operations() {}

    /** The body: its matrices on every token, and causal attention inside each of {@code sequences} of {@code length} tokens. */
    static double body(Architecture model, int sequences, int length) {
        double matrices = model.parameters().stream()
                .filter(parameter -> parameter.isMatrix() && parameter.name().startsWith("layers."))
                .mapToDouble(Architecture.Parameter::size)
                .sum();
        double pairs = (double) sequences * length * (length + 1) / 2;
        double attention = model.layers() * 4 * pairs * model.heads() * model.headDim();
        return 2 * matrices * sequences * length + attention;
    }

    /** The head on {@code rows} hidden states. */
    static double head(Architecture model, double rows) {
        return 2 * rows * model.vocabSize() * model.hiddenSize();
    }
}
