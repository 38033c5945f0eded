package adaspec.train.cache;

/** A place where the answers of frozen models about the training samples are remembered. One thread at a time. */
public interface TeacherCache extends AutoCloseable {
    /** Samples that the models are asked about together. */
    int batchSize();

    AnswerRows rows();

    /** The target's last hidden states (total, C) in the cache's precision. */
    AnswerMatrix hidden();

    /** KL(p || r) (total, 1) in f32 of one reference. */
    AnswerMatrix klReference(ReferenceKey reference);

    /**
     * Fails with a sentence unless there is room for what may still have to be made.
     *
     * @param reference whether a reference's KL will be asked for
     */
    void requireRoom(boolean reference);

    /** For as long as the result is open nobody else writes to the place. */
    Writing write();

    /** The right to write. */
    interface Writing extends AutoCloseable {
        @Override
        void close();
    }

    /** In words, behind a size: {@code in memory} or {@code in FOLDER}. */
    @Override
    String toString();

    /** The numbers are gone from memory. Closing twice is calm. */
    @Override
    void close();
}
