package adaspec.train;

import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.ops.Divergence;
import adaspec.ops.Ops;
import adaspec.ops.RowStatistics;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import adaspec.train.PhaseClock.Phase;
import java.util.Arrays;
import java.util.List;

/**
 * Distillation of a draft from a target: the sum over the kept answer tokens of KL(p || q), p the target's law and q the draft's, both over the first
 * {@code vocabulary} ids. Without a reference, or with k = 1, every answer token is kept (DistillSpec); else {@link Selection} decides (AdaSPEC).
 *
 * <p>Two passes over the heads. The first walks all answer rows in chunks and leaves per-token numbers: KL of draft and reference, gap,
 * acceptance, log-sum-exp. The second walks the kept rows only, in chunks of their own, and turns them into the gradient by the draft's hidden
 * state. Logits are not made twice where it can be helped: if all rows fit one chunk the second pass reads the first one's, and if nothing is
 * selected away there is one pass.
 */
public final class Distillation implements Objective {
    private final Teachers teachers;
    private final Transformer draft;
    private final Selection selection;
    private final int vocabulary;
    private final LogitsBudget budget;
    private final Workspace workspace;
    private final Ops ops;

    /** @param teachers with a reference, or {@code selection} must keep all; their vocabulary is at most the rows of the draft's head */
    public Distillation(Teachers teachers, Transformer draft, Selection selection, LogitsBudget budget, Workspace workspace) {
        if (!teachers.hasReference() && !selection.keepsAll()) {
            throw new IllegalArgumentException("a selection by the gap needs a reference");
        }
        FrozenModels.requireVocabulary(draft, teachers.vocabulary());
        this.teachers = teachers;
        this.draft = draft;
        this.selection = selection;
        this.vocabulary = teachers.vocabulary();
        this.budget = budget;
        this.workspace = workspace;
        this.ops = draft.ops();
    }

    /** Per-token numbers of the answer rows of a micro-batch, each (n); klReference and gap are null without a reference. */
    private record Scores(Tensor klDraft, Tensor klReference, Tensor gap, Tensor acceptance, Tensor targetLse, Tensor draftLse) {
        static Scores in(Workspace.Step step, int n, boolean reference) {
            return new Scores(
                    step.f32(n), reference ? step.f32(n) : null, reference ? step.f32(n) : null, step.f32(n), step.f32(n), step.f32(n));
        }

        RowStatistics statistics() {
            return new RowStatistics(null, null, klDraft, acceptance, null, targetLse, draftLse);
        }

        Scores rows(int from, int to) {
            return new Scores(
                    klDraft.rows(from, to),
                    klReference == null ? null : klReference.rows(from, to),
                    gap == null ? null : gap.rows(from, to),
                    acceptance.rows(from, to),
                    targetLse.rows(from, to),
                    draftLse.rows(from, to));
        }
    }

    /** The answer rows' last hidden states, each (n, C of that model), and the reference; null where it is not asked. */
    private record Hidden(Tensor target, Tensor draft, Teachers.Reference reference) {}

    // ------------------------------------------------------------------------------------------------ the step

    @Override
    public void accumulate(List<MicroBatch> step, float scale, Weights gradient, Tally tally) {
        if (selection.scope() == Selection.Scope.BATCH && !selection.keepsAll() && step.size() > 1) {
            accumulateSelectedTogether(step, scale, gradient, tally);
        } else {
            for (MicroBatch batch : step) {
                accumulate(batch, scale, gradient, tally, null);
            }
        }
    }

