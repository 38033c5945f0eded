package adaspec.train.cache;

import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import adaspec.train.FrozenModels;
import adaspec.train.MicroBatch;
import adaspec.train.Teachers;

/**
 * Teachers that answer from a cache: for training samples no frozen body runs, and no head of the reference; the target's head runs on the remembered
 * hidden states. Batches of other samples (held-out ones) go to the models.
 */
public final class CachedTeachers implements Teachers {
    private final FrozenModels models;
    private final AnswerRows rows;
    private final Tensor hidden;
    private final Tensor klReference;

    /**
     * @param hidden      (total, C of the target)
     * @param klReference (total, 1), or null: the reference, if there is one, is run
     */
    public CachedTeachers(FrozenModels models, AnswerRows rows, Tensor hidden, Tensor klReference) {
        this.models = models;
        this.rows = rows;
        this.hidden = hidden;
        this.klReference = klReference;
    }

    @Override
    public int vocabulary() {
        return models.vocabulary();
    }

    @Override
    public boolean hasReference() {
        return models.hasReference();
    }

    @Override
    public Tensor targetHidden(MicroBatch batch, Workspace.Step step) {
        return batch.samples() == null ? models.targetHidden(batch, step) : gather(hidden, batch, step);
    }

    @Override
    public void targetLogits(Tensor logits, Tensor hidden) {
        models.targetLogits(logits, hidden);
    }

    @Override
    public Reference reference(MicroBatch batch, Workspace.Step step) {
        if (batch.samples() == null || klReference == null) {
            return models.reference(batch, step);
        }
        Tensor all = gather(klReference, batch, step).view(batch.answerTokens());
        return (kl, targetLogits, first) -> kl.copyFrom(all.rows(first, first + kl.rows()));
    }

    /** The rows of the batch's samples (n, columns), widened to f32. */
    private Tensor gather(Tensor matrix, MicroBatch batch, Workspace.Step step) {
        int[] boundaries = batch.answerBoundaries();
        Tensor gathered = step.f32(batch.answerTokens(), matrix.columns());
        for (int s = 0; s < batch.samples().length; s++) {
            int sample = batch.samples()[s];
            if (sample >= rows.samples() || rows.before(sample + 1) - rows.before(sample) != boundaries[s + 1] - boundaries[s]) {
                throw new IllegalArgumentException("sample " + sample + " with " + (boundaries[s + 1] - boundaries[s]) + " answer rows is not the cache's");
            }
            if (boundaries[s + 1] > boundaries[s]) {
                models.ops().cast(gathered.rows(boundaries[s], boundaries[s + 1]), matrix.rows(rows.before(sample), rows.before(sample + 1)));
            }
        }
        return gathered;
    }
}
