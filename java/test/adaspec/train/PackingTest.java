package adaspec.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.model.Architecture;
import adaspec.model.Sequences;
import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.ops.HeadLayout;
import adaspec.ops.Ops;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Texts that share a batch know nothing of each other, and nothing lies between them. */
class PackingTest {
    private static final int VOCABULARY = 30;
    private static final Architecture SHAPE = TinyModels.architecture(VOCABULARY, 16, 2, false);

    private final Workspace.Allocator allocator = TestBackends.allocator();
    private final Workspace workspace = new Workspace(TestBackends.allocator(), true);

    @AfterEach
    void free() {
        workspace.close();
        allocator.close();
    }

    static List<Ops> devices() {
        return TestBackends.all();
    }

    /** The gradient of the summed loss of batches, and what was counted. */
    private record Outcome(float[] gradient, Tally tally) {}

    private Outcome run(Ops ops, boolean distil, MicroBatch... batches) {
        var draft = new Transformer(ops, TinyModels.random(SHAPE, 2, allocator), allocator);
        Weights gradient = Weights.zeros(SHAPE, allocator);
        var tally = new Tally();
        Objective objective = new CrossEntropy(draft, LogitsBudget.DEFAULT, workspace);
        if (distil) {
            var target = new Transformer(ops, TinyModels.random(SHAPE, 1, allocator), allocator);
            objective = new Distillation(
                    new FrozenModels(target, null, VOCABULARY, workspace), draft, Selection.ALL, LogitsBudget.DEFAULT, workspace);
        }
        objective.accumulate(1, List.of(batches), 1f, gradient, tally);
        return new Outcome(gradient.arena().toFloats(), tally);
    }

    private static MicroBatch alone(MicroBatch batch, int s) {
        int[] starts = batch.sequences().starts();
        int[] ids = Arrays.copyOfRange(batch.sequences().ids(), starts[s], starts[s + 1]);
        return new MicroBatch(Sequences.single(ids), new int[] {batch.answerStarts()[s]});
    }

    /** What a batch gives is the sum of what its texts give one by one. Another text's key within reach of one query would show at once. */
    @ParameterizedTest
    @MethodSource("devices")
    void lossAndGradientOfABatchAreTheSumsOverItsTextsAlone(Ops ops) {
        MicroBatch batch = TinyModels.batch(7, VOCABULARY, 11);
        MicroBatch[] apart = IntStream.range(0, 7).mapToObj(s -> alone(batch, s)).toArray(MicroBatch[]::new);
        for (boolean distil : new boolean[] {false, true}) {
            Outcome together = run(ops, distil, batch);
            Outcome sum = run(ops, distil, apart);
            assertEquals(sum.tally.keptTokens(), together.tally.keptTokens());
            assertEquals(sum.tally.keptLoss, together.tally.keptLoss, 1e-6 * sum.tally.keptLoss);
            double norm = 0;
            double difference = 0;
            for (int i = 0; i < sum.gradient.length; i++) {
                norm += Math.pow(sum.gradient[i], 2);
                difference += Math.pow(sum.gradient[i] - together.gradient[i], 2);
            }
            // Sums of about a hundred f32 terms in two orders: a few roundings of 6e-8.
            assertTrue(Math.sqrt(difference) <= 1e-6 * Math.sqrt(norm), Math.sqrt(difference) + " off a norm of " + Math.sqrt(norm));
        }
    }

    /** Sequence 0 has ids 0..9, the other two have {@code first} and the nine after it. */
    private static MicroBatch withCompany(int first) {
        var random = new Random(3);
        int[] ids = random.ints(24, 0, 10).toArray();
        for (int i = 9; i < 24; i++) {
            ids[i] += first;
        }
        return new MicroBatch(new Sequences(ids, new int[] {0, 9, 14, 24}), new int[] {3, 1, 4});
    }

    /** With other texts of the same lengths beside it no bit of a text's hidden states changes, nor of the gradient by the ids that it alone has. */
    @ParameterizedTest
    @MethodSource("devices")
    void whatTheOthersSayChangesNoBitOfAText(Ops ops) {
        float[][] hidden = new float[2][];
        float[][] gradient = new float[2][];
        float[][] whole = new float[2][];
        for (int variant = 0; variant < 2; variant++) {
            MicroBatch batch = withCompany(10 + 10 * variant);
            var model = new Transformer(ops, TinyModels.random(SHAPE, 2, allocator), allocator);
            try (var step = workspace.begin()) {
                hidden[variant] = model.forward(batch.sequences(), workspace, step).rows(0, 9).toFloats();
            }
            Weights sum = Weights.zeros(SHAPE, allocator);
            new CrossEntropy(model, LogitsBudget.DEFAULT, workspace).accumulate(1, List.of(batch), 1f, sum, new Tally());
            gradient[variant] = sum.embedding().rows(0, 10).toFloats();
            whole[variant] = sum.embedding().toFloats();
        }
        assertArrayEquals(hidden[0], hidden[1], 0f);
        assertArrayEquals(gradient[0], gradient[1], 0f);
        assertTrue(IntStream.range(0, gradient[0].length).anyMatch(i -> gradient[0][i] != 0), "the text has a gradient");
        assertNotEquals(Arrays.hashCode(whole[0]), Arrays.hashCode(whole[1]), "the others have one of their own");
    }

