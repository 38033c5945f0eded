package adaspec.train.cache;

import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import java.lang.foreign.Arena;

/** A matrix in memory outside the heap. */
final class MemoryMatrix implements AnswerMatrix {
    private final AnswerRows rows;
    private final Tensor all;
    private int done;

    MemoryMatrix(AnswerRows rows, DType type, long columns, Arena arena) {
        this.rows = rows;
        this.all = Tensor.of(arena.allocate(rows.total() * columns * type.bytes(), 64), type, rows.total(), columns);
    }

    @Override
    public int samplesDone() {
        return done;
    }

    @Override
    public boolean isComplete() {
        return done == rows.samples();
    }

    @Override
    public void append(Tensor more, int end) {
        all.rows(rows.before(done), rows.before(end)).copyFrom(more);
        done = end;
    }

    @Override
    public void save() {}

    @Override
    public Tensor tensor() {
        if (!isComplete()) {
            throw new IllegalStateException(done + " of " + rows.samples() + " samples are there");
        }
        return all;
    }
}
