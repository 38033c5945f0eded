package adaspec.train;

import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;

/**
 * The frozen models of a distillation, asked about the answer rows (n) of micro-batches: the target, and the reference where there is one. What they
 * say does not change while the draft learns, so it may be computed at every step ({@link FrozenModels}) or remembered.
 *
 * <p>One thread at a time.
 */
public interface Teachers {
    /** The ids that all models share, from 0: the laws that are compared run over these. */
    int vocabulary();

    boolean hasReference();

    /** The target's last hidden states of the answer rows (n, C of the target), taken from {@code step}. */
    Tensor targetHidden(MicroBatch batch, Workspace.Step step);

    /** logits (k, vocabulary) of the target at rows with the hidden states {@code hidden} (k, C). */
    void targetLogits(Tensor logits, Tensor hidden);

    /** The reference's part in {@code batch}; what it holds is taken from {@code step}. Only with a reference. */
    Reference reference(MicroBatch batch, Workspace.Step step);

    /** The reference, asked about the answer rows of one micro-batch. */
    interface Reference {
        /**
         * klReference (k) = KL(p || r) of the answer rows from {@code first} on, p the law of {@code targetLogits} (k, vocabulary) and r the reference's.
         * Where r and a draft have equal logits the bits are those of the draft's KL.
         */
        void divergence(Tensor klReference, Tensor targetLogits, int first);
    }
}
