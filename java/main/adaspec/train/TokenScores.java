package adaspec.train;

import adaspec.ops.Ops;
import adaspec.ops.RowStatistics;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;

/**
 * Per-token numbers of the answer rows (n) of a micro-batch, as the first pass over the heads leaves them.
 *
 * @param loss         which of the numbers is minimised
 * @param law          statistics of the laws of target and draft
 * @param answers      (n) i32, the answer tokens; null unless the loss is the cross entropy
 * @param crossEntropy (n); null unless it is the loss
 * @param klReference  (n) KL(p || r), or null where no reference is asked
 */
record TokenScores(Loss loss, RowStatistics law, Tensor answers, Tensor crossEntropy, Tensor klReference) {

    /** Room in {@code step} for the numbers of a batch's answer rows. */
    static TokenScores in(Workspace.Step step, MicroBatch batch, Loss loss, boolean entropy, boolean reference) {
        int n = batch.answerTokens();
        boolean ce = loss == Loss.CE;
        return new TokenScores(
                loss,
                RowStatistics.in(step, n, loss.divergence(), entropy),
                ce ? step.i32(batch.targets()) : null,
                ce ? step.f32(n) : null,
                reference ? step.f32(n) : null);
    }

    /** Those of rows {@code from} to {@code to}. */
    TokenScores rows(int from, int to) {
        return new TokenScores(loss, law.rows(from, to), part(answers, from, to), part(crossEntropy, from, to), part(klReference, from, to));
    }

    private static Tensor part(Tensor values, int from, int to) {
        return values == null ? null : values.rows(from, to);
    }

    /** (n) what is minimised. */
    Tensor values() {
        return crossEntropy != null ? crossEntropy : law.loss() != null ? law.loss() : law.klDraft();
    }

    /** The gap of token i: the difference of the two rounded KLs, as the published code has it, so that a remembered KL gives the same gap. */
    float gap(long i) {
        return law.klDraft().get(i) - klReference.get(i);
    }

    /** Fills the numbers of these rows in from their logits (n, V), but for the reference's. */
    void fill(Ops ops, Tensor targetLogits, Tensor draftLogits, Workspace workspace) {
        ops.distillForward(loss.divergence(), law, null, null, targetLogits, draftLogits, null);
        if (loss == Loss.CE) {
            try (var step = workspace.begin()) {
                ops.crossEntropy(crossEntropy, step.f32(answers.rows()), draftLogits, answers);
            }
        }
    }

    /**
     * dLogits (k, V): scale times the gradient of the loss by the draft's logits at {@code kept} (k) of these rows, or at all of them if it is null;
     * then dLogits may be draftLogits.
     */
    void gradient(Ops ops, Tensor dLogits, Tensor targetLogits, Tensor draftLogits, int[] kept, float scale, Workspace workspace) {
        try (var step = workspace.begin()) {
            Tensor rows = kept == null ? null : step.i32(kept);
            if (loss != Loss.CE) {
                ops.distillBackward(loss.divergence(), dLogits, targetLogits, draftLogits, law, rows, scale);
            } else if (rows == null) {
                ops.crossEntropyBackward(dLogits, draftLogits, law.draftLse(), answers, scale);
            } else {
                ops.gatherRows(dLogits, draftLogits, rows);
                TokenScores own = at(kept, step);
                ops.crossEntropyBackward(dLogits, dLogits, own.law.draftLse(), own.answers, scale);
            }
        }
    }

    /** What a gradient needs of the rows {@code kept}, one after the other in {@code step}. */
    TokenScores at(int[] kept, Workspace.Step step) {
        var picked = new RowStatistics(
                pick(law.loss(), kept, step), pick(law.meanSlope(), kept, step), pick(law.klDraft(), kept, step), pick(law.acceptance(), kept, step),
                null, pick(law.targetLse(), kept, step), pick(law.draftLse(), kept, step));
        Tensor tokens = null;
        if (answers != null) {
            int[] ids = new int[kept.length];
            for (int i = 0; i < kept.length; i++) {
                ids[i] = answers.getInt(kept[i]);
            }
            tokens = step.i32(ids);
        }
        return new TokenScores(loss, picked, tokens, pick(crossEntropy, kept, step), pick(klReference, kept, step));
    }

    private static Tensor pick(Tensor values, int[] rows, Workspace.Step step) {
        if (values == null) {
            return null;
        }
        Tensor picked = step.f32(rows.length);
        for (int i = 0; i < rows.length; i++) {
            picked.set(i, values.get(rows[i]));
        }
        return picked;
    }

    /** Adds the sums over all n tokens to {@code tally}. */
    void addTo(Tally tally) {
        tally.distilled = true;
        tally.answerTokens += law.klDraft().rows();
        tally.klDraft += Tally.sum(law.klDraft());
        tally.acceptance += Tally.sum(law.acceptance());
        if (klReference != null) {
            tally.hasReference = true;
            tally.klReference += Tally.sum(klReference);
            double gaps = 0;
            for (long i = 0, n = klReference.rows(); i < n; i++) {
                gaps += gap(i);
            }
            tally.gap += gaps;
        }
    }
}
