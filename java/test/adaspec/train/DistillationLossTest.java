package adaspec.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Losses and selections through whole models: three random ones of unlike vocabularies, of which 21 ids are shared. */
class DistillationLossTest {
    private static final int VOCABULARY = 21;
    private static final long ONE_CHUNK = 1 << 20;
    private static final long FEW_ROWS = 16L * VOCABULARY * 4;
    private static final List<MicroBatch> BATCHES = List.of(TinyModels.batch(6, VOCABULARY, 4), TinyModels.batch(5, VOCABULARY, 5));

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

    private Transformer target(Ops ops) {
        return new Transformer(ops, TinyModels.random(TinyModels.architecture(24, 8, 2, false), 1, allocator), allocator);
    }

    private Weights draft() {
        return TinyModels.random(TinyModels.architecture(23, 16, 1, true), 2, allocator);
    }

    private FrozenModels teachers(Ops ops, boolean withReference) {
        var reference = new Transformer(ops, TinyModels.random(TinyModels.architecture(23, 16, 1, true), 3, allocator), allocator);
        return new FrozenModels(target(ops), withReference ? reference : null, VOCABULARY, workspace);
    }

    private Outcome run(Teachers teachers, Transformer draft, Loss loss, Selection selection, long budget, long number, List<MicroBatch> step) {
        Weights gradient = Weights.zeros(draft.architecture(), allocator);
        var tally = new Tally();
        new Distillation(teachers, draft, loss, selection, new LogitsBudget(budget), workspace).accumulate(number, step, 1, gradient, tally);
        return new Outcome(gradient, tally);
    }

    private Outcome run(Ops ops, Loss loss, Selection selection, long budget, long number, List<MicroBatch> step) {
        return run(teachers(ops, selection.asksReference()), new Transformer(ops, draft(), allocator), loss, selection, budget, number, step);
    }

    private static double norm(Tensor a, Tensor minus, double factor) {
        double sum = 0;
        for (long i = 0; i < a.size(); i++) {
            sum += Math.pow(a.get(i) - (minus == null ? 0 : factor * minus.get(i)), 2);
        }
        return Math.sqrt(sum);
    }

    private static boolean sameBits(Outcome a, Outcome b) {
        return a.gradient.arena().segment().mismatch(b.gradient.arena().segment()) == -1 && a.tally.keptLoss == b.tally.keptLoss;
    }

    private static Selection select(Selection.Rule rule, double k, Selection.Scope scope) {
        return new Selection(rule, k, scope, 9);
    }

