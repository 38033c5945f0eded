package adaspec.bench.experiment;

/** What {@code eval --output-json} says of each prompt, as a ratio of sums over prompts. */
enum Measure {
    /** accepted / (accepted + steps whose first rejection was seen). */
    ALPHA("alpha"),
    /** Mean over positions of sum_v min(p_v, q_v). */
    EXPECTED_ACCEPTANCE("expected acceptance"),
    /** Tokens a step: (accepted + steps) / steps. */
    BLOCK_EFFICIENCY("block efficiency");

    final String title;

    Measure(String title) {
        this.title = title;
    }

    double[] part(Evaluation evaluation) {
        return switch (this) {
            case ALPHA -> evaluation.counts("accepted");
            case EXPECTED_ACCEPTANCE -> evaluation.counts("acceptance");
            case BLOCK_EFFICIENCY -> sum(evaluation.counts("accepted"), evaluation.counts("spec_steps"));
        };
    }

    double[] whole(Evaluation evaluation) {
        return switch (this) {
            case ALPHA -> sum(evaluation.counts("accepted"), evaluation.counts("rejected"));
            case EXPECTED_ACCEPTANCE -> evaluation.counts("positions");
            case BLOCK_EFFICIENCY -> evaluation.counts("spec_steps");
        };
    }

    private static double[] sum(double[] a, double[] b) {
        double[] sum = new double[a.length];
        java.util.Arrays.setAll(sum, i -> a[i] + b[i]);
        return sum;
    }
}
