package adaspec.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.device.Device;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every operation of the processor against the reference, with 1, 2 and 3 threads, which must agree bit by bit.
 *
 * <p>Sizes around the vectors (1, 31, 33, 257) and past the size from which threads are used (32768 elements). Memory arrives as NaN.
 */
class OpsTest {
    @BeforeAll
    static void needsTheNativeLibrary() {
        Assumptions.assumeTrue(TestBackends.all().size() > 1, "this build has no native library");
    }

    /** Numbers and tensors of one run: the same for every device. */
    private static final class Case {
        final Workspace.Step step;
        final SplittableRandom random;

        Case(Workspace.Step step, long seed) {
            this.step = step;
            this.random = new SplittableRandom(seed);
        }

        Tensor out(long... shape) {
            return step.f32(shape);
        }

        Tensor normal(double size, long... shape) {
            return normal(DType.F32, size, shape);
        }

        Tensor normal(DType type, double size, long... shape) {
            Tensor tensor = step.tensor(type, shape);
            for (long i = 0; i < tensor.size(); i++) {
                tensor.set(i, (float) (size * random.nextGaussian()));
            }
            return tensor;
        }

        /** A matrix whose rows are further apart than they are long. */
        Tensor strided(double size, long rows, long columns) {
            return normal(size, rows, columns + 3).columns(1, columns + 1);
        }

        Tensor strided(DType type, double size, long rows, long columns) {
            return normal(type, size, rows, columns + 3).columns(1, columns + 1);
        }

        Tensor ids(long n, int bound) {
            return step.i32(random.ints(n, 0, bound).toArray());
        }
    }

    private interface Run {
        List<Tensor> on(Ops ops, Case data);
    }

    private static List<float[]> results(Ops ops, long seed, Run run) {
        try (var workspace = new Workspace(TestBackends.allocator(), true);
                var step = workspace.begin()) {
            var all = new ArrayList<float[]>();
            for (Tensor tensor : run.on(ops, new Case(step, seed))) {
                all.add(values(tensor));
            }
            return all;
        }
    }

    private static float[] values(Tensor tensor) {
        float[] values = new float[(int) tensor.size()];
        int i = 0;
        for (long row = 0; row < tensor.rows(); row++) {
            for (long column = 0; column < tensor.columns(); column++) {
                values[i++] = tensor.dtype() == DType.I32 ? tensor.getInt(i - 1) : tensor.get(row, column);
            }
        }
        return values;
    }

    /** The reference and the processor agree within absolute + relative * |value|; thread counts agree exactly. */
    private static void agree(double absolute, double relative, Run run) {
        agree(absolute, relative, true, run);
    }

    private static void agree(double absolute, double relative, boolean sameBits, Run run) {
        List<float[]> expected = results(new ReferenceOps(), 7, run);
        List<float[]> oneThread = null;
        for (int threads : new int[] {1, 2, 3}) {
            try (var device = Device.open("cpu", threads)) {
                List<float[]> got = results(Ops.on(device), 7, run);
                assertEquals(expected.size(), got.size());
                for (int t = 0; t < got.size(); t++) {
                    assertClose(expected.get(t), got.get(t), absolute, relative, "result " + t + ", " + threads + " threads");
                    if (oneThread != null && sameBits) {
                        assertArrayEquals(bits(oneThread.get(t)), bits(got.get(t)), "result " + t + ": " + threads + " threads differ from one");
                    }
                }
                oneThread = oneThread == null ? got : oneThread;
            }
        }
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }

    private static void assertClose(float[] expected, float[] got, double absolute, double relative, String what) {
        assertEquals(expected.length, got.length, what);
        for (int i = 0; i < expected.length; i++) {
            if (!isClose(expected[i], got[i], absolute, relative)) {
                throw new AssertionError(what + ": element " + i + " is " + got[i] + ", " + expected[i] + " was expected");
            }
        }
    }

    private static boolean isClose(float expected, float got, double absolute, double relative) {
        return Float.compare(expected, got) == 0
                || (Float.isFinite(expected) && Math.abs((double) got - expected) <= absolute + relative * Math.abs(expected));
    }

