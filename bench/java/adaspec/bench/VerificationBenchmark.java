package adaspec.bench;

import adaspec.engine.Backend;
import adaspec.ops.Philox;
import adaspec.ops.Verification;
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

/** One draft of five tokens verified, as each step of speculation does. Drafts take turns; each token was drawn from its own law. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class VerificationBenchmark {
    private static final int DRAFTED = 5;
    private static final int DRAFTS = 8;
    /** Of the draft's logits from the target's: about four in five tokens are accepted. */
    private static final double DEVIATION = 0.5;

    @Param({"50304", "151936"})
    public int vocabulary;

    @Param({"greedy", "temperature", "top-p 0.9"})
    public String warp;

    @Param({"TOKEN", "BLOCK"})
    public Verification verification;

    private Backend backend;
    private Workspace.Allocator memory;
    private Tensor target;
    private Tensor draft;
    private Tensor tokens;
    private Tensor length;
    private Tensor accepted;
    private Tensor next;
    private long round;

    @Setup
    public void open() {
        backend = Backend.open("cpu", 1);
        memory = backend.newAllocator();
        target = Laws.random(memory, DRAFTS * (DRAFTED + 1), vocabulary, 1);
        draft = Laws.near(memory, target, DEVIATION, 2);
        tokens = Laws.tensor(memory, DType.I32, DRAFTS * DRAFTED);
        length = Laws.tensor(memory, DType.I32, 1);
        accepted = Laws.tensor(memory, DType.I32, 1);
        next = Laws.tensor(memory, DType.I32, 1);
        length.setInt(0, DRAFTED);
        for (int i = 0; i < DRAFTS * DRAFTED; i++) {
            int row = i / DRAFTED * (DRAFTED + 1) + i % DRAFTED;
            backend.ops().sample(tokens.rows(i, i + 1), null, draft.rows(row, row + 1), List.of(Laws.draw(warp, i)), Philox.DRAFT, 0);
        }
    }

    @TearDown
    public void close() {
        memory.close();
        backend.close();
    }

    @Benchmark
    public int verify() {
        int i = (int) (round++ % DRAFTS);
        long row = (long) i * (DRAFTED + 1);
        backend.ops().verify(
                accepted, next, target.rows(row, row + DRAFTED + 1), null, draft.rows(row, row + DRAFTED),
                tokens.rows((long) i * DRAFTED, (long) (i + 1) * DRAFTED), length, vocabulary, List.of(Laws.draw(warp, round)), verification, false);
        return next.getInt(0);
    }
}
