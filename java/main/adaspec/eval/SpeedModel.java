package adaspec.eval;

/**
 * What theory says of the speed of speculation (Leviathan et al., "Fast inference from transformers via speculative decoding", ICML 2023, theorem
 * 3.8), for tokens accepted independently with probability a, drafts of g tokens, and a draft step that takes c times a target step:
 *
 * <pre>{@code
 * tokens per round  = 1 + a + ... + a^g = (1 - a^(g+1)) / (1 - a)
 * time of a round   = g c + 1                                       (a target step of g + 1 rows counted as one of one row)
 * speedup(a, c, g)  = (1 - a^(g+1)) / ((1 - a) (g c + 1))
 * }</pre>
 *
 * <p>Real acceptances come in runs and wide target steps take longer, so this promises a little more than is measured.
 */
public final class SpeedModel {
    /** The longest draft that {@link #bestLength} considers. */
    public static final int LONGEST = 64;

    private SpeedModel() {}

    /** speedup(a, c, g); 1 where g is 0. */
    public static double speedup(double acceptance, double costRatio, int length) {
        return tokens(acceptance, length) / (length * costRatio + 1);
    }

    /** The g from 0 to {@link #LONGEST} of the highest speedup(a, c, g), the shortest on ties; 0: do not speculate. */
    public static int bestLength(double acceptance, double costRatio) {
        int best = 0;
        for (int length = 1; length <= LONGEST; length++) {
            if (speedup(acceptance, costRatio, length) > speedup(acceptance, costRatio, best)) {
                best = length;
            }
        }
        return best;
    }

    /** The a at which speedup(a, c, g) is 1: above 1, and so out of reach, where c > 1. */
    public static double breakEvenAcceptance(double costRatio, int length) {
        double needed = length * costRatio + 1;
        if (!Double.isFinite(costRatio) || length < 1) {
            return Double.NaN;
        }
        double lo = 0;
        double hi = needed;
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

    private static double tokens(double acceptance, int length) {
        double sum = 0;
        double term = 1;
        for (int i = 0; i <= length; i++) {
            sum += term;
            term *= acceptance;
        }
        return sum;
    }
}
