package adaspec.train.cache;

import adaspec.text.Sample;
import java.util.List;

/** Where the answer rows of each training sample lie among those of all, sample after sample. */
public final class AnswerRows {
    private final long[] boundaries;

    public AnswerRows(List<Sample> samples) {
        boundaries = new long[samples.size() + 1];
        for (int i = 0; i < samples.size(); i++) {
            boundaries[i + 1] = boundaries[i] + samples.get(i).answerTokens();
        }
    }

    public int samples() {
        return boundaries.length - 1;
    }

    /** Of all samples. */
    public long total() {
        return boundaries[samples()];
    }

    /** The rows of samples 0 to {@code sample}, itself not among them: where its own begin. */
    public long before(int sample) {
        return boundaries[sample];
    }

    /** The most samples that have no more than {@code rows} rows together. */
    int samplesWithin(long rows) {
        int samples = 0;
        while (samples < samples() && boundaries[samples + 1] <= rows) {
            samples++;
        }
        return samples;
    }
}
