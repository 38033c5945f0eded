package adaspec.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BootstrapTest {
    @Test
    void equalPromptsHaveNoSpread() {
        Interval interval = Bootstrap.ratio(new long[] {3, 3, 3}, new long[] {4, 4, 4});
        assertEquals(0.75, interval.lo());
        assertEquals(0.75, interval.hi());
        assertTrue(Double.isNaN(Bootstrap.ratio(new long[] {0}, new long[] {0}).lo()), "nothing judged, no rate");
    }

    /** For prompts of equal size the standard error of the rate is known: sd of the prompts' rates / sqrt(n). */
    @Test
    void theIntervalIsAsWideAsTheory() {
        int n = 200;
        Random random = new Random(3);
        long[] part = new long[n];
        long[] whole = new long[n];
        for (int i = 0; i < n; i++) {
            part[i] = random.nextInt(101);
            whole[i] = 100;
        }
        double mean = Arrays.stream(part).average().orElseThrow() / 100;
        double variance = Arrays.stream(part).mapToDouble(p -> Math.pow(p / 100.0 - mean, 2)).sum() / n;
        double expected = 2 * 1.96 * Math.sqrt(variance / n);
        Interval interval = Bootstrap.ratio(part, whole);
        assertEquals(expected, interval.hi() - interval.lo(), 0.05 * expected);
        assertEquals(mean, (interval.lo() + interval.hi()) / 2, 0.05 * expected);
        assertEquals(interval, Bootstrap.ratio(part, whole), "same counts, same interval");
    }

    /** 95 of 100 intervals hold the truth; the sums are of unequal prompts. */
    @Test
    void theIntervalCoversTheTruth() {
        Random random = new Random(5);
        int covered = 0;
        for (int trial = 0; trial < 100; trial++) {
            long[] part = new long[60];
            long[] whole = new long[60];
            for (int i = 0; i < 60; i++) {
                whole[i] = 5 + random.nextInt(40);
                for (int t = 0; t < whole[i]; t++) {
                    part[i] += random.nextDouble() < 0.6 ? 1 : 0;
                }
            }
            covered += Bootstrap.ratio(part, whole).excludes(0.6) ? 0 : 1;
        }
        assertTrue(covered >= 88 && covered <= 100, covered + " of 100 cover");
    }

    /** Prompts that differ much and a draft that is a little better on each: only pairing sees it. */
    @Test
    void pairingRemovesWhatPromptsHaveInCommon() {
        Random random = new Random(9);
        int n = 80;
        long[] better = new long[n];
        long[] worse = new long[n];
        long[] whole = new long[n];
        for (int i = 0; i < n; i++) {
            whole[i] = 100;
            worse[i] = random.nextInt(90);
            better[i] = worse[i] + 2 + random.nextInt(4);
        }
        Interval paired = Bootstrap.difference(better, whole, worse, whole);
        assertTrue(paired.excludes(0) && paired.lo() > 0.02 && paired.hi() < 0.05, paired.toString());
        assertFalse(Bootstrap.ratio(better, whole).excludes(Bootstrap.ratio(worse, whole).hi()), "unpaired intervals overlap");
        Interval none = Bootstrap.difference(worse, whole, worse, whole);
        assertEquals(new Interval(0, 0), none);
    }
}
