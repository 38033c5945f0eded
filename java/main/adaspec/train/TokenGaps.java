package adaspec.train;

import adaspec.model.Transformer;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;

/**
 * What the selection looks at, made visible: per-token numbers of the answer rows of one micro-batch.
 *
 * @param klDraft     (n) KL(p || q)
 * @param klReference (n) KL(p || r)
 * @param gap         (n) klDraft - klReference, computed directly from the logits; training subtracts the two rounded numbers
 */
public record TokenGaps(float[] klDraft, float[] klReference, float[] gap) {
    /** @param models with a reference */
    public static TokenGaps of(FrozenModels models, Transformer draft, MicroBatch batch, LogitsBudget budget, Workspace workspace) {
        int n = batch.answerTokens();
        if (n == 0) {
            return new TokenGaps(new float[0], new float[0], new float[0]);
        }
        int vocabulary = models.vocabulary();
        int chunkRows = budget.rows(vocabulary);
        try (var step = workspace.begin()) {
            Tensor klDraft = step.f32(n);
            Tensor klReference = step.f32(n);
            Tensor gap = step.f32(n);
            Tensor targetHidden = models.targetHidden(batch, step);
            Tensor referenceHidden = models.referenceHidden(batch, step);
            Tensor draftHidden = FrozenModels.answerHidden(draft, batch, workspace, step);
            for (int from = 0; from < n; from += chunkRows) {
                int to = Math.min(n, from + chunkRows);
                try (var chunk = workspace.begin()) {
                    Tensor targetLogits = chunk.f32(to - from, vocabulary);
                    Tensor draftLogits = chunk.f32(to - from, vocabulary);
                    Tensor referenceLogits = chunk.f32(to - from, vocabulary);
                    models.targetLogits(targetLogits, targetHidden.rows(from, to));
                    draft.logits(draftLogits, draftHidden.rows(from, to), workspace);
                    models.referenceLogits(referenceLogits, referenceHidden.rows(from, to));
                    draft.ops().distillForward(
                            klDraft.rows(from, to), klReference.rows(from, to), gap.rows(from, to), null, chunk.f32(to - from), chunk.f32(to - from),
                            targetLogits, draftLogits, referenceLogits);
                }
            }
            return new TokenGaps(klDraft.toFloats(), klReference.toFloats(), gap.toFloats());
        }
    }
}
