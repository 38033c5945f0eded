package adaspec.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.common.Json;
import adaspec.ops.Ops;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SelectionTest {
    static List<Ops> devices() {
        return TestBackends.all();
    }

    /** The numbers of {@code lattice} in train_golden.py. */
    static float[] lattice(int n, int levels, int seed) {
        float[] values = new float[n];
        int state = seed;
        for (int i = 0; i < n; i++) {
            state = 1664525 * state + 1013904223;
            int top = state >>> 8;
            values[i] = (float) (levels == 0 ? top / 8388608.0 - 1 : (double) (top % levels) / levels * 2 - 1);
        }
        return values;
    }

    private static int[] keep(Ops ops, double k, Selection.Scope scope, float[] gap, int... boundaries) {
        try (var workspace = new Workspace(TestBackends.allocator(), true);
                var step = workspace.begin()) {
            Tensor tensor = step.f32(gap.length).copyFrom(Tensor.ofFloats(gap, gap.length));
            return new Selection(k, scope).keep(ops, tensor, boundaries, workspace);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void keepsWhatTorchQuantileKeeps(Ops ops) {
        int exactRankDiffers = 0;
        JsonNode cases = Json.readFile(Path.of("java/golden/train/select.json"));
        for (JsonNode each : cases) {
            int n = each.get("n").asInt();
            double k = each.get("k").asDouble();
            float[] gap = lattice(n, each.get("levels").asInt(), n);
            float threshold = Float.intBitsToFloat(each.get("threshold_bits").asInt());
            int[] expected = IntStream.range(0, n).filter(i -> gap[i] >= threshold).toArray();
            assertEquals(each.get("kept").asInt(), expected.length, "the test's gaps are the script's: " + each);
            assertArrayEquals(expected, keep(ops, k, Selection.Scope.MICRO_BATCH, gap), each::toString);

            float[] sorted = gap.clone();
            Arrays.sort(sorted);
            double rank = (1 - k) * (n - 1);
            int below = (int) rank;
            double exact = sorted[below] + (rank - below) * ((double) sorted[Math.min(n - 1, below + 1)] - sorted[below]);
            exactRankDiffers += IntStream.range(0, n).filter(i -> gap[i] >= exact).count() != expected.length ? 1 : 0;
        }
        assertTrue(cases.size() > 500 && exactRankDiffers > 10, "the cases would let the arithmetic of doubles pass: " + exactRankDiffers);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void sequenceScopeRanksEachSequenceByItself(Ops ops) {
        float[] gap = {1, 2, 3, 4, 5, 60, 50, 40, 30, 20, 10};
        // Ranks 0.6 * 4 = 2.4 and 0.6 * 5 = 3: thresholds 3.4 and 40; an empty sequence lies between.
        assertArrayEquals(new int[] {3, 4, 5, 6, 7}, keep(ops, 0.4, Selection.Scope.SEQUENCE, gap, 0, 5, 5, 11));
        // Over all: rank 6 of 1 2 3 4 5 10 20 30 40 50 60 is 20.
        assertArrayEquals(new int[] {5, 6, 7, 8, 9}, keep(ops, 0.4, Selection.Scope.MICRO_BATCH, gap));
    }

    @ParameterizedTest
    @MethodSource("devices")
    void notANumberKeepsNothingUnlessAllIsKept(Ops ops) {
        float[] gap = {1, Float.NaN, 3};
        assertEquals(0, keep(ops, 0.4, Selection.Scope.MICRO_BATCH, gap).length);
        assertArrayEquals(new int[] {0, 1, 2}, keep(ops, 1, Selection.Scope.MICRO_BATCH, gap));
    }

    @Test
    void refusesAShareOutsideItsRange() {
        for (double k : new double[] {0, -0.1, 1.1, Double.NaN}) {
            assertThrows(IllegalArgumentException.class, () -> new Selection(k, Selection.Scope.BATCH));
        }
    }

    /** What torch.quantile keeps of each group, by sorting. */
    static int[] plainlyKept(float[] ranks, double k, int... boundaries) {
        List<Integer> kept = new ArrayList<>();
        for (int g = 0; g + 1 < boundaries.length; g++) {
            float[] sorted = Arrays.copyOfRange(ranks, boundaries[g], boundaries[g + 1]);
            if (sorted.length == 0) {
                continue;
            }
            Arrays.sort(sorted);
            float rank = (float) (1 - k) * (sorted.length - 1);
            float low = sorted[(int) rank];
            float high = sorted[(int) Math.ceil(rank)];
            float weight = rank - (int) rank;
            float threshold = weight < 0.5f ? Math.fma(weight, high - low, low) : Math.fma(weight - 1, high - low, high);
            IntStream.range(boundaries[g], boundaries[g + 1]).filter(i -> ranks[i] >= threshold).forEach(kept::add);
        }
        return kept.stream().mapToInt(i -> i).toArray();
    }

    private static float[] lots(long seed, long step, int first, int n) {
        try (var workspace = new Workspace(TestBackends.allocator(), true);
                var memory = workspace.begin()) {
            Tensor ranks = memory.f32(n);
            new Selection(Selection.Rule.RANDOM, 0.4, Selection.Scope.MICRO_BATCH, seed).rank(ranks, null, step, first);
            return ranks.toFloats();
        }
    }

    @Test
    void lotsDependOnSeedStepAndPlaceAlone() {
        float[] all = lots(3, 5, 0, 100);
        assertArrayEquals(all, lots(3, 5, 0, 100));
        assertArrayEquals(Arrays.copyOfRange(all, 30, 100), lots(3, 5, 30, 70));
        for (float[] other : List.of(lots(4, 5, 0, 100), lots(3, 6, 0, 100))) {
            assertTrue(IntStream.range(0, 100).allMatch(i -> all[i] != other[i]));
        }
    }

    /** Each of 20 tokens is kept in about 8 of 20 steps: within 5 standard deviations of the binomial law over 2000 steps. */
    @Test
    void lotsKeepEveryTokenEquallyOften() {
        int steps = 2000;
        int[] times = new int[20];
        for (int step = 1; step <= steps; step++) {
            for (int i : plainlyKept(lots(0, step, 0, 20), 0.4, 0, 20)) {
                times[i]++;
            }
        }
        double sd = Math.sqrt(steps * 0.4 * 0.6);
        for (int count : times) {
            assertEquals(0.4 * steps, count, 5 * sd);
        }
        assertEquals(0.4 * steps * 20, Arrays.stream(times).sum());
    }
}
