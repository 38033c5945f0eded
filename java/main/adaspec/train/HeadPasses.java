package adaspec.train;

import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import adaspec.train.PhaseClock.Phase;
import java.util.Arrays;
import java.util.function.Supplier;

/**
 * The walks over the vocabulary heads of target and draft, a chunk of rows at a time.
 *
 * <p>The first walks all answer rows and leaves their {@link TokenScores}. The second walks the kept rows only, in chunks of their own, and turns
 * them into the gradient by the draft's hidden state. Logits are not made twice where it can be helped: if all rows fit one chunk the second pass reads
 * the first one's, and if nothing is selected away there is one pass.
 */
final class HeadPasses {
    private final Teachers teachers;
    private final Transformer draft;
    private final int vocabulary;
    private final int chunkRows;
    private final Workspace workspace;
    private final Ops ops;

    HeadPasses(Teachers teachers, Transformer draft, LogitsBudget budget, Workspace workspace) {
        this.teachers = teachers;
        this.draft = draft;
        this.vocabulary = teachers.vocabulary();
        this.chunkRows = budget.rows(vocabulary);
        this.workspace = workspace;
        this.ops = draft.ops();
    }

    /** The answer rows' last hidden states, each (n, C of that model), and the reference; null where it is not asked. */
    record Hidden(Tensor target, Tensor draft, Teachers.Reference reference) {
        int rows() {
            return Math.toIntExact(draft.rows());
        }
    }

    /**
     * Where the gradient of a micro-batch goes.
     *
     * @param scale    of the gradient
     * @param gradient by the head's weights
     * @param dHidden  (N, C) by the draft's hidden states
     * @param rows     (n) the answer rows among the N
     */
    record Sink(float scale, Weights gradient, Tensor dHidden, int[] rows) {}

    /** Scores of all answer rows; no logits are left. */
    void score(Hidden hidden, TokenScores scores, PhaseClock clock) {
        int n = hidden.rows();
        for (int from = 0; from < n; from += chunkRows) {
            int to = Math.min(n, from + chunkRows);
            try (var chunk = workspace.begin()) {
                score(hidden, from, to, chunk.f32(to - from, vocabulary), chunk.f32(to - from, vocabulary), scores, clock);
            }
        }
    }

    /** Scores and gradient of every row; each logit is made once. */
    void learnFromAll(Hidden hidden, TokenScores scores, Sink sink, PhaseClock clock) {
        int n = hidden.rows();
        for (int from = 0; from < n; from += chunkRows) {
            int to = Math.min(n, from + chunkRows);
            try (var chunk = workspace.begin()) {
                Tensor targetLogits = chunk.f32(to - from, vocabulary);
                Tensor draftLogits = chunk.f32(to - from, vocabulary);
                score(hidden, from, to, targetLogits, draftLogits, scores, clock);
                scores.rows(from, to).gradient(ops, draftLogits, targetLogits, draftLogits, null, sink.scale, workspace);
                clock.lap(Phase.LOSS_GRADIENT);
                backThroughHead(draftLogits, hidden.draft.rows(from, to), Arrays.copyOfRange(sink.rows, from, to), sink, clock);
            }
        }
    }

    /**
     * Scores of every row, then the gradient of those that are kept.
     *
     * @param choice says which, ascending, once the scores are there
     * @return the kept rows
     */
    int[] learnFromKept(Hidden hidden, TokenScores scores, Sink sink, Supplier<int[]> choice, PhaseClock clock) {
        int n = hidden.rows();
        if (n > chunkRows) {
            score(hidden, scores, clock);
            int[] kept = choice.get();
            clock.lap(Phase.SELECTION);
            for (int from = 0; from < kept.length; from += chunkRows) {
                learnAgain(hidden, scores, sink, Arrays.copyOfRange(kept, from, Math.min(kept.length, from + chunkRows)), clock);
            }
            return kept;
        }
        try (var chunk = workspace.begin()) {
            Tensor targetLogits = chunk.f32(n, vocabulary);
            Tensor draftLogits = chunk.f32(n, vocabulary);
            score(hidden, 0, n, targetLogits, draftLogits, scores, clock);
            int[] kept = choice.get();
            clock.lap(Phase.SELECTION);
            if (kept.length > 0) {
                Tensor dLogits = chunk.f32(kept.length, vocabulary);
                scores.gradient(ops, dLogits, targetLogits, draftLogits, kept, sink.scale, workspace);
                clock.lap(Phase.LOSS_GRADIENT);
                backThroughHead(dLogits, gather(hidden.draft, chunk.i32(kept), chunk), pick(sink.rows, kept), sink, clock);
            }
            return kept;
        }
    }

    /** The gradient of rows whose logits are gone. */
    private void learnAgain(Hidden hidden, TokenScores scores, Sink sink, int[] kept, PhaseClock clock) {
        try (var chunk = workspace.begin()) {
            Tensor keptRows = chunk.i32(kept);
            Tensor targetLogits = chunk.f32(kept.length, vocabulary);
            Tensor draftLogits = chunk.f32(kept.length, vocabulary);
            Tensor keptHidden = gather(hidden.draft, keptRows, chunk);
            teachers.targetLogits(targetLogits, gather(hidden.target, keptRows, chunk));
            clock.lap(Phase.TARGET_HEAD);
            draft.logits(draftLogits, keptHidden, workspace);
            clock.lap(Phase.DRAFT_HEAD);
            scores.at(kept, chunk).gradient(ops, draftLogits, targetLogits, draftLogits, null, sink.scale, workspace);
            clock.lap(Phase.LOSS_GRADIENT);
            backThroughHead(draftLogits, keptHidden, pick(sink.rows, kept), sink, clock);
        }
    }

    /** Logits and scores of answer rows {@code from} to {@code to}. */
    private void score(Hidden hidden, int from, int to, Tensor targetLogits, Tensor draftLogits, TokenScores scores, PhaseClock clock) {
        TokenScores own = scores.rows(from, to);
        teachers.targetLogits(targetLogits, hidden.target.rows(from, to));
        clock.lap(Phase.TARGET_HEAD);
        if (hidden.reference != null) {
            hidden.reference.divergence(own.klReference(), targetLogits, from);
            clock.lap(Phase.REFERENCE_HEAD);
        }
        draft.logits(draftLogits, hidden.draft.rows(from, to), workspace);
        clock.lap(Phase.DRAFT_HEAD);
        own.fill(ops, targetLogits, draftLogits, workspace);
        clock.lap(Phase.LOSS);
    }

    /** dLogits (k, V) of the rows with {@code hidden} (k, C) to the head's gradient and to the sink's hidden states at {@code batchRows} (k). */
    private void backThroughHead(Tensor dLogits, Tensor hidden, int[] batchRows, Sink sink, PhaseClock clock) {
        try (var step = workspace.begin()) {
            Tensor dKept = step.f32(hidden.rows(), hidden.columns());
            draft.headBackward(dKept, dLogits, hidden, sink.gradient, workspace);
            ops.scatterAddRows(sink.dHidden, dKept, step.i32(batchRows));
        }
        clock.lap(Phase.HEAD_BACKWARD);
    }

    private Tensor gather(Tensor from, Tensor rows, Workspace.Step step) {
        Tensor gathered = step.f32(rows.rows(), from.columns());
        ops.gatherRows(gathered, from, rows);
        return gathered;
    }

    private static int[] pick(int[] values, int[] indices) {
        return Arrays.stream(indices).map(i -> values[i]).toArray();
    }
}
