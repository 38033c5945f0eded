package adaspec.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class ChiSquareTest {
    @Test
    void theStatisticByHand() {
        // Counts of 60 and 140 where 50 and 150 are expected: 100 / 50 + 100 / 150 over one degree of freedom.
        ChiSquare test = ChiSquare.of(new double[] {0.25, 0.75}, new long[] {60, 140});
        assertEquals(2, test.cells());
        assertEquals(0.1025, test.pValue(), 1e-4); // P(chi-square of 1 > 2.6667)
        assertEquals(0, ChiSquare.of(new double[] {1, 0}, new long[] {1000, 1}).pValue(), "what cannot happen");
    }

    /** At the stated distance a wrong law is rejected as often as stated, and at half of it not. */
    @Test
    void thePowerIsAsStated() {
        int cells = 20;
        int draws = 2_000;
        double level = 1e-3;
        double[] law = new double[cells];
        java.util.Arrays.fill(law, 1.0 / cells);
        double distance = ChiSquare.of(law, exact(law, draws)).detectableDistance(level, 0.95);
        assertTrue(distance > 0.02 && distance < 0.2, "distance " + distance);
        assertEquals(0.95, rejected(law, distance, draws, level), 0.03);
        assertTrue(rejected(law, distance / 2, draws, level) < 0.5);
        assertTrue(rejected(law, 0, draws, level) < 0.01);
    }

    private static long[] exact(double[] law, int draws) {
        return java.util.stream.DoubleStream.of(law).mapToLong(p -> Math.round(p * draws)).toArray();
    }

    /** With every second cell's probability raised and the others' lowered, the least visible deviation of this distance. */
    private static double rejected(double[] law, double distance, int draws, double level) {
        Random random = new Random(4);
        int rejected = 0;
        int trials = 1_000;
        for (int trial = 0; trial < trials; trial++) {
            long[] counts = new long[law.length];
            for (int i = 0; i < draws; i++) {
                int cell = random.nextInt(law.length);
                if (cell % 2 == 1 && random.nextDouble() < 2 * distance) {
                    cell--;
                }
                counts[cell]++;
            }
            rejected += ChiSquare.of(law, counts).pValue() < level ? 1 : 0;
        }
        return (double) rejected / trials;
    }
}