    @Test
    void theComparisonRefusesWhatItShould() {
        assertTrue(isClose(1, 1.0001f, 1e-3, 0));
        assertTrue(isClose(Float.NaN, Float.NaN, 0, 0));
        for (float[] pair : new float[][] {{1, Float.NaN}, {Float.NaN, 1}, {1, 1.1f}, {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}}) {
            assertTrue(!isClose(pair[0], pair[1], 1e-3, 1e-3), pair[0] + " passes for " + pair[1]);
        }
    }

    // ------------------------------------------------------------------------------------------------ embedding and norms

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void embedding(DType type) {
        for (int c : new int[] {1, 31, 33, 1024}) {
            agree(0, 0, (ops, data) -> {
                Tensor out = data.out(40, c);
                ops.embedding(out, data.normal(type, 1, 50, c), data.ids(40, 50));
                return List.of(out);
            });
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 31, 33, 1024})
    void embeddingBackward(int c) {
        agree(0, 0, (ops, data) -> {
            Tensor table = data.normal(1, 5, c);
            ops.embeddingBackward(table, data.normal(1, 40, c), data.ids(40, 5));
            return List.of(table);
        });
    }

    @ParameterizedTest
    @CsvSource({"3, 2", "3, 31", "40, 257", "70, 1024"})
    void layerNormAndItsBackward(int n, int c) {
        agree(1e-5, 1e-5, (ops, data) -> {
            Tensor x = data.normal(2, n, c);
            Tensor out = data.out(n, c);
            Tensor mean = data.out(n);
            Tensor rstd = data.out(n);
            Tensor gain = data.normal(1, c);
            ops.layerNorm(out, mean, rstd, x, gain, data.normal(1, c), 1e-5f);
            Tensor dx = data.normal(1, n, c);
            Tensor dGain = data.normal(1, c);
            Tensor dBias = data.normal(1, c);
            ops.layerNormBackward(dx, dGain, dBias, data.normal(1, n, c), x, mean, rstd, gain);
            // Two channels may lie close together, and then everything is steep; there only the forward is compared.
            return c == 2 ? List.of(out, mean) : List.of(out, mean, rstd, dx, dGain, dBias);
        });
    }

    @ParameterizedTest
    @CsvSource({"3, 2", "3, 31", "40, 257", "70, 1024"})
    void rmsNormAndItsBackward(int n, int c) {
        agree(1e-5, 1e-5, (ops, data) -> {
            Tensor x = data.normal(2, n, c);
            Tensor out = data.out(n, c);
            Tensor rstd = data.out(n);
            Tensor gain = data.normal(1, c);
            ops.rmsNorm(out, rstd, x, gain, 1e-5f);
            Tensor dx = data.normal(1, n, c);
            Tensor dGain = data.normal(1, c);
            ops.rmsNormBackward(dx, dGain, data.normal(1, n, c), x, rstd, gain);
            return List.of(out, rstd, dx, dGain);
        });
    }

