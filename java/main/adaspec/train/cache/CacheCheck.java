package adaspec.train.cache;

import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import adaspec.text.Sample;
import adaspec.train.LogitsBudget;
import adaspec.train.Teachers;
import java.util.List;

/** Asks the models again about some batches of what a complete cache holds. */
public final class CacheCheck {
    private final List<Sample> samples;
    private final TeacherCache cache;
    private final int batches;
    private final Workspace workspace;

    /** @param batches how many to ask about, the first and the last among them */
    public CacheCheck(List<Sample> samples, TeacherCache cache, int batches, Workspace workspace) {
        this.samples = samples;
        this.cache = cache;
        this.batches = Math.clamp(Math.ceilDiv(samples.size(), cache.batchSize()), 1, batches);
        this.workspace = workspace;
    }

    /** Batches that are asked about. */
    public int batches() {
        return batches;
    }

    /** The largest difference of a remembered hidden state from the target's, as a part of its length; 0 where all bits are the same. */
    public double hidden(Teachers teachers) {
        return largest(cache.hidden().tensor(), teachers::targetHidden);
    }

    /** The largest difference of a remembered KL(p || r), as a part of it where it is above 1. */
    public double klReference(ReferenceKey reference, Teachers teachers) {
        return largest(
                cache.klReference(reference).tensor(),
                (batch, step) -> CacheBuilder.klReference(batch, teachers, LogitsBudget.DEFAULT, workspace, step));
    }

    private double largest(Tensor matrix, CacheBuilder.Question question) {
        int size = cache.batchSize();
        int last = Math.ceilDiv(samples.size(), size) - 1;
        double largest = 0;
        for (int i = 0; i < batches; i++) {
            int from = (batches == 1 ? 0 : Math.toIntExact((long) i * last / (batches - 1))) * size;
            int to = Math.min(samples.size(), from + size);
            try (var step = workspace.begin()) {
                Tensor remembered = matrix.rows(cache.rows().before(from), cache.rows().before(to));
                Tensor asked = question.ask(CacheBuilder.batch(samples, from, to), step);
                for (long row = 0; row < asked.rows(); row++) {
                    largest = Math.max(largest, difference(remembered, asked, row));
                }
            }
        }
        return largest;
    }

    /** Not a number counts as infinitely far. */
    private static double difference(Tensor remembered, Tensor asked, long row) {
        double square = 0;
        double norm = 0;
        for (long c = 0; c < asked.columns(); c++) {
            square += Math.pow(remembered.get(row, c) - asked.get(row, c), 2);
            norm += Math.pow(asked.get(row, c), 2);
        }
        double difference = Math.sqrt(square) / Math.max(1, Math.sqrt(norm));
        return Double.isNaN(difference) ? Double.POSITIVE_INFINITY : difference;
    }
}
