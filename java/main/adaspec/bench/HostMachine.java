package adaspec.bench;

import adaspec.device.Device;
import adaspec.device.Gemm;
import adaspec.device.Kernels;
import adaspec.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/** Operations on a processor: they return when they are done. */
final class HostMachine implements KernelMachine {
    private static final int LARGE_PRODUCT = 1024;

    private final Device device;

    HostMachine(Device device) {
        this.device = device;
    }

    private record HostOperand(MemorySegment segment) implements Operand {
        @Override
        public void read(MemorySegment to) {
            MemorySegment.copy(segment, 0, to, 0, to.byteSize());
        }
    }

    @Override
    public String description() {
        return device.describe();
    }

    @Override
    public Kernels kernels() {
        return device.kernels();
    }

    @Override
    public Gemm gemm() {
        return device.gemm();
    }

    @Override
    public int largeProduct() {
        return LARGE_PRODUCT;
    }

    @Override
    public Memory newMemory() {
        Workspace.Allocator allocator = device.newAllocator();
        return new Memory() {
            @Override
            public Operand filled(long bytes, Consumer<MemorySegment> fill) {
                MemorySegment segment = allocator.allocate(bytes);
                fill.accept(segment);
                return new HostOperand(segment);
            }

            @Override
            public void close() {
                allocator.close();
            }
        };
    }

    @Override
    public double seconds(Runnable work, int runs) {
        long begin = System.nanoTime();
        for (int i = 0; i < runs; i++) {
            work.run();
        }
        return (System.nanoTime() - begin) * 1e-9;
    }
}