    /** As {@link Ops#attention} promises, whatever the company and the place in the batch. */
    @ParameterizedTest
    @MethodSource("devices")
    void attentionGivesEverySequenceTheBitsItHasAlone(Ops ops) {
        HeadLayout layout = HeadLayout.interleaved(3, 12);
        int[] starts = {0, 1, 38, 38, 107, 140};
        try (var step = workspace.begin()) {
            var random = new Random(8);
            Tensor qkv = normal(step, random, 140, layout.rowWidth());
            Tensor dOut = normal(step, random, 140, layout.outputWidth());
            Tensor[] together = attention(ops, step, layout, qkv, dOut, starts);
            for (int s = 0; s < 5; s++) {
                int from = starts[s];
                int to = starts[s + 1];
                if (from == to) {
                    continue;
                }
                Tensor[] alone = attention(ops, step, layout, qkv.rows(from, to), dOut.rows(from, to), 0, to - from);
                for (int i = 0; i < 3; i++) {
                    assertArrayEquals(alone[i].toFloats(), together[i].rows(from, to).toFloats(), 0f, "sequence " + s + ", result " + i);
                }
            }
        }
    }

    private static Tensor normal(Workspace.Step step, Random random, int rows, int columns) {
        Tensor tensor = step.f32(rows, columns);
        for (long i = 0; i < tensor.size(); i++) {
            tensor.set(i, (float) random.nextGaussian());
        }
        return tensor;
    }

    /** Output, log-sum-exp and gradient. */
    private static Tensor[] attention(Ops ops, Workspace.Step step, HeadLayout layout, Tensor qkv, Tensor dOut, int... starts) {
        Tensor out = step.f32(qkv.rows(), layout.outputWidth());
        Tensor lse = step.f32(qkv.rows(), layout.queryHeads());
        Tensor dQkv = step.f32(qkv.rows(), layout.rowWidth());
        Tensor firsts = step.i32(starts);
        ops.attention(out, lse, qkv, layout, firsts, 0.3f);
        ops.attentionBackward(dQkv, dOut, out, lse, qkv, layout, firsts, 0.3f);
        return new Tensor[] {out, lse, dQkv};
    }

    /** Texts of 3 and 40 tokens side by side: the bodies see 46 rows and not 3 x 40, the heads the answer rows and not one more. */
    @ParameterizedTest
    @MethodSource("devices")
    void noRowOfPaddingIsComputed(Ops ops) {
        int[] starts = {0, 3, 43, 46};
        var batch = new MicroBatch(new Sequences(new Random(1).ints(46, 0, VOCABULARY).toArray(), starts), new int[] {2, 10, 1});
        int answers = 1 + 30 + 2;
        for (boolean distil : new boolean[] {false, true}) {
            var rows = new TreeMap<String, Set<Long>>();
            run(counting(ops, rows), distil, batch);
            for (String body : List.of("embedding", "embeddingBackward", "rotary", "attention", "attentionBackward", "gelu", "geluBackward", "add")) {
                assertEquals(Set.of(46L), rows.get(body), body);
            }
            for (String both : List.of("layerNorm", "layerNormBackward", "linear", "linearBackwardInput", "linearBackwardWeight")) {
                assertTrue(Set.of(46L, (long) answers).containsAll(rows.get(both)), both + " " + rows.get(both));
            }
            String loss = distil ? "distillForward" : "crossEntropy";
            assertEquals(Set.of((long) answers), rows.get(loss));
        }
    }

    /** {@code ops}, noting the rows that each operation was given: those of what it reads or writes by row. */
    private static Ops counting(Ops ops, Map<String, Set<Long>> rows) {
        return (Ops) Proxy.newProxyInstance(Ops.class.getClassLoader(), new Class<?>[] {Ops.class}, (self, method, arguments) -> {
            int at = switch (method.getName()) {
                case "embeddingBackward", "linearBackwardInput", "linearBackwardWeight" -> 1;
                case "layerNormBackward" -> 3;
                case "distillForward" -> 4;
                default -> 0;
            };
            if (arguments != null && arguments[at] instanceof Tensor tensor) {
                rows.computeIfAbsent(method.getName(), name -> new TreeSet<>()).add(tensor.rows());
            }
            try {
                return method.invoke(ops, arguments);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        });
    }
}
