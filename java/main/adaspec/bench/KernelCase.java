package adaspec.bench;

import adaspec.device.Kernels;

/**
 * One operation at one shape, and what bounds it.
 *
 * @param name       of the operation, with its variant
 * @param shape      in words
 * @param read       bytes that it must read at least once
 * @param written    bytes that it must write
 * @param operations multiplications and additions, one each, where they may take longer than the bytes; else 0
 */
record KernelCase(String name, String shape, double read, double written, double operations, Preparation preparation) {
    /** Makes operands in {@code memory}. */
    interface Preparation {
        Work prepare(Kernels kernels, KernelMachine.Memory memory);
    }

    /**
     * An operation with its operands; it may run any number of times.
     *
     * @param result what it computes
     * @param words  how many 32-bit words of the result must not all be 0
     * @param floats whether they are f32 and must all be finite
     */
    record Work(Runnable run, KernelMachine.Operand result, int words, boolean floats) {}

    double bytes() {
        return read + written;
    }

    /** Whether arithmetic takes longer than memory at these rates. */
    boolean isBoundByArithmetic(KernelPeaks peaks) {
        return operationSeconds(peaks) > byteSeconds(peaks);
    }

    /** The least time at these rates. */
    double floorSeconds(KernelPeaks peaks) {
        return isBoundByArithmetic(peaks) ? operationSeconds(peaks) : byteSeconds(peaks);
    }

    private double operationSeconds(KernelPeaks peaks) {
        // Without a known peak there is no bound.
        return operations == 0 || Double.isNaN(peaks.f32Operations()) ? 0 : operations / peaks.f32Operations();
    }

    /** What is read beside what is written goes at the rate of a copy, the rest at that of reading. */
    private double byteSeconds(KernelPeaks peaks) {
        double copied = Math.min(bytes(), 2 * written);
        return copied / peaks.copyBytes() + (bytes() - copied) / peaks.readBytes();
    }
}
