package adaspec.bench.experiment;

import adaspec.eval.Interval;
import java.util.Arrays;
import org.apache.commons.math3.distribution.TDistribution;
import org.apache.commons.math3.random.RandomGenerator;
import org.apache.commons.math3.random.Well19937c;
import org.apache.commons.math3.stat.descriptive.rank.Percentile;

/**
 * Intervals over training seeds and prompts. A resample draws seeds with replacement, and prompts with replacement, each with all its tokens. All
 * seeds are measured on the same prompts, so a resample draws the prompts once for all of them (Owen, "The pigeonhole bootstrap", 2007): drawn anew
 * for each seed, the luck of the prompts would average out and the interval be too short. What is compared is drawn together. Seeded: the same counts
 * give the same interval.
 *
 * <p>With few seeds a resample sees little of how seeds differ: with two, every other one sees a single seed twice. {@link #student} says what the
 * seeds alone allow to say.
 */
final class HierarchicalBootstrap {
    static final int RESAMPLES = 10_000;
    private static final long SEED = 20_250_101;

    private HierarchicalBootstrap() {}

    /**
     * A rate of an arm: of each seed sum(part) / sum(whole) over prompts, and then the mean over seeds.
     *
     * @param part  [seed][prompt]
     * @param whole [seed][prompt]
     */
    record Rate(double[][] part, double[][] whole) {
        Rate {
            if (part.length == 0 || part.length != whole.length) {
                throw new IllegalArgumentException(part.length + " and " + whole.length + " seeds");
            }
            for (int s = 0; s < part.length; s++) {
                if (part[s].length != part[0].length || whole[s].length != part[0].length || part[s].length == 0) {
                    throw new IllegalArgumentException("seed " + s + " has other prompts");
                }
            }
        }

        /** The same of some prompts only. */
        Rate of(int[] prompts) {
            return new Rate(chosen(part, prompts), chosen(whole, prompts));
        }

        private static double[][] chosen(double[][] all, int[] prompts) {
            return Arrays.stream(all).map(seed -> Arrays.stream(prompts).mapToDouble(prompt -> seed[prompt]).toArray()).toArray(double[][]::new);
        }

        int seeds() {
            return part.length;
        }

        int prompts() {
            return part[0].length;
        }

        /** Of each seed. */
        double[] values() {
            int[] once = new int[prompts()];
            Arrays.fill(once, 1);
            double[] values = new double[seeds()];
            Arrays.setAll(values, s -> value(s, once));
            return values;
        }

        double mean() {
            return Arrays.stream(values()).average().orElseThrow();
        }

        /** @param times how often each prompt was drawn */
        private double value(int seed, int[] times) {
            double top = 0;
            double bottom = 0;
            for (int i = 0; i < times.length; i++) {
                top += times[i] * part[seed][i];
                bottom += times[i] * whole[seed][i];
            }
            return top / bottom;
        }
    }

    /** The interval of the mean over seeds. */
    static Interval mean(Rate rate) {
        return interval(rate.seeds(), rate.prompts(), rate::value);
    }

    /** The interval of the mean over seeds of a - b, seed by seed. */
    static Interval difference(Rate a, Rate b) {
        if (a.seeds() != b.seeds() || a.prompts() != b.prompts()) {
            throw new IllegalArgumentException("seeds or prompts are not pairs");
        }
        return interval(a.seeds(), a.prompts(), (seed, times) -> a.value(seed, times) - b.value(seed, times));
    }

    private interface Statistic {
        double of(int seed, int[] times);
    }

    private static Interval interval(int seeds, int prompts, Statistic statistic) {
        RandomGenerator random = new Well19937c(SEED);
        double[] values = new double[RESAMPLES];
        int found = 0;
        double[] ofSeeds = new double[seeds];
        for (int resample = 0; resample < RESAMPLES; resample++) {
            int[] times = new int[prompts];
            for (int i = 0; i < prompts; i++) {
                times[random.nextInt(prompts)]++;
            }
            for (int s = 0; s < seeds; s++) {
                ofSeeds[s] = statistic.of(s, times);
            }
            double sum = 0;
            for (int s = 0; s < seeds; s++) {
                sum += ofSeeds[random.nextInt(seeds)];
            }
            if (Double.isFinite(sum)) {
                values[found++] = sum / seeds;
            }
        }
        if (found == 0) {
            return new Interval(Double.NaN, Double.NaN);
        }
        Percentile percentile = new Percentile();
        percentile.setData(Arrays.copyOf(values, found));
        return new Interval(percentile.evaluate(2.5), percentile.evaluate(97.5));
    }

    /** Student's 95 % interval of the mean of independent values; both ends NaN for one value. */
    static Interval student(double[] values) {
        int n = values.length;
        if (n < 2) {
            return new Interval(Double.NaN, Double.NaN);
        }
        double mean = Arrays.stream(values).average().orElseThrow();
        double square = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum() / (n - 1);
        double half = new TDistribution(n - 1).inverseCumulativeProbability(0.975) * Math.sqrt(square / n);
        return new Interval(mean - half, mean + half);
    }
}
