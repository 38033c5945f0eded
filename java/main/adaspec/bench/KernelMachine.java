package adaspec.bench;

import adaspec.device.CudaDevice;
import adaspec.device.Device;
import adaspec.device.Gemm;
import adaspec.device.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/** Where single operations are timed: the operations, memory for their operands, and a clock. */
public interface KernelMachine {
    /** Memory for operands, until it is closed. */
    interface Memory extends AutoCloseable {
        /** Operand of that many bytes, given to {@code fill} as host memory before it goes where the operations read it. */
        Operand filled(long bytes, Consumer<MemorySegment> fill);

        @Override
        void close();
    }

    /** An argument of an operation. */
    interface Operand {
        /** As {@link Kernels} takes it. */
        MemorySegment segment();

        /** Its first bytes, in host memory. */
        void read(MemorySegment to);
    }

    /** The device in words. */
    String description();

    Kernels kernels();

    /**
     * The library for matrix products.
     *
     * @throws adaspec.device.DeviceException where there is none
     */
    Gemm gemm();

    /** Rows of a square product that is large for this machine. */
    int largeProduct();

    Memory newMemory();

    /** Seconds that {@code runs} of {@code work} on end take, from the first's begin to the last's end. */
    double seconds(Runnable work, int runs);

    /** A processor, or memory that one can reach: {@code device} has native operations. */
    static KernelMachine on(Device device) {
        return new HostMachine(device);
    }

    static KernelMachine on(CudaDevice device) {
        return new CudaMachine(device);
    }
}