    /** Along the gradient itself the loss rises by the gradient's norm. LK_HYBRID, whose gradient is not that of its value, has its own test. */
    @ParameterizedTest
    @MethodSource("devices")
    void theGradientIsTheLosssSlope(Ops ops) {
        Teachers teachers = teachers(ops, false);
        for (Loss loss : Loss.values()) {
            if (loss == Loss.LK_HYBRID) {
                continue;
            }
            Weights weights = draft();
            Weights moved = draft();
            var student = new Transformer(ops, moved, allocator);
            Outcome here = run(teachers, student, loss, Selection.ALL, ONE_CHUNK, 1, BATCHES);
            double norm = norm(here.gradient.arena(), null, 0);
            double[] at = new double[5];
            double step = 0.01;
            for (int i = -2; i <= 2; i++) {
                for (long j = 0; j < weights.arena().size(); j++) {
                    moved.arena().set(j, (float) (weights.arena().get(j) + i * step * here.gradient.arena().get(j) / norm));
                }
                at[i + 2] = run(teachers, student, loss, Selection.ALL, ONE_CHUNK, 1, BATCHES).tally.keptLoss;
            }
            double slope = (8 * (at[3] - at[1]) - (at[4] - at[0])) / (12 * step);
            assertEquals(norm, slope, 0.01 * norm, loss + " is " + at[2]);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void lkHybridWeighsBothGradientsByTheAcceptance(Ops ops) {
        MicroBatch whole = TinyModels.batch(1, VOCABULARY, 8);
        int[] ids = whole.sequences().ids();
        var one = List.of(new MicroBatch(whole.sequences(), new int[] {ids.length - 1}));
        Outcome kl = run(ops, Loss.KL_DIV, Selection.ALL, ONE_CHUNK, 1, one);
        Outcome tv = run(ops, Loss.TV, Selection.ALL, ONE_CHUNK, 1, one);
        Outcome hybrid = run(ops, Loss.LK_HYBRID, Selection.ALL, ONE_CHUNK, 1, one);
        double weight = Math.exp(-3 * kl.tally.expectedAcceptance());
        assertEquals(weight * kl.tally.keptLoss + (1 - weight) * tv.tally.keptLoss, hybrid.tally.keptLoss, 1e-5);
        Tensor mixed = Weights.zeros(draft().architecture(), allocator).arena();
        for (long i = 0; i < mixed.size(); i++) {
            mixed.set(i, (float) (weight * kl.gradient.arena().get(i) + (1 - weight) * tv.gradient.arena().get(i)));
        }
        double norm = norm(mixed, null, 0);
        assertTrue(norm > 0.01 && norm(mixed, hybrid.gradient.arena(), 1) < 1e-5 * norm, "a norm of " + norm);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void crossEntropyIsThatOfTheAnswerTokensOverTheSharedVocabulary(Ops ops) {
        Outcome outcome = run(ops, Loss.CE, Selection.ALL, FEW_ROWS, 1, BATCHES);
        double sum = 0;
        for (MicroBatch batch : BATCHES) {
            float[][] logits = draftLogits(ops, batch);
            for (int i = 0; i < logits.length; i++) {
                double total = 0;
                for (float logit : logits[i]) {
                    total += Math.exp(logit);
                }
                sum += Math.log(total) - logits[i][batch.targets()[i]];
            }
        }
        assertEquals(sum, outcome.tally.keptLoss, 1e-5 * sum);
        // What is measured beside it stays what it is.
        Outcome kl = run(ops, Loss.KL_DIV, Selection.ALL, FEW_ROWS, 1, BATCHES);
        assertEquals(kl.tally.klDraft, outcome.tally.klDraft);
        assertEquals(kl.tally.acceptance, outcome.tally.acceptance);
        assertEquals(kl.tally.klDraft / kl.tally.answerTokens, outcome.tally.meanLoss());
    }

    private float[][] draftLogits(Ops ops, MicroBatch batch) {
        var student = new Transformer(ops, draft(), allocator);
        try (var step = workspace.begin()) {
            Tensor logits = step.f32(batch.answerTokens(), VOCABULARY);
            student.logits(logits, FrozenModels.answerHidden(student, batch, workspace, step), workspace);
            float[][] rows = new float[batch.answerTokens()][VOCABULARY];
            for (int i = 0; i < rows.length; i++) {
                for (int v = 0; v < VOCABULARY; v++) {
                    rows[i][v] = logits.get(i, v);
                }
            }
            return rows;
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void oneChunkEqualsManyWithinRounding(Ops ops) {
        for (Loss loss : Loss.values()) {
            for (Selection selection : List.of(Selection.ALL, select(Selection.Rule.DRAFT_LOSS, 0.4, Selection.Scope.SEQUENCE))) {
                Outcome whole = run(ops, loss, selection, ONE_CHUNK, 1, BATCHES);
                Outcome chunked = run(ops, loss, selection, FEW_ROWS, 1, BATCHES);
                assertEquals(whole.tally.keptTokens, chunked.tally.keptTokens);
                assertEquals(whole.tally.keptLoss, chunked.tally.keptLoss, 1e-4);
                double norm = norm(whole.gradient.arena(), null, 0);
                assertTrue(norm > 0 && norm(whole.gradient.arena(), chunked.gradient.arena(), 1) < 1e-5 * norm, loss + " " + selection);
            }
        }
    }

    /** Plain numbers of each token, from logits in double, and the published quantile. */
    @ParameterizedTest
    @MethodSource("devices")
    void rulesKeepWhatTheirNumbersSay(Ops ops) {
        MicroBatch batch = BATCHES.getFirst();
        int n = batch.answerTokens();
        FrozenModels teachers = teachers(ops, true);
        var student = new Transformer(ops, draft(), allocator);
        TokenGaps gaps = TokenGaps.of(teachers, student, batch, LogitsBudget.DEFAULT, workspace);
        float[][] logits = draftLogits(ops, batch);
        for (Selection.Rule rule : Selection.Rule.values()) {
            if (rule == Selection.Rule.RANDOM || rule == Selection.Rule.ALL) {
                continue;
            }
            float[] ranks = new float[n];
            for (int i = 0; i < n; i++) {
                double total = 0;
                double weighted = 0;
                for (float logit : logits[i]) {
                    total += Math.exp(logit);
                    weighted += Math.exp(logit) * logit;
                }
                double lse = Math.log(total);
                float gap = gaps.klDraft()[i] - gaps.klReference()[i];
                ranks[i] = switch (rule) {
                    case GAP -> gap;
                    case GAP_BOTTOM -> -gap;
                    case DRAFT_LOSS -> (float) (lse - logits[i][batch.targets()[i]]);
                    default -> (float) (lse - weighted / total);
                };
            }
            for (Selection.Scope scope : Selection.Scope.values()) {
                int[] boundaries = scope == Selection.Scope.SEQUENCE ? batch.answerBoundaries() : new int[] {0, n};
                int[] expected = SelectionTest.plainlyKept(ranks, 0.4, boundaries);
                var distillation = new Distillation(teachers, student, Loss.CE, select(rule, 0.4, scope), LogitsBudget.DEFAULT, workspace);
                assertArrayEquals(expected, distillation.kept(1, batch), rule + " " + scope);
                var tally = new Tally();
                distillation.accumulate(1, List.of(batch), 1, Weights.zeros(student.architecture(), allocator), tally);
                assertEquals(expected.length, tally.keptTokens());
                double loss = Arrays.stream(expected).mapToDouble(i -> crossEntropy(logits[i], batch.targets()[i])).sum();
                assertEquals(loss, tally.keptLoss, 1e-4, rule + " " + scope);
            }
        }
    }

    private static double crossEntropy(float[] logits, int answer) {
        return Math.log(IntStream.range(0, logits.length).mapToDouble(v -> Math.exp(logits[v])).sum()) - logits[answer];
    }

    @ParameterizedTest
    @MethodSource("devices")
    void keepingAllIsTheSameUnderEveryRuleBitForBit(Ops ops) {
        Outcome all = run(ops, Loss.JSD, Selection.ALL, FEW_ROWS, 1, BATCHES);
        for (Selection.Rule rule : Selection.Rule.values()) {
            for (Selection.Scope scope : Selection.Scope.values()) {
                assertTrue(sameBits(all, run(ops, Loss.JSD, select(rule, 1, scope), FEW_ROWS, 1, BATCHES)), rule + " " + scope);
            }
        }
        assertTrue(sameBits(all, run(ops, Loss.JSD, select(Selection.Rule.ALL, 0.4, Selection.Scope.BATCH), FEW_ROWS, 1, BATCHES)));
        Outcome some = run(ops, Loss.JSD, select(Selection.Rule.DRAFT_LOSS, 0.9, Selection.Scope.BATCH), FEW_ROWS, 1, BATCHES);
        assertFalse(sameBits(all, some));
    }

    /** A reference that is there, but whose forward nobody may ask for. */
    private record Untouched(Teachers models) implements Teachers {
        @Override
        public int vocabulary() {
            return models.vocabulary();
        }

        @Override
        public boolean hasReference() {
            return true;
        }

        @Override
        public Tensor targetHidden(MicroBatch batch, Workspace.Step step) {
            return models.targetHidden(batch, step);
        }

        @Override
        public void targetLogits(Tensor logits, Tensor hidden) {
            models.targetLogits(logits, hidden);
        }

        @Override
        public Reference reference(MicroBatch batch, Workspace.Step step) {
            throw new AssertionError("the reference was asked");
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void onlyGapsAskTheReference(Ops ops) {
        var teachers = new Untouched(teachers(ops, false));
        var student = new Transformer(ops, draft(), allocator);
        for (Selection.Rule rule : Selection.Rule.values()) {
            for (Selection.Scope scope : Selection.Scope.values()) {
                Selection selection = select(rule, 0.4, scope);
                if (selection.asksReference()) {
                    assertThrows(AssertionError.class, () -> run(teachers, student, Loss.KL_DIV, selection, FEW_ROWS, 1, BATCHES));
                    var alone = teachers(ops, false);
                    assertThrows(
                            IllegalArgumentException.class, () -> run(alone, student, Loss.KL_DIV, selection, FEW_ROWS, 1, BATCHES));
                } else {
                    Outcome outcome = run(teachers, student, Loss.KL_DIV, selection, FEW_ROWS, 1, BATCHES);
                    assertFalse(outcome.tally.hasReference());
                    assertTrue(outcome.tally.keptTokens() > 0);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void lotsAreOfTheStepAndTheTokensPlaceInIt(Ops ops) {
        int first = BATCHES.getFirst().answerTokens();
        int total = first + BATCHES.get(1).answerTokens();
        for (Selection.Scope scope : Selection.Scope.values()) {
            Selection lots = select(Selection.Rule.RANDOM, 0.4, scope);
            Outcome seven = run(ops, Loss.TV, lots, FEW_ROWS, 7, BATCHES);
            assertTrue(sameBits(seven, run(ops, Loss.TV, lots, FEW_ROWS, 7, BATCHES)), "the same step");
            assertFalse(sameBits(seven, run(ops, Loss.TV, lots, FEW_ROWS, 8, BATCHES)), "another step");
            Outcome otherSeed = run(ops, Loss.TV, new Selection(Selection.Rule.RANDOM, 0.4, scope, 10), FEW_ROWS, 7, BATCHES);
            assertFalse(sameBits(seven, otherSeed), "another seed");
            assertEquals(total, seven.tally.answerTokens);
        }
        // Over the batch, the same tokens are kept whether they come in one micro-batch or two.
        Selection together = select(Selection.Rule.RANDOM, 0.4, Selection.Scope.BATCH);
        Outcome parts = run(ops, Loss.TV, together, FEW_ROWS, 7, BATCHES);
        Outcome whole = run(ops, Loss.TV, together, FEW_ROWS, 7, List.of(DistillationTest.joined(BATCHES.getFirst(), BATCHES.get(1))));
        assertEquals(whole.tally.keptTokens, parts.tally.keptTokens);
        assertEquals(whole.tally.keptLoss, parts.tally.keptLoss, 1e-4);
        assertEquals(Math.floor(0.4 * (total - 1)) + 1, parts.tally.keptTokens);
    }
}
