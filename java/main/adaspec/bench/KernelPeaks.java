package adaspec.bench;

import adaspec.device.DeviceException;
import adaspec.device.Gemm;
import adaspec.device.Kernels;
import adaspec.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/**
 * What a machine can do at best, measured by the simplest operations on memory that no cache holds.
 *
 * @param readBytes      a second, of reading: the faster of one row by a matrix and a sum of squares
 * @param copyBytes      a second, read and written together, of a sum of a vector with itself
 * @param f32Operations  a second, multiplications and additions, of a large square product of f32; NaN where there is no library for products
 */
record KernelPeaks(double readBytes, double copyBytes, double f32Operations) {
    private static final long COLUMNS = 4096;
    /** f32 of four of them is about 0.0115. */
    private static final byte BYTE = 0x3c;

    /**
     * Measures them.
     *
     * @param bytes    of the memory that is read
     * @param seconds  of repetitions for each, of which the best counts
     * @param progress told what cannot be measured
     */
    static KernelPeaks measure(KernelMachine machine, long bytes, double seconds, Consumer<String> progress) {
        Kernels kernels = machine.kernels();
        long n = bytes / Float.BYTES / COLUMNS * COLUMNS;
        double passSeconds;
        double copySeconds;
        try (var memory = machine.newMemory()) {
            MemorySegment x = filled(memory, n * Float.BYTES);
            MemorySegment out = filled(memory, n * Float.BYTES);
            MemorySegment sum = filled(memory, Double.BYTES);
            MemorySegment row = filled(memory, COLUMNS * Float.BYTES);
            long rows = n / COLUMNS;
            Runnable pass = () -> kernels.linearRows(
                    out, rows, row, COLUMNS, x, DType.F32.code(), COLUMNS, MemorySegment.NULL, 1, rows, COLUMNS);
            passSeconds = Math.min(best(machine, pass, seconds), best(machine, () -> kernels.sumOfSquares(sum, x, n), seconds));
            copySeconds = best(machine, () -> kernels.add(out, x, x, n), seconds);
        }
        double read = n * (double) Float.BYTES;
        try {
            Gemm gemm = machine.gemm();
            return new KernelPeaks(read / passSeconds, 2 * read / copySeconds, product(machine, gemm, seconds));
        } catch (DeviceException e) {
            progress.accept("no bound of arithmetic: " + e.getMessage());
            return new KernelPeaks(read / passSeconds, 2 * read / copySeconds, Double.NaN);
        }
    }

    /** The higher of each. */
    KernelPeaks best(KernelPeaks other) {
        return new KernelPeaks(
                Math.max(readBytes, other.readBytes), Math.max(copyBytes, other.copyBytes), Math.max(f32Operations, other.f32Operations));
    }

    private static double product(KernelMachine machine, Gemm gemm, double seconds) {
        long n = machine.largeProduct();
        try (var memory = machine.newMemory()) {
            MemorySegment a = filled(memory, n * n * Float.BYTES);
            MemorySegment b = filled(memory, n * n * Float.BYTES);
            MemorySegment c = filled(memory, n * n * Float.BYTES);
            return 2.0 * n * n * n / best(machine, () -> gemm.multiply(DType.F32, false, true, n, n, n, a, n, b, n, 0, c, n), seconds);
        }
    }

    private static MemorySegment filled(KernelMachine.Memory memory, long bytes) {
        return memory.filled(bytes, host -> host.fill(BYTE)).segment();
    }

    private static double best(KernelMachine machine, Runnable work, double seconds) {
        machine.seconds(work, 1);
        double best = Double.POSITIVE_INFINITY;
        long begin = System.nanoTime();
        do {
            best = Math.min(best, machine.seconds(work, 1));
        } while ((System.nanoTime() - begin) * 1e-9 < seconds);
        return best;
    }
}
