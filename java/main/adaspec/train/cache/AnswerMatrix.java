package adaspec.train.cache;

import adaspec.tensor.Tensor;

/** Numbers about every answer row of the training samples, a row of them each: filled sample after sample, read when it is whole. */
public interface AnswerMatrix {
    /** Samples whose rows are there, from the first on. */
    int samplesDone();

    boolean isComplete();

    /**
     * Takes the rows of the samples from {@link #samplesDone} to {@code end}, itself not among them; f32, rounded to the type of the matrix.
     * They outlive this process after {@link #save} at the latest, if the matrix is one that can.
     */
    void append(Tensor rows, int end);

    /** Makes sure of what was appended; after the last sample the matrix is complete. */
    void save();

    /** All rows (total, columns); only once complete. Lives as long as the cache. */
    Tensor tensor();
}
