package adaspec.bench;

import adaspec.device.Device;
import adaspec.device.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What a call of the C ABI costs before it does anything: an operation over no elements, through Panama, its status checked. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class NativeCallBenchmark {
    private Device device;
    private Kernels kernels;

    @Setup
    public void open() {
        device = Device.open("cpu", 1);
        kernels = device.kernels();
    }

    @TearDown
    public void close() {
        device.close();
    }

    @Benchmark
    public void addNothing() {
        kernels.add(MemorySegment.NULL, MemorySegment.NULL, MemorySegment.NULL, 0);
    }
}
