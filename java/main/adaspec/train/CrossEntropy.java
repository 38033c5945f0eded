package adaspec.train;

import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.Arrays;
import java.util.List;

/**
 * Cross entropy of the answer tokens: pretraining and supervised fine-tuning. Every row of the head counts in the softmax, padded ids included, as in
 * transformers. The gradient of a chunk of rows follows its loss at once, in place of the logits.
 */
public final class CrossEntropy implements Objective {
    private final Transformer model;
    private final LogitsBudget budget;
    private final Workspace workspace;
    private final Ops ops;

    public CrossEntropy(Transformer model, LogitsBudget budget, Workspace workspace) {
        this.model = model;
        this.budget = budget;
        this.workspace = workspace;
        this.ops = model.ops();
    }

    @Override
    public void accumulate(long number, List<MicroBatch> step, float scale, Weights gradient, Tally tally) {
        for (MicroBatch batch : step) {
            tally.tokens += batch.tokens();
            if (batch.answerTokens() == 0) {
                continue;
            }
            try (var memory = workspace.begin()) {
                Transformer.Activations activations = model.forwardForTraining(batch.sequences(), memory);
                Tensor rows = memory.i32(batch.answerRows());
                Tensor dHidden = memory.f32(batch.tokens(), model.architecture().hiddenSize()).zero();
                walk(batch, activations.hidden(), rows, scale, gradient, dHidden, tally);
                model.backward(activations, dHidden, gradient, workspace);
            }
        }
    }

    @Override
    public void evaluate(MicroBatch batch, Tally tally) {
        tally.tokens += batch.tokens();
        if (batch.answerTokens() == 0) {
            return;
        }
        try (var memory = workspace.begin()) {
            Tensor hidden = model.forward(batch.sequences(), workspace, memory);
            walk(batch, hidden, memory.i32(batch.answerRows()), 0, null, null, tally);
        }
    }

    /** Chunks of answer rows through the head: losses, and where {@code gradient} is given their gradient. */
    private void walk(MicroBatch batch, Tensor hidden, Tensor rows, float scale, Weights gradient, Tensor dHidden, Tally tally) {
        int vocabulary = model.architecture().vocabSize();
        int channels = model.architecture().hiddenSize();
        int[] targets = batch.targets();
        int n = targets.length;
        int chunkRows = budget.rows(vocabulary);
        for (int from = 0; from < n; from += chunkRows) {
            int to = Math.min(n, from + chunkRows);
            try (var chunk = workspace.begin()) {
                Tensor chunkHidden = chunk.f32(to - from, channels);
                ops.gatherRows(chunkHidden, hidden, rows.rows(from, to));
                Tensor logits = chunk.f32(to - from, vocabulary);
                model.logits(logits, chunkHidden, workspace);
                Tensor loss = chunk.f32(to - from);
                Tensor lse = chunk.f32(to - from);
                Tensor chunkTargets = chunk.i32(Arrays.copyOfRange(targets, from, to));
                ops.crossEntropy(loss, lse, logits, chunkTargets);
                double sum = Tally.sum(loss);
                tally.crossEntropy += sum;
                tally.keptLoss += sum;
                if (gradient != null) {
                    ops.crossEntropyBackward(logits, logits, lse, chunkTargets, scale);
                    Tensor dChunk = chunk.f32(to - from, channels);
                    model.headBackward(dChunk, logits, chunkHidden, gradient, workspace);
                    ops.scatterAddRows(dHidden, dChunk, rows.rows(from, to));
                }
            }
        }
        tally.answerTokens += n;
        tally.keptTokens += n;
    }
}
