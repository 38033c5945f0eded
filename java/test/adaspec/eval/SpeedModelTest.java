package adaspec.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpeedModelTest {
    @Test
    void theFormulaByHand() {
        // a = 0.5, g = 2: 1 + 0.5 + 0.25 tokens in the time of 1 + 2 * 0.25 target steps.
        assertEquals(1.75 / 1.5, SpeedModel.speedup(0.5, 0.25, 2), 1e-15);
        assertEquals(1, SpeedModel.speedup(0.7, 0.3, 0));
        assertEquals(6 / 1.5, SpeedModel.speedup(1, 0.1, 5), 1e-15);
    }

    /** The best lengths at c = 0.05 that an exhaustive search outside this project found. */
    @ParameterizedTest
    @CsvSource({"0.5758, 4", "0.6263, 4", "0.7949, 8", "0.8279, 9", "0.8629, 11"})
    void theBestLength(double alpha, int length) {
        assertEquals(length, SpeedModel.bestLength(alpha, 0.05));
    }

    @Test
    void aDraftThatDoesNotPayIsNotUsed() {
        assertEquals(0, SpeedModel.bestLength(0.3, 0.3));
        assertEquals(1, SpeedModel.bestLength(0.31, 0.3));
        assertEquals(SpeedModel.LONGEST, SpeedModel.bestLength(1, 0.1));
    }

    @Test
    void breakEvenIsWhereTheSpeedupIsOne() {
        assertEquals(0.3, SpeedModel.breakEvenAcceptance(0.3, 1), 1e-12);
        for (int length = 1; length < 9; length++) {
            assertEquals(1, SpeedModel.speedup(SpeedModel.breakEvenAcceptance(0.2, length), 0.2, length), 1e-12);
        }
        assertTrue(SpeedModel.breakEvenAcceptance(1.1, 3) > 1, "a draft slower than its target never pays");
        assertTrue(Double.isNaN(SpeedModel.breakEvenAcceptance(Double.NaN, 3)));
    }
}
