package adaspec.eval;

import java.util.function.IntToDoubleFunction;

/**
 * What theory says of the speed of speculation (Leviathan et al., "Fast inference from transformers via speculative decoding", ICML 2023, theorem
 * 3.8) with drafts of g tokens, a draft step that takes c times a target step of one row, and a verification that takes w times one, its width
 * being g + 1 rows (the theorem has w = 1, which holds only where a step's time is all reading of weights):
 *
 * <pre>{@code
 * time of a round, in target steps = g c + w
 * speedup                          = tau / (g c + w)
 * tokens of a round, tau           = 1 + a + ... + a^g = (1 - a^(g+1)) / (1 - a)   if tokens are accepted independently with probability a
 * }</pre>
 *
 * <p>Real acceptances come in runs, so that the last line promises a little more than is measured; a measured tau is better.
 */
public final class SpeedModel {
    private SpeedModel() {}

    /** tau of independent acceptances: tokens that a round of g drafted ones emits. */
    public static double tokens(double acceptance, int length) {
        double sum = 0;
        double term = 1;
        for (int i = 0; i <= length; i++) {
            sum += term;
            term *= acceptance;
        }
        return sum;
    }

    /** tau / (g c + w). */
    public static double speedup(double tokens, int length, double costRatio, double verificationCost) {
        return tokens / (length * costRatio + verificationCost);
    }

    /**
     * The g from 0 to {@code longest} of the highest speedup, the shortest on ties; 0: do not speculate, whose speedup is 1.
     *
     * @param speedup of g from 1; NaN where it is unknown, and then g is not chosen
     */
    public static int bestLength(int longest, IntToDoubleFunction speedup) {
        int best = 0;
        double highest = 1;
        for (int length = 1; length <= longest; length++) {
            double value = speedup.applyAsDouble(length);
            if (value > highest) {
                best = length;
                highest = value;
            }
        }
        return best;
    }

    /** The a at which independent acceptances have speedup 1: above 1, and so out of reach, where a round takes more than g + 1 target steps. */
    public static double breakEvenAcceptance(int length, double costRatio, double verificationCost) {
        double needed = length * costRatio + verificationCost;
        if (!Double.isFinite(needed) || length < 1) {
            return Double.NaN;
        }
        double lo = 0;
        double hi = Math.max(1, needed);
        for (int i = 0; i < 100; i++) {
            double middle = (lo + hi) / 2;
            if (tokens(middle, length) < needed) {
                lo = middle;
            } else {
                hi = middle;
            }
        }
        return hi;
    }
}
