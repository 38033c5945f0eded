package adaspec.eval;

import org.apache.commons.math3.distribution.ChiSquaredDistribution;
import org.apache.commons.math3.distribution.PoissonDistribution;

/**
 * Pearson's test of counts against an exact law, and what it can see.
 *
 * @param draws   all counts together
 * @param cells   outcomes compared; those expected rarely are put together
 * @param pValue  probability of counts at least as far from the law, if they come from it
 */
record ChiSquare(long draws, int cells, double pValue) {
    private static final double LEAST_EXPECTED = 8;

    /**
     * @param law    probabilities that sum to 1
     * @param counts of each
     */
    static ChiSquare of(double[] law, long[] counts) {
        long draws = 0;
        for (long count : counts) {
            draws += count;
        }
        double statistic = 0;
        double rareExpected = 0;
        long rareCounted = 0;
        int cells = 0;
        for (int i = 0; i < law.length; i++) {
            double expected = law[i] * draws;
            if (law[i] == 0 && counts[i] > 0) {
                return new ChiSquare(draws, cells, 0); // what cannot happen happened
            }
            if (expected < LEAST_EXPECTED) {
                rareExpected += expected;
                rareCounted += counts[i];
            } else {
                statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
                cells++;
            }
        }
        if (rareExpected > 0) {
            statistic += (rareCounted - rareExpected) * (rareCounted - rareExpected) / rareExpected;
            cells++;
        }
        double pValue = cells < 2 ? 1 : 1 - new ChiSquaredDistribution(null, cells - 1).cumulativeProbability(statistic);
        return new ChiSquare(draws, cells, pValue);
    }

    /**
     * The total variation distance, over the cells compared, from which on a wrong law is rejected at {@code level} with probability
     * {@code power} or more. Under a wrong law the statistic is noncentral chi-square with noncentrality n sum d_i^2 / p_i, which is at least
     * 4 n TV^2 (Cauchy and Schwarz), whatever the deviation d is.
     */
    double detectableDistance(double level, double power) {
        if (cells < 2) {
            return 1;
        }
        double threshold = new ChiSquaredDistribution(null, cells - 1).inverseCumulativeProbability(1 - level);
        double lo = 0;
        double hi = 1;
        while (power(threshold, hi) < power) {
            hi *= 2;
        }
        for (int i = 0; i < 60; i++) {
            double middle = (lo + hi) / 2;
            if (power(threshold, middle) < power) {
                lo = middle;
            } else {
                hi = middle;
            }
        }
        return Math.min(1, Math.sqrt(hi / (4 * draws)));
    }

    /** P(noncentral chi-square > threshold), as the mixture of central ones by Poisson weights. */
    private double power(double threshold, double noncentrality) {
        var weights = new PoissonDistribution(null, noncentrality / 2, 1e-12, 10_000_000);
        int from = (int) Math.max(0, noncentrality / 2 - 10 * Math.sqrt(noncentrality / 2 + 1));
        int to = (int) (noncentrality / 2 + 10 * Math.sqrt(noncentrality / 2 + 1));
        double power = 0;
        for (int j = from; j <= to; j++) {
            power += weights.probability(j) * (1 - new ChiSquaredDistribution(null, cells - 1 + 2 * j).cumulativeProbability(threshold));
        }
        return power;
    }
}