    // ------------------------------------------------------------------------------------------------ linear maps

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "5, 33, 31", "64, 48, 257", "130, 66, 128"})
    void linearAndItsBackward(int n, int in, int outputs) {
        agree(1e-4, 1e-5, false, (ops, data) -> {
            Tensor x = data.strided(1, n, in);
            Tensor weight = data.strided(1, outputs, in);
            Tensor plain = data.out(n, outputs);
            ops.linear(plain, x, weight, null);
            Tensor out = data.strided(1, n, outputs);
            ops.linear(out, x, weight, data.normal(1, outputs));
            Tensor dOut = data.strided(1, n, outputs);
            Tensor dx = data.strided(Double.NaN, n, in);
            ops.linearBackwardInput(dx, dOut, weight, false);
            Tensor dxMore = data.strided(1, n, in);
            ops.linearBackwardInput(dxMore, dOut, weight, true);
            Tensor dWeight = data.strided(1, outputs, in);
            Tensor dBias = data.normal(1, outputs);
            ops.linearBackwardWeight(dWeight, dOut, x);
            ops.biasBackward(dBias, dOut);
            return List.of(plain, out, dx, dxMore, dWeight, dBias);
        });
    }

    /** Products of bf16 numbers are exact in f32, so only the order of summation tells the library from the reference. */
    @ParameterizedTest
    @CsvSource({"1, 1, 1", "5, 33, 31", "64, 48, 257", "130, 66, 128"})
    void linearAndItsBackwardOnBf16(int n, int in, int outputs) {
        agree(1e-4, 1e-5, false, (ops, data) -> {
            Tensor x = data.strided(DType.BF16, 1, n, in);
            Tensor weight = data.strided(DType.BF16, 1, outputs, in);
            Tensor out = data.strided(1, n, outputs);
            ops.linear(out, x, weight, data.normal(1, outputs));
            Tensor dOut = data.strided(DType.BF16, 1, n, outputs);
            Tensor dx = data.strided(Double.NaN, n, in);
            ops.linearBackwardInput(dx, dOut, weight, false);
            Tensor dxMore = data.strided(1, n, in);
            ops.linearBackwardInput(dxMore, dOut, weight, true);
            Tensor dWeight = data.strided(1, outputs, in);
            ops.linearBackwardWeight(dWeight, dOut, x);
            return List.of(out, dx, dxMore, dWeight);
        });
    }

    @Test
    void cast() {
        for (DType from : List.of(DType.F32, DType.BF16, DType.F16)) {
            for (DType to : List.of(DType.F32, DType.BF16, DType.F16)) {
                for (int n : new int[] {1, 31, 33, 257, 40000}) {
                    agree(0, 0, (ops, data) -> {
                        Tensor out = data.step.tensor(to, n);
                        ops.cast(out, data.normal(from, 3, n));
                        return List.of(out);
                    });
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void linearRows(DType type) {
        for (int[] s : new int[][] {{1, 1, 1}, {3, 33, 31}, {70, 257, 65}, {9, 64, 1000}}) {
            agree(1e-4, 1e-5, (ops, data) -> {
                Tensor x = data.strided(1, s[0], s[1]);
                Tensor weight = data.strided(type, 1, s[2], s[1]);
                Tensor out = data.strided(1, s[0], s[2]);
                ops.linearRows(out, x, weight, data.normal(1, s[2]));
                Tensor plain = data.out(s[0], s[2]);
                ops.linearRows(plain, x, weight, null);
                Tensor linear = data.out(s[0], s[2]);
                ops.linear(linear, x, weight, null);
                return List.of(out, plain, linear);
            });
        }
    }

    /** The promise that makes speculation exact: neither the neighbours nor their number nor the threads change a bit of a row. */
    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void aRowOfLinearRowsIsTheSameBitsInAnyCompany(DType type) {
        for (int threads : new int[] {1, 2, 3}) {
            try (var device = Device.open("cpu", threads);
                    var workspace = new Workspace(TestBackends.allocator(), true);
                    var step = workspace.begin()) {
                Ops ops = Ops.on(device);
                var data = new Case(step, 3);
                Tensor x = data.normal(1, 40, 301);
                Tensor weight = data.normal(type, 1, 131, 301);
                Tensor all = data.out(40, 131);
                ops.linearRows(all, x, weight, null);
                for (int m : new int[] {1, 2, 3, 4, 5, 6, 7, 13, 39}) {
                    for (int first = 0; first + m <= 40; first += m) {
                        Tensor some = data.out(m, 131);
                        ops.linearRows(some, x.rows(first, first + m), weight, null);
                        assertArrayEquals(bits(values(all.rows(first, first + m))), bits(values(some)), m + " rows from " + first);
                    }
                }
            }
        }
    }

    // ------------------------------------------------------------------------------------------------ rotary and attention

    private static final HeadLayout INTERLEAVED = HeadLayout.interleaved(3, 33);
    private static final HeadLayout GROUPED = HeadLayout.stacked(6, 2, 20);

    @Test
    void rotary() {
        for (HeadLayout layout : List.of(INTERLEAVED, GROUPED)) {
            for (boolean inverse : new boolean[] {false, true}) {
                agree(1e-6, 1e-6, (ops, data) -> {
                    Tensor qkv = data.normal(1, 130, layout.rowWidth());
                    ops.rotary(qkv, layout, data.ids(130, 50), data.normal(1, 50, 18), inverse);
                    return List.of(qkv);
                });
            }
        }
    }

    @Test
    void attentionAndItsBackward() {
        for (HeadLayout layout : List.of(INTERLEAVED, GROUPED)) {
            agree(2e-5, 2e-5, (ops, data) -> {
                Tensor starts = data.step.i32(0, 1, 34, 34, 140);
                Tensor qkv = data.normal(1, 140, layout.rowWidth());
                Tensor out = data.out(140, layout.outputWidth());
                Tensor lse = data.out(140, layout.queryHeads());
                ops.attention(out, lse, qkv, layout, starts, 0.3f);
                Tensor dQkv = data.out(140, layout.rowWidth());
                ops.attentionBackward(dQkv, data.normal(1, 140, layout.outputWidth()), out, lse, qkv, layout, starts, 0.3f);
                return List.of(out, lse, dQkv);
            });
        }
    }

    @Test
    void attentionOverACache() {
        for (HeadLayout layout : List.of(INTERLEAVED, GROUPED)) {
            agree(1e-5, 1e-5, (ops, data) -> {
                Tensor keys = data.normal(1, layout.kvHeads(), 90, layout.headDim());
                Tensor values = data.normal(1, layout.kvHeads(), 90, layout.headDim());
                Tensor qkv = data.normal(1, 5, layout.rowWidth());
                ops.cacheAppend(keys, values, qkv, layout, 70);
                Tensor out = data.out(5, layout.outputWidth());
                ops.attentionDecode(out, qkv, layout, keys, values, 70, 0.3f);
                return List.of(keys, values, out);
            });
        }
    }

    // ------------------------------------------------------------------------------------------------ elementwise and rows

    @ParameterizedTest
    @EnumSource
    void geluAndItsBackward(Gelu kind) {
        for (int n : new int[] {1, 33, 40_001}) {
            agree(2e-6, 2e-6, (ops, data) -> {
                Tensor x = data.normal(3, n);
                Tensor out = data.out(n);
                ops.gelu(out, x, kind);
                Tensor dx = data.normal(1, n);
                ops.geluBackward(dx, dx, x, kind);
                return List.of(out, dx);
            });
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "3, 33", "40, 1003"})
    void swiGluAndItsBackward(int n, int c) {
        agree(3e-6, 3e-6, (ops, data) -> {
            Tensor x = data.normal(3, n, 2 * c);
            Tensor out = data.out(n, c);
            ops.swiGlu(out, x);
            Tensor dx = data.out(n, 2 * c);
            ops.swiGluBackward(dx, data.normal(1, n, c), x);
            return List.of(out, dx);
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 33, 40_001})
    void add(int n) {
        agree(0, 0, (ops, data) -> {
            Tensor a = data.normal(1, n);
            ops.add(a, a, data.normal(1, n));
            return List.of(a);
        });
    }

    @ParameterizedTest
    @CsvSource({"3, 1", "5, 33", "60, 700"})
    void gatherAndScatter(int n, int c) {
        agree(0, 0, (ops, data) -> {
            Tensor x = data.strided(1, n, c);
            Tensor rows = data.step.i32(n - 1, 0);
            Tensor out = data.out(2, c);
            ops.gatherRows(out, x, rows);
            ops.scatterAddRows(x, data.normal(1, 2, c), rows);
            return List.of(out, x);
        });
    }

    // ------------------------------------------------------------------------------------------------ losses over the vocabulary

    @ParameterizedTest
    @CsvSource({"1, 1", "7, 33", "9, 513", "40, 1100"})
    void distillation(int n, int v) {
        for (Divergence divergence : Divergence.values()) {
            agree(1e-5, 1e-5, (ops, data) -> {
                Tensor target = data.strided(2, n, v);
                Tensor draft = data.strided(2, n, v);
                Tensor reference = data.strided(2, n, v);
                RowStatistics row = statistics(data, n);
                Tensor klRef = data.out(n);
                Tensor gap = data.out(n);
                ops.distillForward(divergence, row, klRef, gap, target, draft, reference);
                Tensor cachedGap = data.out(n);
                ops.distillForward(data.out(n), klRef, cachedGap, null, data.out(n), data.out(n), target, draft, null);
                Tensor alone = data.out(n);
                ops.distillForward(alone, null, null, null, data.out(n), data.out(n), target, draft, null);
                Tensor some = data.out(1, v);
                ops.distillBackward(divergence, some, target, draft, row, data.step.i32(n - 1), 0.5f);
                ops.distillBackward(divergence, draft, target, draft, row, null, 0.5f);
                List<Tensor> results = all(row);
                results.addAll(List.of(klRef, gap, cachedGap, alone, some, draft));
                return results;
            });
        }
    }

    @Test
    void distillationOfInfiniteAndBrokenRows() {
        for (Divergence divergence : Divergence.values()) {
            agree(1e-5, 1e-5, (ops, data) -> {
                int v = 600;
                Tensor target = data.normal(2, 8, v);
                Tensor draft = data.normal(2, 8, v);
                Tensor reference = data.normal(2, 8, v);
                target.set(0, 5, Float.NEGATIVE_INFINITY);
                target.set(1, 5, Float.NEGATIVE_INFINITY);
                draft.set(1, 5, Float.NEGATIVE_INFINITY);
                draft.set(2, 5, Float.NEGATIVE_INFINITY);
                reference.set(3, 5, Float.NEGATIVE_INFINITY);
                target.set(4, 599, Float.NaN);
                draft.set(5, 599, Float.POSITIVE_INFINITY);
                reference.set(6, 0, Float.NaN);
                for (int i = 0; i < v; i++) {
                    draft.set(7, i, Float.NEGATIVE_INFINITY);
                }
                RowStatistics row = statistics(data, 8);
                Tensor klRef = data.out(8);
                Tensor gap = data.out(8);
                ops.distillForward(divergence, row, klRef, gap, target, draft, reference);
                Tensor gradient = data.out(8, v);
                ops.distillBackward(divergence, gradient, target, draft, row, null, 1);
                List<Tensor> results = all(row);
                results.addAll(List.of(klRef, gap, gradient));
                return results;
            });
        }
    }

    private static RowStatistics statistics(Case data, int n) {
        return new RowStatistics(data.out(n), data.out(n), data.out(n), data.out(n), data.out(n), data.out(n), data.out(n));
    }

    private static List<Tensor> all(RowStatistics row) {
        return new ArrayList<>(List.of(
                row.loss(), row.meanSlope(), row.klDraft(), row.acceptance(), row.entropy(), row.targetLse(), row.draftLse()));
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "7, 33", "70, 1000"})
    void crossEntropyAndItsBackward(int n, int v) {
        agree(2e-6, 2e-6, (ops, data) -> {
            Tensor logits = data.strided(2, n, v);
            Tensor targets = data.ids(n, v);
            Tensor loss = data.out(n);
            Tensor lse = data.out(n);
            ops.crossEntropy(loss, lse, logits, targets);
            Tensor gradient = data.out(n, v);
            ops.crossEntropyBackward(gradient, logits, lse, targets, 0.5f);
            ops.crossEntropyBackward(logits, logits, lse, targets, 0.5f);
            return List.of(loss, lse, gradient, logits);
        });
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.1, 0.4, 0.6, 1})
    void select(double k) {
        for (int n : new int[] {1, 2, 3, 100, 1023, 4001}) {
            for (int levels : new int[] {0, 3}) {
                int exact = (int) ((Math.round(100 * k) * n + 99) / 100);
                agree(0, 0, (ops, data) -> {
                    Tensor gap = data.normal(1, n);
                    for (int i = 0; i < n && levels > 0; i++) {
                        gap.set(i, Math.round(gap.get(i) * levels));
                    }
                    Tensor kept = data.step.tensor(DType.I32, n);
                    int count = ops.select(kept, gap, k, SelectionRule.QUANTILE);
                    assertTrue(count >= 1 && count <= n);
                    Tensor counted = data.step.tensor(DType.I32, n);
                    assertEquals(exact, ops.select(counted, gap, k, SelectionRule.COUNT));
                    return List.of(kept.rows(0, count), counted.rows(0, exact));
                });
            }
        }
        agree(0, 0, (ops, data) -> {
            Tensor gap = data.normal(1, 5);
            gap.set(2, Float.NaN);
            Tensor kept = data.step.tensor(DType.I32, 5);
            return List.of(data.step.i32(ops.select(kept, gap, k, SelectionRule.QUANTILE), ops.select(kept, gap, k, SelectionRule.COUNT)));
        });
    }

    // ------------------------------------------------------------------------------------------------ optimiser

    @ParameterizedTest
    @ValueSource(ints = {1, 33, 40_001})
    void optimiser(int n) {
        agree(1e-7, 1e-6, (ops, data) -> {
            Tensor param = data.normal(1, n);
            Tensor m = data.normal(0, n);
            Tensor v = data.normal(0, n);
            for (int step = 1; step <= 3; step++) {
                ops.adamw(param, data.normal(1, n), m, v, 0.5f, 1e-3f, 0.9f, 0.999f, 1e-8f, 0.1f, step);
            }
            double squares = ops.sumOfSquares(param);
            Tensor sum = data.out(1);
            sum.set(0, (float) squares);
            return List.of(param, sum);
        });
    }

    // ------------------------------------------------------------------------------------------------ decoding

    /** Draws of every kind, each of its own. */
    private static List<Draw> draws(int count, float temperature) {
        List<Draw> draws = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int topK = new int[] {0, 1, 5, 40}[i % 4];
            float topP = new float[] {1, 0.9f, 0.5f}[i % 3];
            draws.add(new Draw(11 + i % 2, (1L << 40) + 7 * i, 5 + i, i % 7 == 6 ? 0 : temperature, topK, topP));
        }
        return draws;
    }

    @ParameterizedTest
    @ValueSource(floats = {0, 0.6f, 1})
    void sample(float temperature) {
        for (int v : new int[] {1, 33, 1000}) {
            agree(1e-7, 3e-6, (ops, data) -> {
                Tensor logits = data.strided(2, 100, v);
                logits.set(3, 0, Float.NaN);
                Tensor token = data.step.tensor(DType.I32, 100);
                Tensor probability = data.out(100);
                ops.sample(token, probability, logits, draws(100, temperature), Philox.DRAFT, 2);
                return List.of(token, probability);
            });
        }
    }

    @ParameterizedTest
    @CsvSource({"0, false", "0.7, false", "1, false", "1, true"})
    void verify(float temperature, boolean oneHot) {
        for (Verification verification : Verification.values()) {
            for (boolean packed : new boolean[] {false, true}) {
                agree(0, 0, (ops, data) -> verify(ops, data, verification, packed, temperature, oneHot));
            }
        }
    }

    private static List<Tensor> verify(Ops ops, Case data, Verification verification, boolean packed, float temperature, boolean oneHot) {
        int b = 120;
        int g = 3;
        int v = 50;
        Tensor target = data.normal(2, b * (g + 1), v + 6);
        Tensor draft = data.normal(2, b * g, v + 2);
        int[] tokens = new int[b * g];
        int[] lengths = new int[b];
        int[] firstRows = new int[b];
        int row = 0;
        for (int s = 0; s < b; s++) {
            lengths[s] = s % (g + 1);
            firstRows[s] = packed ? row : s * (g + 1);
            row += lengths[s] + 1;
            for (int i = 0; i < lengths[s]; i++) {
                int best = 0;
                for (int j = 0; j < v; j++) {
                    // Near the target, or nothing would ever be accepted.
                    draft.set(s * g + i, j, target.get(firstRows[s] + i, j) + 0.2f * draft.get(s * g + i, j));
                    best = draft.get(s * g + i, j) > draft.get(s * g + i, best) ? j : best;
                }
                tokens[s * g + i] = best;
            }
        }
        target.set(7, 3, Float.NaN);
        draft.set(31 * g + 1, 4, Float.NaN);
        Tensor accepted = data.step.tensor(DType.I32, b);
        Tensor next = data.step.tensor(DType.I32, b);
        ops.verify(
                accepted, next, target, packed ? data.step.i32(firstRows) : null, oneHot ? null : draft, data.step.i32(tokens), data.step.i32(lengths),
                v, draws(b, temperature), verification, oneHot);
        return List.of(accepted, next);
    }

    // ------------------------------------------------------------------------------------------------ refusals

    @Test
    void wrongShapesAndTypesAreRefusedWithTheOperationsName() {
        try (var device = Device.open("cpu", 1);
                var workspace = new Workspace(TestBackends.allocator());
                var step = workspace.begin()) {
            Ops ops = Ops.on(device);
            assertEquals("cpu", ops.deviceName());
            Tensor a = step.f32(3, 4);
            Tensor b = step.f32(4, 3);
            Tensor narrow = step.tensor(DType.BF16, 3, 4);
            refused("add: ", () -> ops.add(a, a, b));
            refused("add: ", () -> ops.add(a, a, narrow));
            refused("add: ", () -> ops.add(a, a, step.f32(3, 5).columns(0, 4)));
            refused("linear: ", () -> ops.linear(step.f32(3, 3), a, b, null));
            refused("linear: ", () -> ops.linear(step.f32(3, 3), step.tensor(DType.BF16, 3, 4), step.f32(3, 4), null));
            refused("cast: ", () -> ops.cast(step.f32(3), step.f32(4)));
            refused("cast: ", () -> ops.cast(step.tensor(DType.I32, 3), step.f32(3)));
            refused("linearRows: ", () -> ops.linearRows(step.f32(3, 3), a, step.tensor(DType.I32, 3, 4), null));
            refused("linearRows: ", () -> ops.linearRows(step.f32(3, 3), a, a, step.f32(2)));
            refused("gatherRows: ", () -> ops.gatherRows(step.f32(1, 4), a, step.i32(3)));
            refused("embedding_forward: ", () -> ops.embedding(step.f32(1, 4), a, step.i32(-1)));
            refused("scatterAddRows: ", () -> ops.scatterAddRows(a, step.f32(1, 4), step.i32(-1)));
            var row = new RowStatistics(null, null, step.f32(3), null, null, step.f32(3), step.f32(3));
            refused("distillBackward: ", () -> ops.distillBackward(Divergence.KL_DIV, step.f32(1, 4), a, a, row, step.i32(3), 1));
            refused("distill_backward: ", () -> ops.distillBackward(Divergence.RKL, step.f32(3, 4), a, a, row, null, 1));
            refused("cross_entropy_forward: ", () -> ops.crossEntropy(step.f32(3), step.f32(3), a, step.i32(0, 1, 4)));
            refused("rotary: ", () -> ops.rotary(step.f32(1, 12), HeadLayout.interleaved(1, 4), step.i32(2), step.f32(2, 4), false));
            refused("attention: ", () -> ops.attention(a, a, a, HeadLayout.interleaved(1, 4), step.i32(0, 3), 1));
            refused("verify: ", () -> ops.verify(
                    step.i32(0), step.i32(0), step.f32(2, 4), null, null, step.i32(0), step.i32(1), 4, draws(1, 1), Verification.TOKEN, false));
            refused("verify: ", () -> ops.verify(
                    step.i32(0), step.i32(0), step.f32(2, 4), step.i32(1), step.f32(1, 4), step.i32(0), step.i32(1), 4, draws(1, 1), Verification.TOKEN,
                    false));
            refused("sample: ", () -> ops.sample(step.i32(0), null, step.f32(1, 4), draws(2, 1), Philox.NEXT, 0));
        }
    }

    private static void refused(String operation, org.junit.jupiter.api.function.Executable call) {
        var e = assertThrows(IllegalArgumentException.class, call);
        assertTrue(e.getMessage().startsWith(operation), e.getMessage());
    }
}