    /** Selection over all micro-batches needs all gaps first, so each goes through the models twice. */
    private void accumulateSelectedTogether(List<MicroBatch> step, float scale, Weights gradient, Tally tally) {
        int total = step.stream().mapToInt(MicroBatch::answerTokens).sum();
        if (total == 0) {
            step.forEach(batch -> tally.tokens += batch.tokens());
            return;
        }
        int[] kept;
        try (var memory = workspace.begin()) {
            Tensor gaps = memory.f32(total);
            int at = 0;
            for (MicroBatch batch : step) {
                int n = batch.answerTokens();
                if (n > 0) {
                    measure(batch, true, tally, gaps.rows(at, at + n));
                }
                at += n;
            }
            kept = selection.keep(ops, gaps, null, workspace);
            tally.clock().lap(Phase.SELECTION);
        }
        if (kept.length == 0) {
            tally.keptLoss = Double.NaN;
        }
        Tally second = new Tally(tally.clock());
        int first = 0;
        int at = 0;
        for (MicroBatch batch : step) {
            int base = first;
            int end = base + batch.answerTokens();
            int from = at;
            while (at < kept.length && kept[at] < end) {
                at++;
            }
            int[] own = Arrays.stream(kept, from, at).map(i -> i - base).toArray();
            accumulate(batch, scale, gradient, second, own);
            first = end;
        }
        tally.tokens += second.tokens;
        tally.keptTokens += second.keptTokens;
        tally.keptLoss += second.keptLoss;
    }

    /** @param chosen the answer rows to keep if they are known already, else null */
    private void accumulate(MicroBatch batch, float scale, Weights gradient, Tally tally, int[] chosen) {
        tally.tokens += batch.tokens();
        int n = batch.answerTokens();
        if (n == 0) {
            return;
        }
        boolean compare = teachers.hasReference() && chosen == null;
        try (var step = workspace.begin()) {
            Tensor rows = step.i32(batch.answerRows());
            Tensor targetHidden = teachers.targetHidden(batch, step);
            tally.clock().lap(Phase.TARGET_BODY);
            Teachers.Reference reference = compare ? teachers.reference(batch, step) : null;
            tally.clock().lap(Phase.REFERENCE_BODY);
            Transformer.Activations activations = draft.forwardForTraining(batch.sequences(), step);
            int channels = draft.architecture().hiddenSize();
            Tensor draftHidden = step.f32(n, channels);
            ops.gatherRows(draftHidden, activations.hidden(), rows);
            Hidden hidden = new Hidden(targetHidden, draftHidden, reference);
            Scores scores = Scores.in(step, n, compare);
            Tensor dHidden = step.f32(batch.tokens(), channels).zero();
            tally.clock().lap(Phase.DRAFT_BODY);

            if (selection.keepsAll() && chosen == null) {
                everyRow(hidden, scores, rows, scale, gradient, dHidden, tally);
                tally.keptTokens += n;
                tally.keptLoss += Tally.sum(scores.klDraft);
            } else {
                int[] kept = selectedRows(batch, hidden, scores, rows, scale, gradient, dHidden, tally, chosen);
                tally.keptTokens += kept.length;
                for (int i : kept) {
                    tally.keptLoss += scores.klDraft.get(i);
                }
                if (kept.length == 0 && chosen == null) {
                    // Only where a gap is not a number: the loss must say so.
                    tally.keptLoss = Double.NaN;
                }
            }
            addScores(scores, n, tally);
            draft.backward(activations, dHidden, gradient, workspace);
            tally.clock().lap(Phase.BODY_BACKWARD);
        }
    }

    @Override
    public void evaluate(MicroBatch batch, Tally tally) {
        tally.tokens += batch.tokens();
        if (batch.answerTokens() > 0) {
            measure(batch, false, tally, null);
        }
    }

    /** Scores without a gradient: sums to {@code tally}, and with {@code compare} the gaps to {@code gaps} (n). */
    private void measure(MicroBatch batch, boolean compare, Tally tally, Tensor gaps) {
        try (var step = workspace.begin()) {
            Scores scores = scores(batch, compare, step, tally);
            addScores(scores, batch.answerTokens(), tally);
            if (gaps != null) {
                gaps.copyFrom(scores.gap);
            }
        }
    }

    /** The per-token numbers of a micro-batch's answer rows, with those of the reference if {@code compare}. */
    private Scores scores(MicroBatch batch, boolean compare, Workspace.Step step, Tally tally) {
        int n = batch.answerTokens();
        Scores scores = Scores.in(step, n, compare);
        try (var inner = workspace.begin()) {
            Tensor targetHidden = teachers.targetHidden(batch, inner);
            tally.clock().lap(Phase.TARGET_BODY);
            Teachers.Reference reference = compare ? teachers.reference(batch, inner) : null;
            tally.clock().lap(Phase.REFERENCE_BODY);
            Hidden hidden = new Hidden(targetHidden, FrozenModels.answerHidden(draft, batch, workspace, inner), reference);
            tally.clock().lap(Phase.DRAFT_BODY);
            scoreAll(hidden, scores, n, tally);
        }
        return scores;
    }

