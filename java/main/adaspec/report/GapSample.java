package adaspec.report;

import java.util.OptionalDouble;

/**
 * Gaps of some answer tokens, and what a selection kept of them.
 *
 * @param gaps (n) KL of the draft minus KL of the reference, in nats
 * @param kept (n)
 */
public record GapSample(float[] gaps, boolean[] kept) {
    public GapSample {
        if (gaps.length != kept.length) {
            throw new IllegalArgumentException(gaps.length + " gaps and " + kept.length + " decisions");
        }
    }

    /** Kept tokens over all; NaN without tokens. */
    public double keptShare() {
        int count = 0;
        for (boolean token : kept) {
            count += token ? 1 : 0;
        }
        return (double) count / kept.length;
    }

    /** The least gap that was kept, if it parts the kept tokens from the others: a selection within sequences has a threshold for each. */
    public OptionalDouble threshold() {
        double least = Double.POSITIVE_INFINITY;
        double greatest = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < gaps.length; i++) {
            if (kept[i]) {
                least = Math.min(least, gaps[i]);
            } else {
                greatest = Math.max(greatest, gaps[i]);
            }
        }
        return Double.isFinite(least) && Double.isFinite(greatest) && greatest < least ? OptionalDouble.of(least) : OptionalDouble.empty();
    }
}
