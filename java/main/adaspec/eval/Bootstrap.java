package adaspec.eval;

import java.util.Arrays;
import org.apache.commons.math3.random.RandomGenerator;
import org.apache.commons.math3.random.Well19937c;
import org.apache.commons.math3.stat.descriptive.rank.Percentile;

/**
 * Percentile bootstrap over prompts (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993). A prompt is drawn with all its tokens, because
 * the tokens of one text are not independent; a rate is a ratio of sums over the prompts drawn. Seeded: same counts, same interval.
 */
final class Bootstrap {
    static final int RESAMPLES = 10_000;
    private static final long SEED = 20_250_101;

    private Bootstrap() {}

    /** The interval of sum(part) / sum(whole); entry i is about prompt i. */
    static Interval ratio(long[] part, long[] whole) {
        return interval(part.length, prompts -> ratio(part, whole, prompts));
    }

    /** The interval of sum(partA) / sum(wholeA) - sum(partB) / sum(wholeB), both over the same prompts drawn. */
    static Interval difference(long[] partA, long[] wholeA, long[] partB, long[] wholeB) {
        return interval(partA.length, prompts -> ratio(partA, wholeA, prompts) - ratio(partB, wholeB, prompts));
    }

    private interface Statistic {
        double of(int[] prompts);
    }

    private static Interval interval(int count, Statistic statistic) {
        RandomGenerator random = new Well19937c(SEED);
        double[] values = new double[RESAMPLES];
        int found = 0;
        int[] prompts = new int[count];
        for (int resample = 0; resample < RESAMPLES; resample++) {
            for (int i = 0; i < count; i++) {
                prompts[i] = random.nextInt(count);
            }
            double value = statistic.of(prompts);
            if (!Double.isNaN(value)) {
                values[found++] = value;
            }
        }
        if (found == 0) {
            return new Interval(Double.NaN, Double.NaN);
        }
        Percentile percentile = new Percentile();
        percentile.setData(Arrays.copyOf(values, found));
        return new Interval(percentile.evaluate(2.5), percentile.evaluate(97.5));
    }

    private static double ratio(long[] part, long[] whole, int[] prompts) {
        long top = 0;
        long bottom = 0;
        for (int prompt : prompts) {
            top += part[prompt];
            bottom += whole[prompt];
        }
        return bottom == 0 ? Double.NaN : (double) top / bottom;
    }
}