    // ------------------------------------------------------------------------------------------------ passes over the heads

    /** Loss and gradient of every row, a chunk at a time; each logit is made once. */
    private void everyRow(Hidden hidden, Scores scores, Tensor rows, float scale, Weights gradient, Tensor dHidden, Tally tally) {
        int n = Math.toIntExact(rows.rows());
        int chunkRows = budget.rows(vocabulary);
        for (int from = 0; from < n; from += chunkRows) {
            int to = Math.min(n, from + chunkRows);
            try (var chunk = workspace.begin()) {
                Tensor targetLogits = chunk.f32(to - from, vocabulary);
                Tensor draftLogits = chunk.f32(to - from, vocabulary);
                score(hidden, from, to, targetLogits, draftLogits, scores, tally);
                Scores own = scores.rows(from, to);
                ops.distillBackward(Divergence.KL_DIV, draftLogits, targetLogits, draftLogits, own.statistics(), null, scale);
                tally.clock().lap(Phase.LOSS_GRADIENT);
                backThroughHead(draftLogits, hidden.draft.rows(from, to), rows.rows(from, to), gradient, dHidden);
                tally.clock().lap(Phase.HEAD_BACKWARD);
            }
        }
    }

    /** Scores of every row, then the gradient of the kept ones, which are returned. */
    private int[] selectedRows(
            MicroBatch batch, Hidden hidden, Scores scores, Tensor rows, float scale, Weights gradient, Tensor dHidden, Tally tally, int[] chosen) {
        int n = Math.toIntExact(rows.rows());
        int[] batchRows = batch.answerRows();
        int chunkRows = budget.rows(vocabulary);
        if (n <= chunkRows) {
            try (var chunk = workspace.begin()) {
                Tensor targetLogits = chunk.f32(n, vocabulary);
                Tensor draftLogits = chunk.f32(n, vocabulary);
                score(hidden, 0, n, targetLogits, draftLogits, scores, tally);
                int[] kept = chosen != null ? chosen : selection.keep(ops, scores.gap, batch.answerBoundaries(), workspace);
                tally.clock().lap(Phase.SELECTION);
                if (kept.length > 0) {
                    Tensor keptRows = chunk.i32(kept);
                    Tensor dLogits = chunk.f32(kept.length, vocabulary);
                    ops.distillBackward(Divergence.KL_DIV, dLogits, targetLogits, draftLogits, scores.statistics(), keptRows, scale);
                    tally.clock().lap(Phase.LOSS_GRADIENT);
                    Tensor keptHidden = chunk.f32(kept.length, hidden.draft.columns());
                    ops.gatherRows(keptHidden, hidden.draft, keptRows);
                    backThroughHead(dLogits, keptHidden, chunk.i32(pick(batchRows, kept, 0, kept.length)), gradient, dHidden);
                    tally.clock().lap(Phase.HEAD_BACKWARD);
                }
                return kept;
            }
        }
        scoreAll(hidden, scores, n, tally);
        int[] kept = chosen != null ? chosen : selection.keep(ops, scores.gap, batch.answerBoundaries(), workspace);
        tally.clock().lap(Phase.SELECTION);
        for (int from = 0; from < kept.length; from += chunkRows) {
            int to = Math.min(kept.length, from + chunkRows);
            try (var chunk = workspace.begin()) {
                Tensor keptRows = chunk.i32(Arrays.copyOfRange(kept, from, to));
                Tensor targetLogits = chunk.f32(to - from, vocabulary);
                Tensor draftLogits = chunk.f32(to - from, vocabulary);
                Tensor keptHidden = gather(hidden.draft, keptRows, chunk);
                teachers.targetLogits(targetLogits, gather(hidden.target, keptRows, chunk));
                tally.clock().lap(Phase.TARGET_HEAD);
                draft.logits(draftLogits, keptHidden, workspace);
                tally.clock().lap(Phase.DRAFT_HEAD);
                Tensor targetLse = gather(scores.targetLse.view(n, 1), keptRows, chunk).view(to - from);
                Tensor draftLse = gather(scores.draftLse.view(n, 1), keptRows, chunk).view(to - from);
                var statistics = new RowStatistics(null, null, targetLse, null, null, targetLse, draftLse);
                ops.distillBackward(Divergence.KL_DIV, draftLogits, targetLogits, draftLogits, statistics, null, scale);
                tally.clock().lap(Phase.LOSS_GRADIENT);
                backThroughHead(draftLogits, keptHidden, chunk.i32(pick(batchRows, kept, from, to)), gradient, dHidden);
                tally.clock().lap(Phase.HEAD_BACKWARD);
            }
        }
        return kept;
    }

