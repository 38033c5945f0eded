package adaspec.bench.experiment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.bench.experiment.HierarchicalBootstrap.Rate;
import adaspec.eval.Interval;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class HierarchicalBootstrapTest {
    private static final int SEEDS = 8;
    private static final int PROMPTS = 100;

    /** Values of known deviations, as ratios with the whole 1: rate + N(0, seed) + N(0, prompt), the prompt's part the same for all seeds. */
    private static Rate rate(double rate, double seedDeviation, double promptDeviation, long luck) {
        Random random = new Random(luck);
        double[] ofPrompts = random.doubles(PROMPTS).map(u -> promptDeviation * random.nextGaussian()).toArray();
        double[][] part = new double[SEEDS][PROMPTS];
        double[][] whole = new double[SEEDS][PROMPTS];
        for (int s = 0; s < SEEDS; s++) {
            double ofSeed = seedDeviation * random.nextGaussian();
            for (int i = 0; i < PROMPTS; i++) {
                part[s][i] = rate + ofSeed + ofPrompts[i];
                whole[s][i] = 1;
            }
        }
        return new Rate(part, whole);
    }

    private static double width(Interval interval) {
        return interval.hi() - interval.lo();
    }

    private static double deviation(double[] values) {
        double mean = Arrays.stream(values).average().orElseThrow();
        return Math.sqrt(Arrays.stream(values).map(v -> (v - mean) * (v - mean)).average().orElseThrow());
    }

    @Test
    void aRateIsTheMeanOverSeedsOfRatiosOfSums() {
        Rate rate = new Rate(new double[][] {{1, 3}, {2, 2}}, new double[][] {{2, 8}, {2, 3}});
        assertEquals(0.4, rate.values()[0], 1e-15);
        assertEquals(0.8, rate.values()[1], 1e-15);
        assertEquals(0.6, rate.mean(), 1e-15);
    }

    /** Were prompts drawn anew for each seed, the first interval would be shorter by the root of the number of seeds. */
    @Test
    void theWidthIsThatOfBothSources() {
        Rate prompts = rate(0.5, 0, 0.1, 1);
        double ofPrompts = 2 * 1.96 * deviation(prompts.part()[0]) / Math.sqrt(PROMPTS);
        assertEquals(ofPrompts, width(HierarchicalBootstrap.mean(prompts)), 0.05 * ofPrompts);

        Rate seeds = rate(0.5, 0.1, 0, 2);
        double ofSeeds = 2 * 1.96 * deviation(seeds.values()) / Math.sqrt(SEEDS);
        assertEquals(ofSeeds, width(HierarchicalBootstrap.mean(seeds)), 0.05 * ofSeeds);

        Rate both = rate(0.5, 0.02, 0.2, 3);
        double variance = Math.pow(deviation(both.values()), 2) / SEEDS + Math.pow(deviation(both.part()[0]), 2) / PROMPTS;
        assertEquals(2 * 1.96 * Math.sqrt(variance), width(HierarchicalBootstrap.mean(both)), 0.05 * 2 * 1.96 * Math.sqrt(variance));
    }

    /** What seeds and prompts have in common cancels; the same counts give the same interval. */
    @Test
    void aDifferenceIsPaired() {
        Rate a = rate(0.5, 0.1, 0.2, 4);
        Rate b = rate(0.47, 0.1, 0.2, 4);
        Interval difference = HierarchicalBootstrap.difference(a, b);
        assertEquals(0.03, difference.lo(), 1e-9);
        assertEquals(0.03, difference.hi(), 1e-9);
        assertTrue(width(HierarchicalBootstrap.mean(a)) > 0.05);
        Rate other = rate(0.47, 0.1, 0.2, 5);
        assertEquals(HierarchicalBootstrap.difference(a, other), HierarchicalBootstrap.difference(a, other));
        assertTrue(width(HierarchicalBootstrap.difference(a, other)) > 0.05);
    }

    /** In 60 draws of a known truth: percentile intervals of 8 seeds hold it in about nine of ten, Student's in nineteen of twenty. */
    @Test
    void theIntervalHoldsTheTruth() {
        int held = 0;
        int heldByStudent = 0;
        for (int i = 0; i < 60; i++) {
            Rate rate = rate(0.5, 0.05, 0.3, 100 + i);
            Interval interval = HierarchicalBootstrap.mean(rate);
            held += interval.lo() <= 0.5 && 0.5 <= interval.hi() ? 1 : 0;
            Interval student = HierarchicalBootstrap.student(rate(0.5, 0.05, 0, 100 + i).values());
            heldByStudent += student.lo() <= 0.5 && 0.5 <= student.hi() ? 1 : 0;
        }
        assertTrue(held >= 48 && heldByStudent >= 51, held + " and " + heldByStudent + " of 60");
    }

    /** t(0.975, 4) = 2.776. */
    @Test
    void studentsInterval() {
        Interval interval = HierarchicalBootstrap.student(new double[] {1, 2, 3, 4, 5});
        double half = 2.7764451 * Math.sqrt(2.5 / 5);
        assertEquals(3 - half, interval.lo(), 1e-6);
        assertEquals(3 + half, interval.hi(), 1e-6);
        assertTrue(Double.isNaN(HierarchicalBootstrap.student(new double[] {1}).lo()));
    }

    @Test
    void whatIsNoPairIsRefused() {
        Rate a = rate(0.5, 0.1, 0.2, 4);
        Rate fewer = new Rate(Arrays.copyOf(a.part(), 3), Arrays.copyOf(a.whole(), 3));
        assertThrows(IllegalArgumentException.class, () -> HierarchicalBootstrap.difference(a, fewer));
        assertThrows(IllegalArgumentException.class, () -> new Rate(new double[][] {{1}, {1, 2}}, new double[][] {{1}, {1, 2}}));
    }
}
