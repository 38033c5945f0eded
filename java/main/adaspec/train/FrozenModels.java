package adaspec.train;

import adaspec.model.Transformer;
import adaspec.ops.Ops;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;

/** Teachers that run their models whenever they are asked. */
public final class FrozenModels implements Teachers {
    private final Transformer target;
    private final Transformer reference;
    private final int vocabulary;
    private final Workspace workspace;
    private final Ops ops;

    /**
     * @param reference  the frozen model whose KL the draft's is compared with, or null
     * @param vocabulary the ids that all models share: at most the rows of any head
     */
    public FrozenModels(Transformer target, Transformer reference, int vocabulary, Workspace workspace) {
        requireVocabulary(target, vocabulary);
        if (reference != null) {
            requireVocabulary(reference, vocabulary);
        }
        this.target = target;
        this.reference = reference;
        this.vocabulary = vocabulary;
        this.workspace = workspace;
        this.ops = target.ops();
    }

    static void requireVocabulary(Transformer model, int vocabulary) {
        int rows = model.architecture().vocabSize();
        if (vocabulary < 1 || vocabulary > rows) {
            throw new IllegalArgumentException("a shared vocabulary of " + vocabulary + " for a head of " + rows + " rows");
        }
    }

    /** Of the target's device. */
    public Ops ops() {
        return ops;
    }

    @Override
    public int vocabulary() {
        return vocabulary;
    }

    @Override
    public boolean hasReference() {
        return reference != null;
    }

    @Override
    public Tensor targetHidden(MicroBatch batch, Workspace.Step step) {
        return answerHidden(target, batch, workspace, step);
    }

    @Override
    public void targetLogits(Tensor logits, Tensor hidden) {
        target.logits(logits, hidden, workspace);
    }

    @Override
    public Reference reference(MicroBatch batch, Workspace.Step step) {
        Tensor hidden = referenceHidden(batch, step);
        return (klReference, targetLogits, first) -> {
            long rows = targetLogits.rows();
            try (var inner = workspace.begin()) {
                Tensor logits = inner.f32(rows, vocabulary);
                referenceLogits(logits, hidden.rows(first, first + rows));
                // The draft's place in the operation: equal logits give equal bits, and a gap of exactly zero.
                ops.distillForward(klReference, null, null, null, inner.f32(rows), inner.f32(rows), targetLogits, logits, null);
            }
        };
    }

    /** The reference's last hidden states of the answer rows (n, C of the reference), taken from {@code step}. */
    Tensor referenceHidden(MicroBatch batch, Workspace.Step step) {
        if (reference == null) {
            throw new IllegalStateException("there is no reference");
        }
        return answerHidden(reference, batch, workspace, step);
    }

    /** logits (k, vocabulary) of the reference at rows with the hidden states {@code hidden} (k, C). */
    void referenceLogits(Tensor logits, Tensor hidden) {
        reference.logits(logits, hidden, workspace);
    }

    /** The last hidden states (n, C) of a micro-batch's answer rows, taken from {@code step}. */
    static Tensor answerHidden(Transformer model, MicroBatch batch, Workspace workspace, Workspace.Step step) {
        Tensor answers = step.f32(batch.answerTokens(), model.architecture().hiddenSize());
        try (var inner = workspace.begin()) {
            Tensor all = model.forward(batch.sequences(), workspace, inner);
            model.ops().gatherRows(answers, all, inner.i32(batch.answerRows()));
        }
        return answers;
    }
}
