package adaspec.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AxisTest {
    private static List<String> labels(Axis axis) {
        return axis.ticks().stream().map(axis::label).toList();
    }

    @Test
    void ticksAreRound() {
        assertEquals(List.of("0.0", "0.2", "0.4", "0.6", "0.8", "1.0"), labels(Axis.rounded(0, 1)));
        assertEquals(List.of("0.86", "0.88", "0.90", "0.92", "0.94"), labels(Axis.rounded(0.8603, 0.93)));
        assertEquals(List.of("-1", "0", "1", "2", "3"), labels(Axis.rounded(-0.7, 2.9)));
        assertEquals(List.of("0", "1e-5", "2e-5", "3e-5"), labels(Axis.rounded(0, 3e-5)));
        assertEquals(List.of("0", "5,000", "10,000", "15,000"), labels(Axis.exact(0, 18_000)));
    }

    @Test
    void everyRangeIsHeldAndItsTicksAreToldApart() {
        Random random = new Random(0);
        for (int i = 0; i < 20_000; i++) {
            double lo = (random.nextDouble() - 0.5) * Math.pow(10, random.nextInt(12) - 6);
            double hi = lo + random.nextDouble() * Math.pow(10, random.nextInt(12) - 6);
            Axis axis = Axis.rounded(lo, hi);
            double slack = 1e-6 * axis.step();
            assertTrue(axis.lo() <= lo + slack && axis.hi() >= hi - slack && axis.hi() > axis.lo(), lo + " to " + hi + " in " + axis);
            // A range far from zero and thin against its place may be one tick wide.
            assertTrue(axis.ticks().size() >= 2 && axis.ticks().size() <= 8, axis + " has " + axis.ticks());
        }
        for (double value : new double[] {0, 0.4, -3, 1e-9, 1e9}) {
            Axis axis = Axis.rounded(value, value);
            assertTrue(axis.lo() <= value && axis.hi() >= value && axis.hi() > axis.lo(), value + " in " + axis);
        }
        assertEquals(4, new HashSet<>(labels(Axis.rounded(0.90001, 0.90004))).size());
    }

    @Test
    void valuesHaveTheirPlace() {
        Axis axis = Axis.rounded(0, 10);
        assertEquals(206, axis.place(0, 206, 38));
        assertEquals(38, axis.place(10, 206, 38));
        assertEquals(122, axis.place(5, 206, 38));
    }
}
