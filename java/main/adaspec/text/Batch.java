package adaspec.text;

import java.util.List;

/**
 * S samples, one after the other, without padding.
 *
 * @param ids (N) token ids
 * @param starts (S + 1): sample s has tokens {@code starts[s] .. starts[s + 1]}
 * @param answerStarts (S) index within each sample of its first answer token, at least 1
 * @param samples (S) index of each sample in its dataset
 */
public record Batch(int[] ids, int[] starts, int[] answerStarts, int[] samples) {
    /** The samples {@code indexes} of {@code dataset}, in that order. */
    public static Batch of(List<Sample> dataset, int[] indexes) {
        int[] starts = new int[indexes.length + 1];
        int[] answerStarts = new int[indexes.length];
        for (int s = 0; s < indexes.length; s++) {
            Sample sample = dataset.get(indexes[s]);
            starts[s + 1] = Math.addExact(starts[s], sample.ids().length);
            answerStarts[s] = sample.answerStart();
        }
        int[] ids = new int[starts[indexes.length]];
        for (int s = 0; s < indexes.length; s++) {
            System.arraycopy(dataset.get(indexes[s]).ids(), 0, ids, starts[s], starts[s + 1] - starts[s]);
        }
        return new Batch(ids, starts, answerStarts, indexes.clone());
    }

    /** S. */
    public int count() {
        return starts.length - 1;
    }

    /** N. */
    public int tokens() {
        return ids.length;
    }

    /** Tokens that the loss counts. */
    public int answerTokens() {
        int n = 0;
        for (int s = 0; s < count(); s++) {
            n += Math.max(starts[s + 1] - starts[s] - answerStarts[s], 0);
        }
        return n;
    }
}