    /** Scores of all n answer rows, a chunk at a time; no logits are left. */
    private void scoreAll(Hidden hidden, Scores scores, int n, Tally tally) {
        int chunkRows = budget.rows(vocabulary);
        for (int from = 0; from < n; from += chunkRows) {
            int to = Math.min(n, from + chunkRows);
            try (var chunk = workspace.begin()) {
                Tensor targetLogits = chunk.f32(to - from, vocabulary);
                Tensor draftLogits = chunk.f32(to - from, vocabulary);
                score(hidden, from, to, targetLogits, draftLogits, scores, tally);
            }
        }
    }

    /** Logits and scores of answer rows {@code from} to {@code to}. */
    private void score(Hidden hidden, int from, int to, Tensor targetLogits, Tensor draftLogits, Scores scores, Tally tally) {
        Scores own = scores.rows(from, to);
        teachers.targetLogits(targetLogits, hidden.target.rows(from, to));
        tally.clock().lap(Phase.TARGET_HEAD);
        if (hidden.reference != null) {
            hidden.reference.divergence(own.klReference, targetLogits, from);
            tally.clock().lap(Phase.REFERENCE_HEAD);
        }
        draft.logits(draftLogits, hidden.draft.rows(from, to), workspace);
        tally.clock().lap(Phase.DRAFT_HEAD);
        ops.distillForward(own.klDraft, null, null, own.acceptance, own.targetLse, own.draftLse, targetLogits, draftLogits, null);
        if (hidden.reference != null) {
            subtract(own.gap, own.klDraft, own.klReference);
        }
        tally.clock().lap(Phase.LOSS);
    }

    /** gap (n) = klDraft - klReference of the rounded numbers, as the published code has them, so that a remembered KL gives the same gap. */
    private static void subtract(Tensor gap, Tensor klDraft, Tensor klReference) {
        for (long i = 0, n = gap.rows(); i < n; i++) {
            gap.set(i, klDraft.get(i) - klReference.get(i));
        }
    }

    /** dLogits (k, V) of the rows with {@code hidden} (k, C) to the head's gradient and to {@code dHidden} (N, C) at {@code batchRows} (k). */
    private void backThroughHead(Tensor dLogits, Tensor hidden, Tensor batchRows, Weights gradient, Tensor dHidden) {
        try (var step = workspace.begin()) {
            Tensor dKept = step.f32(hidden.rows(), hidden.columns());
            draft.headBackward(dKept, dLogits, hidden, gradient, workspace);
            ops.scatterAddRows(dHidden, dKept, batchRows);
        }
    }

    // ------------------------------------------------------------------------------------------------ rows

    private Tensor gather(Tensor from, Tensor rows, Workspace.Step step) {
        Tensor gathered = step.f32(rows.rows(), from.columns());
        ops.gatherRows(gathered, from, rows);
        return gathered;
    }

    private static int[] pick(int[] values, int[] indices, int from, int to) {
        int[] picked = new int[to - from];
        for (int i = from; i < to; i++) {
            picked[i - from] = values[indices[i]];
        }
        return picked;
    }

    private static void addScores(Scores scores, int n, Tally tally) {
        tally.distilled = true;
        tally.answerTokens += n;
        tally.klDraft += Tally.sum(scores.klDraft);
        tally.acceptance += Tally.sum(scores.acceptance);
        if (scores.gap != null) {
            tally.hasReference = true;
            tally.klReference += Tally.sum(scores.klReference);
            tally.gap += Tally.sum(scores.gap);
        }
    }
}
