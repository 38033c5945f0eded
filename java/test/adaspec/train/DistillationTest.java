package adaspec.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.common.Json;
import adaspec.model.Model;
import adaspec.model.Sequences;
import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.tensor.DType;
import adaspec.tensor.Safetensors;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import com.fasterxml.jackson.databind.JsonNode;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DistillationTest {
    private static final int VOCABULARY = 21;

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

    private record Outcome(Weights gradient, Tally tally) {}

    /** The gradient of {@code steps} for three random models of unlike vocabularies, of which 21 ids are shared. */
    private Outcome run(Ops ops, boolean withReference, Selection selection, long budget, float scale, List<MicroBatch> steps) {
        var target = new Transformer(ops, TinyModels.random(TinyModels.architecture(24, 8, 2, false), 1, allocator), allocator);
        var draft = new Transformer(ops, TinyModels.random(TinyModels.architecture(23, 16, 1, true), 2, allocator), allocator);
        var reference = new Transformer(ops, TinyModels.random(TinyModels.architecture(23, 16, 1, true), 3, allocator), allocator);
        Weights gradient = Weights.zeros(draft.architecture(), allocator);
        var tally = new Tally();
        var teachers = new FrozenModels(target, withReference ? reference : null, VOCABULARY, workspace);
        new Distillation(teachers, draft, selection, new LogitsBudget(budget), workspace).accumulate(1, steps, scale, gradient, tally);
        return new Outcome(gradient, tally);
    }

    private static void assertClose(Weights expected, Weights actual, double relative) {
        double norm = 0;
        double difference = 0;
        for (long i = 0; i < expected.arena().size(); i++) {
            norm += Math.pow(expected.arena().get(i), 2);
            difference += Math.pow(expected.arena().get(i) - actual.arena().get(i), 2);
        }
        assertTrue(norm > 0 && Math.sqrt(difference) <= relative * Math.sqrt(norm), Math.sqrt(difference) + " off a norm of " + Math.sqrt(norm));
    }

    private static boolean sameBits(Weights a, Weights b) {
        return a.arena().segment().mismatch(b.arena().segment()) == -1;
    }

    /** |g - g*| <= 1e-4 |g*| for every parameter of the draft, PyTorch's in f64; and every number on the way. */
    @ParameterizedTest
    @MethodSource("devices")
    void wholeStepEqualsPyTorch(Ops ops) {
        Path golden = Path.of("java/golden/train");
        JsonNode expected = Json.readFile(golden.resolve("distill.json"));
        MicroBatch batch = batchOf(expected);
        for (long budget : new long[] {1, LogitsBudget.DEFAULT.bytes()}) {
            try (Model targetModel = Model.open(golden.resolveSibling("neox-parallel"), DType.F32, allocator);
                    Model draftModel = Model.open(golden.resolveSibling("neox-sequential-tied"), DType.F32, allocator);
                    var gradients = Safetensors.open(golden.resolve("distill_gradient.safetensors"))) {
                Weights referenceWeights = draftModel.weights().trainableCopy(allocator);
                Tensor matrices = referenceWeights.arenaMatrices();
                for (long i = 0; i < matrices.size(); i++) {
                    matrices.set(i, 0.75f * matrices.get(i));
                }
                var target = new Transformer(ops, targetModel.weights(), allocator);
                var draft = new Transformer(ops, draftModel.weights().trainableCopy(allocator), allocator);
                var reference = new Transformer(ops, referenceWeights, allocator);
                Weights gradient = Weights.zeros(draft.architecture(), allocator);
                var tally = new Tally();
                var selection = new Selection(expected.get("k").asDouble(), Selection.Scope.MICRO_BATCH);
                int vocabulary = expected.get("vocabulary").asInt();
                var teachers = new FrozenModels(target, reference, vocabulary, workspace);
                var distillation = new Distillation(teachers, draft, selection, new LogitsBudget(budget), workspace);
                distillation.accumulate(1, List.of(batch), 1f / batch.answerTokens(), gradient, tally);

                assertEquals(expected.get("loss_normalized_by_all").asDouble(), tally.loss(Normalizer.ALL), 1e-5);
                assertEquals(expected.get("loss_normalized_by_selected").asDouble(), tally.loss(Normalizer.SELECTED), 1e-5);
                assertEquals(expected.get("expected_acceptance").asDouble(), tally.expectedAcceptance(), 1e-5);
                assertEquals(mean(expected.get("kl_draft")), tally.meanKlDraft(), 1e-5);
                assertEquals(mean(expected.get("kl_reference")), tally.meanKlReference(), 1e-5);
                assertEquals(mean(expected.get("gap")), tally.meanGap(), 1e-5);
                assertEquals(expected.get("kept").size(), tally.keptTokens());
                assertEquals(batch.answerTokens(), tally.answerTokens());

                var stored = new java.util.HashMap<String, Tensor>();
                Path saved = Path.of(System.getProperty("java.io.tmpdir"), "adaspec-gradient-" + ProcessHandle.current().pid());
                try {
                    // Written as a model, the gradient has the names of the golden file.
                    Model.save(saved, draftModel.config(), gradient, DType.F32, null);
                    try (var own = Safetensors.open(saved.resolve("model.safetensors"))) {
                        own.tensors().forEach((name, tensor) -> {
                            Tensor reverse = gradients.require(name, tensor.shape());
                            assertTensorClose(name, reverse, tensor);
                            stored.put(name, reverse);
                        });
                    }
                } finally {
                    delete(saved);
                }
                assertEquals(gradients.tensors().size(), stored.size());
            }
        }
    }

    private static void delete(Path folder) {
        for (String name : List.of("model.safetensors", "config.json", "")) {
            assertTrue(folder.resolve(name).toFile().delete(), name);
        }
    }

    private static void assertTensorClose(String name, Tensor expected, Tensor actual) {
        double norm = 0;
        double difference = 0;
        for (long i = 0; i < expected.size(); i++) {
            norm += Math.pow(expected.get(i), 2);
            difference += Math.pow(expected.get(i) - actual.get(i), 2);
        }
        // The bias of the keys moves every score of a row alike: its gradient is rounding, hence the absolute part.
        assertTrue(Math.sqrt(difference) <= 1e-4 * Math.sqrt(norm) + 1e-7, name + " is off by " + Math.sqrt(difference) + " of " + Math.sqrt(norm));
    }

    private static double mean(JsonNode values) {
        double sum = 0;
        for (JsonNode value : values) {
            sum += value.asDouble();
        }
        return sum / values.size();
    }

    private static MicroBatch batchOf(JsonNode golden) {
        int count = golden.get("sequences").size();
        int[] starts = new int[count + 1];
        int[] answers = new int[count];
        var ids = new ArrayList<Integer>();
        for (int s = 0; s < count; s++) {
            golden.get("sequences").get(s).forEach(id -> ids.add(id.asInt()));
            starts[s + 1] = ids.size();
            answers[s] = golden.get("answer_starts").get(s).asInt();
        }
        return new MicroBatch(new Sequences(ids.stream().mapToInt(i -> i).toArray(), starts), answers);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void oneChunkEqualsManyWithinRounding(Ops ops) {
        var batch = List.of(TinyModels.batch(6, VOCABULARY, 4));
        for (Selection selection : List.of(
                Selection.ALL, new Selection(0.4, Selection.Scope.MICRO_BATCH), new Selection(0.5, Selection.Scope.SEQUENCE))) {
            Outcome whole = run(ops, true, selection, 1 << 20, 0.1f, batch);
            for (int rows : new int[] {1, 3, 7}) {
                Outcome chunked = run(ops, true, selection, 16L * VOCABULARY * rows, 0.1f, batch);
                assertEquals(whole.tally.keptTokens, chunked.tally.keptTokens);
                assertEquals(whole.tally.keptLoss, chunked.tally.keptLoss, 1e-4);
                assertClose(whole.gradient, chunked.gradient, 1e-5);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void keepingAllEqualsDistillationWithoutAReferenceBitForBit(Ops ops) {
        var batch = List.of(TinyModels.batch(6, VOCABULARY, 4), TinyModels.batch(5, VOCABULARY, 5));
        for (long budget : new long[] {16L * VOCABULARY * 4, 1 << 20}) {
            for (Selection.Scope scope : Selection.Scope.values()) {
                Outcome adaspec = run(ops, true, new Selection(1, scope), budget, 0.1f, batch);
                Outcome plain = run(ops, false, Selection.ALL, budget, 0.1f, batch);
                assertTrue(sameBits(plain.gradient, adaspec.gradient));
                assertEquals(plain.tally.keptLoss, adaspec.tally.keptLoss);
                assertTrue(adaspec.tally.hasReference() && !plain.tally.hasReference());
                assertEquals(1, plain.tally.selectedFraction());
            }
        }
        Outcome selected = run(ops, true, new Selection(0.9, Selection.Scope.MICRO_BATCH), 1 << 20, 0.1f, batch);
        assertFalse(sameBits(selected.gradient, run(ops, false, Selection.ALL, 1 << 20, 0.1f, batch).gradient));
    }

    /** All ties are kept, so a gap that is rounding instead of zero would show at once. */
    @ParameterizedTest
    @MethodSource("devices")
    void aReferenceThatIsTheDraftLeavesNoGapAtAll(Ops ops) {
        var batches = List.of(TinyModels.batch(6, VOCABULARY, 4), TinyModels.batch(5, VOCABULARY, 5));
        var target = new Transformer(ops, TinyModels.random(TinyModels.architecture(24, 8, 2, false), 1, allocator), allocator);
        var draft = new Transformer(ops, TinyModels.random(TinyModels.architecture(23, 16, 1, true), 2, allocator), allocator);
        var teachers = new FrozenModels(target, draft, VOCABULARY, workspace);
        for (long budget : new long[] {16L * VOCABULARY * 4, 1 << 20}) {
            for (Selection.Scope scope : Selection.Scope.values()) {
                var tally = new Tally();
                new Distillation(teachers, draft, new Selection(0.1, scope), new LogitsBudget(budget), workspace)
                        .accumulate(1, batches, 1, Weights.zeros(draft.architecture(), allocator), tally);
                assertEquals(tally.answerTokens(), tally.keptTokens());
                assertEquals(0.0, tally.gap);
                assertEquals(tally.klReference, tally.klDraft);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void twoMicroBatchesSelectedTogetherEqualOneOfBoth(Ops ops) {
        MicroBatch first = TinyModels.batch(3, VOCABULARY, 6);
        MicroBatch second = TinyModels.batch(4, VOCABULARY, 7);
        var together = new Selection(0.4, Selection.Scope.BATCH);
        for (long budget : new long[] {16L * VOCABULARY * 4, 1 << 20}) {
            Outcome whole = run(ops, true, together, budget, 0.1f, List.of(joined(first, second)));
            Outcome parts = run(ops, true, together, budget, 0.1f, List.of(first, second));
            assertClose(whole.gradient, parts.gradient, 1e-5);
            assertEquals(whole.tally.keptTokens, parts.tally.keptTokens);
            assertEquals(whole.tally.tokens, parts.tally.tokens);
            assertEquals(whole.tally.answerTokens, parts.tally.answerTokens);
            assertEquals(whole.tally.keptLoss, parts.tally.keptLoss, 1e-4);
            assertEquals(whole.tally.gap, parts.tally.gap, 1e-4);
        }
        Outcome apart = run(ops, true, new Selection(0.4, Selection.Scope.MICRO_BATCH), 1 << 20, 0.1f, List.of(first, second));
        Outcome whole = run(ops, true, together, 1 << 20, 0.1f, List.of(first, second));
        assertThrows(AssertionError.class, () -> assertClose(whole.gradient, apart.gradient, 1e-3));
    }

    static MicroBatch joined(MicroBatch first, MicroBatch second) {
        int[] ids = IntStream.concat(
                        Arrays.stream(first.sequences().ids()), Arrays.stream(second.sequences().ids()))
                .toArray();
        int base = first.tokens();
        int[] starts = IntStream.concat(
                        Arrays.stream(first.sequences().starts()),
                        Arrays.stream(second.sequences().starts()).skip(1).map(s -> s + base))
                .toArray();
        int[] answers = IntStream.concat(Arrays.stream(first.answerStarts()), Arrays.stream(second.answerStarts()))
                .toArray();
        return new MicroBatch(new Sequences(ids, starts), answers);
    }

    /** Rows that each operation saw, by name. */
    private record Call(String name, long rows, long columns) {}

    @Test
    void onlyAnswerRowsReachAHeadAndOnlyKeptRowsComeBack() {
        MicroBatch batch = TinyModels.batch(6, VOCABULARY, 4);
        int n = batch.answerTokens();
        assertTrue(n < batch.tokens() - 6, "a batch with prompts");
        for (int chunkRows : new int[] {5, 1000}) {
            var calls = new ArrayList<Call>();
            Outcome outcome = run(
                    counting(TestBackends.all().getFirst(), calls), true, new Selection(0.4, Selection.Scope.MICRO_BATCH),
                    16L * VOCABULARY * chunkRows, 0.1f, List.of(batch));
            int kept = (int) outcome.tally.keptTokens();
            assertTrue(kept > 0 && kept < n / 2 + 1);
            // Three heads over the answer rows; where logits were not kept, target and draft again over the kept rows.
            boolean recomputed = chunkRows < n;
            assertEquals(3 * n + (recomputed ? 2 * kept : 0), rows(calls, "linear", VOCABULARY));
            assertEquals(kept, rows(calls, "linearBackwardWeight", VOCABULARY));
            assertEquals(kept, rows(calls, "linearBackwardInput", VOCABULARY));
            for (Call call : calls) {
                assertTrue(call.columns != VOCABULARY || call.rows <= Math.min(n, chunkRows), call::toString);
            }
        }
    }

    private static long rows(List<Call> calls, String name, int columns) {
        return calls.stream().filter(c -> c.name.equals(name) && c.columns == columns).mapToLong(Call::rows).sum();
    }

    /** {@code ops}, noting for linear maps the shape of the output's side: out, or dOut in a backward. */
    private static Ops counting(Ops ops, List<Call> calls) {
        return (Ops) Proxy.newProxyInstance(Ops.class.getClassLoader(), new Class<?>[] {Ops.class}, (self, method, arguments) -> {
            int at = switch (method.getName()) {
                case "linear" -> 0;
                case "linearBackwardInput" -> 1;
                case "linearBackwardWeight" -> 1;
                default -> -1;
            };
            if (at >= 0) {
                Tensor tensor = (Tensor) arguments[at];
                calls.add(new Call(method.getName(), tensor.rows(), tensor.columns()));
            }
            try {
                return method.invoke(ops, arguments);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        });
    }

    @ParameterizedTest
    @MethodSource("devices")
    void evaluationIsTheMeanOverAllAnswerTokens(Ops ops) {
        MicroBatch batch = TinyModels.batch(6, VOCABULARY, 4);
        Outcome trained = run(ops, true, new Selection(0.4, Selection.Scope.MICRO_BATCH), 1 << 20, 0.1f, List.of(batch));
        var target = new Transformer(ops, TinyModels.random(TinyModels.architecture(24, 8, 2, false), 1, allocator), allocator);
        var draft = new Transformer(ops, TinyModels.random(TinyModels.architecture(23, 16, 1, true), 2, allocator), allocator);
        var tally = new Tally();
        var teachers = new FrozenModels(target, null, VOCABULARY, workspace);
        new Distillation(teachers, draft, Selection.ALL, new LogitsBudget(16L * VOCABULARY * 5), workspace).evaluate(batch, tally);
        assertEquals(trained.tally.meanKlDraft(), tally.meanLoss(), 1e-5);
        assertEquals(trained.tally.expectedAcceptance(), tally.expectedAcceptance(), 1e-5);
        assertEquals(batch.answerTokens(), tally.answerTokens());
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aLossThatIsNotANumberShows(Ops ops) {
        var batches = List.of(TinyModels.batch(3, VOCABULARY, 6), TinyModels.batch(4, VOCABULARY, 7));
        var draft = TinyModels.random(TinyModels.architecture(23, 16, 1, true), 2, allocator);
        draft.finalGain().set(3, Float.NaN);
        for (Selection selection : List.of(
                Selection.ALL, new Selection(0.4, Selection.Scope.MICRO_BATCH), new Selection(0.4, Selection.Scope.BATCH),
                new Selection(0.4, Selection.Scope.SEQUENCE))) {
            var target = new Transformer(ops, TinyModels.random(TinyModels.architecture(24, 8, 2, false), 1, allocator), allocator);
            var student = new Transformer(ops, draft, allocator);
            var tally = new Tally();
            var teachers = new FrozenModels(target, target, VOCABULARY, workspace);
            new Distillation(teachers, student, selection, LogitsBudget.DEFAULT, workspace)
                    .accumulate(1, batches, 1, Weights.zeros(draft.architecture(), allocator), tally);
            assertTrue(Double.isNaN(tally.loss(Normalizer.ALL)) && Double.isNaN(tally.loss(Normalizer.SELECTED)), selection::toString);
        }
    }

    @Test
    void answerRowsAreThoseBeforeTheAnswerTokens() {
        var batch = new MicroBatch(new Sequences(new int[] {10, 11, 12, 13, 20, 30, 31}, new int[] {0, 4, 5, 7}), new int[] {2, 1, 1});
        assertArrayEquals(new int[] {1, 2, 5}, batch.answerRows());
        assertArrayEquals(new int[] {12, 13, 31}, batch.targets());
        assertArrayEquals(new int[] {0, 2, 2, 3}, batch.answerBoundaries());
        assertThrows(IllegalArgumentException.class, () -> new MicroBatch(Sequences.single(new int[] {1, 2}), new int[] {0}));
        assertThrows(IllegalArgumentException.class, () -> new MicroBatch(Sequences.single(new int[] {1, 2}), new int[] {3}));
    }
}
