package adaspec.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpeedModelTest {
    private static final int LONGEST = 64;

    private static double speedup(double acceptance, double costRatio, int length) {
        return SpeedModel.speedup(SpeedModel.tokens(acceptance, length), length, costRatio, 1);
    }

    private static int best(double acceptance, double costRatio) {
        return SpeedModel.bestLength(LONGEST, g -> speedup(acceptance, costRatio, g));
    }

    @Test
    void theFormulaByHand() {
        // a = 0.5, g = 2: 1 + 0.5 + 0.25 tokens in the time of 1 + 2 * 0.25 target steps.
        assertEquals(1.75 / 1.5, speedup(0.5, 0.25, 2), 1e-15);
        assertEquals(6 / 1.5, speedup(1, 0.1, 5), 1e-15);
        // With a verification that takes 1.3 steps: 1.75 / (0.5 + 1.3).
        assertEquals(1.75 / 1.8, SpeedModel.speedup(1.75, 2, 0.25, 1.3), 1e-15);
    }

    /** The best lengths at c = 0.05 and w = 1 that an exhaustive search outside this project found. */
    @ParameterizedTest
    @CsvSource({"0.5758, 4", "0.6263, 4", "0.7949, 8", "0.8279, 9", "0.8629, 11"})
    void theBestLength(double alpha, int length) {
        assertEquals(length, best(alpha, 0.05));
    }

    @Test
    void aDraftThatDoesNotPayIsNotUsed() {
        assertEquals(0, best(0.3, 0.3));
        assertEquals(1, best(0.31, 0.3));
        assertEquals(LONGEST, best(1, 0.1));
        assertEquals(0, SpeedModel.bestLength(3, g -> Double.NaN));
    }

    /** A step in w, as kernels that work on whole tiles of rows have, moves the best length to its foot. */
    @Test
    void wideVerificationsShortenTheDraft() {
        assertEquals(9, best(0.8279, 0.05));
        assertEquals(4, SpeedModel.bestLength(LONGEST, g -> SpeedModel.speedup(SpeedModel.tokens(0.8279, g), g, 0.05, g <= 4 ? 1 : 1.6)));
    }

    @Test
    void breakEvenIsWhereTheSpeedupIsOne() {
        assertEquals(0.3, SpeedModel.breakEvenAcceptance(1, 0.3, 1), 1e-12);
        for (int length = 1; length < 9; length++) {
            for (double w : new double[] {1, 1.4}) {
                double a = SpeedModel.breakEvenAcceptance(length, 0.2, w);
                assertEquals(1, SpeedModel.speedup(SpeedModel.tokens(a, length), length, 0.2, w), 1e-12);
            }
        }
        assertTrue(SpeedModel.breakEvenAcceptance(3, 1.1, 1) > 1, "a draft slower than its target never pays");
        assertTrue(Double.isNaN(SpeedModel.breakEvenAcceptance(3, Double.NaN, 1)));
    }
}
