package adaspec.train;

import adaspec.model.Sequences;
import adaspec.text.Batch;

/**
 * Sequences that go through the models together, and where their answers begin.
 *
 * <p>The row of token i predicts token i + 1, so the answer tokens {@code ids[answerStart..]} of a sequence are predicted by its rows
 * {@code answerStart - 1} to {@code length - 2}. Only those rows ever reach a vocabulary head.
 *
 * @param sequences    N rows
 * @param answerStarts (S) index within each sequence of its first answer token, at least 1; the sequence's length means no answer
 * @param samples      (S) index of each sequence among the training samples; null where they are not from there
 */
public record MicroBatch(Sequences sequences, int[] answerStarts, int[] samples) {
    public MicroBatch {
        if (samples != null && samples.length != sequences.count()) {
            throw new IllegalArgumentException(samples.length + " samples for " + sequences.count() + " sequences");
        }
        if (answerStarts.length != sequences.count()) {
            throw new IllegalArgumentException(answerStarts.length + " answer starts for " + sequences.count() + " sequences");
        }
        for (int s = 0; s < answerStarts.length; s++) {
            int length = sequences.starts()[s + 1] - sequences.starts()[s];
            if (answerStarts[s] < 1 || answerStarts[s] > Math.max(1, length)) {
                throw new IllegalArgumentException("the answer of sequence " + s + " starts at " + answerStarts[s] + " of " + length + " tokens");
            }
        }
    }

    /** Sequences that are no training samples. */
    public MicroBatch(Sequences sequences, int[] answerStarts) {
        this(sequences, answerStarts, null);
    }

    /** A batch of training samples as the models read it. */
    public static MicroBatch of(Batch batch) {
        return new MicroBatch(new Sequences(batch.ids(), batch.starts()), batch.answerStarts(), batch.samples());
    }

    /** A batch of held-out samples as the models read it. */
    public static MicroBatch heldOut(Batch batch) {
        return new MicroBatch(new Sequences(batch.ids(), batch.starts()), batch.answerStarts());
    }

    /** N: tokens that go through the models. */
    public int tokens() {
        return sequences.rows();
    }

    /** n: rows that predict an answer token. */
    public int answerTokens() {
        return answerBoundaries()[answerStarts.length];
    }

    /** (S + 1): sequence s has the answer rows boundaries[s] to boundaries[s + 1]. */
    public int[] answerBoundaries() {
        int[] boundaries = new int[answerStarts.length + 1];
        for (int s = 0; s < answerStarts.length; s++) {
            int length = sequences.starts()[s + 1] - sequences.starts()[s];
            boundaries[s + 1] = boundaries[s] + Math.max(0, length - answerStarts[s]);
        }
        return boundaries;
    }

    /** (n) rows of the batch that predict an answer token, ascending. */
    public int[] answerRows() {
        int[] boundaries = answerBoundaries();
        int[] rows = new int[boundaries[answerStarts.length]];
        for (int s = 0; s < answerStarts.length; s++) {
            for (int i = boundaries[s]; i < boundaries[s + 1]; i++) {
                rows[i] = sequences.starts()[s] + answerStarts[s] - 1 + i - boundaries[s];
            }
        }
        return rows;
    }

    /** (n) the answer tokens: what the rows of {@link #answerRows} should predict. */
    public int[] targets() {
        int[] rows = answerRows();
        for (int i = 0; i < rows.length; i++) {
            rows[i] = sequences.ids()[rows[i] + 1];
        }
        return rows;
    }
}
