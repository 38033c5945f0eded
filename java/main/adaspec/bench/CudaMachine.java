package adaspec.bench;

import adaspec.device.CudaBuffer;
import adaspec.device.CudaDevice;
import adaspec.device.CudaTimer;
import adaspec.device.Gemm;
import adaspec.device.Kernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Operations on an NVIDIA GPU, timed by its own clock. */
final class CudaMachine implements KernelMachine {
    private static final int LARGE_PRODUCT = 4096;

    private final CudaDevice device;

    CudaMachine(CudaDevice device) {
        this.device = device;
    }

    private record CudaOperand(CudaBuffer buffer) implements Operand {
        @Override
        public MemorySegment segment() {
            return buffer.start();
        }

        @Override
        public void read(MemorySegment to) {
            buffer.copyOut(to, 0);
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
        List<CudaBuffer> buffers = new ArrayList<>();
        return new Memory() {
            @Override
            public Operand filled(long bytes, Consumer<MemorySegment> fill) {
                CudaBuffer buffer = device.allocate(bytes);
                buffers.add(buffer);
                try (Arena arena = Arena.ofConfined()) {
                    MemorySegment host = arena.allocate(bytes, 64);
                    fill.accept(host);
                    buffer.copyIn(0, host);
                }
                return new CudaOperand(buffer);
            }

            @Override
            public void close() {
                buffers.forEach(CudaBuffer::close);
            }
        };
    }

    @Override
    public double seconds(Runnable work, int runs) {
        try (CudaTimer timer = device.newTimer()) {
            timer.start();
            for (int i = 0; i < runs; i++) {
                work.run();
            }
            timer.stop();
            return timer.seconds();
        }
    }
}
