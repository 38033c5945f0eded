package adaspec.bench;

import adaspec.device.Device;
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

/** The processor's operations at the shapes of {@code bench kernels}, by JMH: in processes of their own, with its confidence intervals. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class KernelBenchmark {
    private static final KernelShapes SHAPES = new KernelShapes(50304, 256, 4096, 8192);

    /** The beginning of an operation's name and shape, as {@code bench kernels} prints them with a comma between. */
    @Param({
        "distill_forward kl_div", "distill_forward lk_hybrid", "distill_backward kl_div", "distill_backward lk_hybrid",
        "cross_entropy_forward", "cross_entropy_backward", "linear_rows, 1 x", "linear_rows, 4 x", "linear_rows, 8 x", "linear_rows, 64 x",
        "attention_forward", "attention_backward", "attention_decode, 1 after", "attention_decode, 6 after",
        "layernorm_forward", "layernorm_backward", "rmsnorm_forward", "rmsnorm_backward", "adamw", "sum_of_squares"
    })
    public String operation;

    private Device device;
    private KernelMachine.Memory memory;
    private Runnable run;

    @Setup
    public void open() {
        device = Device.open("cpu", 0);
        KernelMachine machine = KernelMachine.on(device);
        memory = machine.newMemory();
        KernelCase chosen = KernelCases.of(SHAPES).stream()
                .filter(each -> (each.name() + ", " + each.shape()).startsWith(operation))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(operation));
        run = chosen.preparation().prepare(machine.kernels(), memory).run();
    }

    @TearDown
    public void close() {
        memory.close();
        device.close();
    }

    @Benchmark
    public void run() {
        run.run();
    }
}
