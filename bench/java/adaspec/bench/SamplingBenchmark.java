package adaspec.bench;

import adaspec.engine.Backend;
import adaspec.ops.Philox;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** One token drawn from one row of logits, as each drafted token and each plain step draws one. Rows take turns. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class SamplingBenchmark {
    private static final int ROWS = 16;

    @Param({"50304", "151936"})
    public int vocabulary;

    @Param({"greedy", "temperature", "top-k 50", "top-p 0.9", "top-k 50, top-p 0.9"})
    public String warp;

    private Backend backend;
    private Workspace.Allocator memory;
    private Tensor logits;
    private Tensor token;
    private long position;

    @Setup
    public void open() {
        backend = Backend.open("cpu", 1);
        memory = backend.newAllocator();
        logits = Laws.random(memory, ROWS, vocabulary, 1);
        token = Laws.tensor(memory, DType.I32, 1);
    }

    @TearDown
    public void close() {
        memory.close();
        backend.close();
    }

    @Benchmark
    public int sample() {
        int row = (int) (position++ % ROWS);
        backend.ops().sample(token, null, logits.rows(row, row + 1), List.of(Laws.draw(warp, position)), Philox.NEXT, 0);
        return token.getInt(0);
    }
}
