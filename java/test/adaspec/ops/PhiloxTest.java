package adaspec.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class PhiloxTest {
    /** Random123's known answers (kat_vectors) for philox4x32-10. */
    @Test
    void knownAnswers() {
        assertArrayEquals(new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, Philox.block(0, 0, 0, 0));
        assertArrayEquals(new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, Philox.block(-1, -1, -1, -1));
        assertArrayEquals(
                new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
                Philox.block(0x299f31d0a4093822L, 0x85a308d3243f6a88L, 0x13198a2e, 0x03707344));
    }

    @Test
    void uniformNumbersFillTheUnitInterval() {
        double sum = 0;
        double smallest = 1;
        double largest = 0;
        int n = 100_000;
        for (int i = 0; i < n; i++) {
            double u = Philox.uniform(5, 1, i, Philox.DRAFT);
            assertTrue(u >= 0 && u < 1);
            sum += u;
            smallest = Math.min(smallest, u);
            largest = Math.max(largest, u);
        }
        // Six standard deviations of the mean, 1 / sqrt(12 n).
        assertEquals(0.5, sum / n, 6 / Math.sqrt(12.0 * n));
        assertTrue(smallest < 1e-3 && largest > 1 - 1e-3);
    }
}
