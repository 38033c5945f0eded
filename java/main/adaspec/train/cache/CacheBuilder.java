package adaspec.train.cache;

import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import adaspec.text.Batch;
import adaspec.text.Sample;
import adaspec.train.LogitsBudget;
import adaspec.train.MicroBatch;
import adaspec.train.Teachers;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/**
 * Asks frozen models about all training samples, in their order and in batches of one size. So what is remembered is a function of models, data,
 * precision and that size, whatever stage needs it first and however often the work was interrupted.
 */
public final class CacheBuilder {
    private static final long SAVE_NANOS = 1_000_000_000L;

    /** Told how far a part is, on the thread that builds. */
    @FunctionalInterface
    public interface Progress {
        /** {@code done} of {@code total} answer rows are through. */
        void at(String part, long done, long total);
    }

    private final List<Sample> samples;
    private final AnswerRows rows;
    private final int batchSize;
    private final Workspace workspace;
    private final Progress progress;
    private final BooleanSupplier stop;

    /**
     * @param batchSize samples asked about together
     * @param stop      asked after each batch
     */
    public CacheBuilder(List<Sample> samples, int batchSize, Workspace workspace, Progress progress, BooleanSupplier stop) {
        this.samples = samples;
        this.rows = new AnswerRows(samples);
        this.batchSize = batchSize;
        this.workspace = workspace;
        this.progress = progress;
        this.stop = stop;
    }

    /** Fills {@code hidden} with the target's last hidden states; false if it was asked to stop before the end. */
    public boolean buildHidden(AnswerMatrix hidden, Teachers teachers) {
        return build("target", hidden, (batch, step) -> teachers.targetHidden(batch, step));
    }

    /**
     * Fills {@code klReference} with KL(p || r); false if it was asked to stop before the end.
     *
     * @param budget as in training: it decides the rows of a chunk
     */
    public boolean buildKlReference(AnswerMatrix klReference, Teachers teachers, LogitsBudget budget) {
        return build("reference", klReference, (batch, step) -> klReference(batch, teachers, budget, workspace, step));
    }

    /** KL(p || r) of the answer rows (n, 1) in the chunks of training, taken from {@code step}. */
    static Tensor klReference(MicroBatch batch, Teachers teachers, LogitsBudget budget, Workspace workspace, Workspace.Step step) {
        int n = batch.answerTokens();
        Tensor kl = step.f32(n);
        try (var inner = workspace.begin()) {
            Tensor hidden = teachers.targetHidden(batch, inner);
            Teachers.Reference reference = teachers.reference(batch, inner);
            int chunkRows = budget.rows(teachers.vocabulary());
            for (int from = 0; from < n; from += chunkRows) {
                int to = Math.min(n, from + chunkRows);
                try (var chunk = workspace.begin()) {
                    Tensor logits = chunk.f32(to - from, teachers.vocabulary());
                    teachers.targetLogits(logits, hidden.rows(from, to));
                    reference.divergence(kl.rows(from, to), logits, from);
                }
            }
        }
        return kl.view(n, 1);
    }

    /** What the rows of a matrix come from. */
    @FunctionalInterface
    interface Question {
        /** A row of numbers for each answer row of {@code batch}, taken from {@code step}. */
        Tensor ask(MicroBatch batch, Workspace.Step step);
    }

    private boolean build(String part, AnswerMatrix matrix, Question question) {
        long lastSave = System.nanoTime();
        boolean stopped = false;
        while (matrix.samplesDone() < samples.size() && !stopped) {
            int from = matrix.samplesDone();
            int to = Math.min(samples.size(), from + batchSize);
            try (var step = workspace.begin()) {
                matrix.append(question.ask(batch(samples, from, to), step), to);
            }
            progress.at(part, rows.before(to), rows.total());
            long now = System.nanoTime();
            if (now - lastSave > SAVE_NANOS) {
                matrix.save();
                lastSave = now;
            }
            stopped = to < samples.size() && stop.getAsBoolean();
        }
        matrix.save();
        return !stopped;
    }

    /** Samples {@code from} to {@code to}, as they are asked about. */
    static MicroBatch batch(List<Sample> samples, int from, int to) {
        return MicroBatch.of(Batch.of(samples, IntStream.range(from, to).toArray()));
    }
}
