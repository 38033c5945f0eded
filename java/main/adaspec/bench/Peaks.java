package adaspec.bench;

import adaspec.ops.Ops;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;

/**
 * What a device can do, measured: the most that a share can be of.
 *
 * @param f32Operations  a second, multiplications and additions each, in a product of two 1024 x 1024 matrices of f32
 * @param bf16Operations the same of bf16
 * @param readBytes      a second, of a pass over {@value #READ_MEBIBYTES} MiB that nothing holds in a cache
 */
public record Peaks(double f32Operations, double bf16Operations, double readBytes) {
    private static final int EXTENT = 1024;
    private static final int READ_MEBIBYTES = 256;
    private static final long READ_COLUMNS = 4096;
    private static final double SECONDS = 0.5;

    /** The best of half a second of repetitions each; {@code memory} lends a quarter of a gibibyte. */
    public static Peaks measure(Ops ops, Workspace.Allocator memory) {
        double operations = 2.0 * EXTENT * EXTENT * EXTENT;
        return new Peaks(
                operations / product(ops, DType.F32, memory), operations / product(ops, DType.BF16, memory),
                (READ_MEBIBYTES << 20) / reading(ops, memory));
    }

    /** The higher of each. */
    public Peaks best(Peaks other) {
        return new Peaks(
                Math.max(f32Operations, other.f32Operations), Math.max(bf16Operations, other.bf16Operations), Math.max(readBytes, other.readBytes));
    }

    /** The rate of products with operands of {@code type}. */
    public double operations(DType type) {
        return type == DType.BF16 ? bf16Operations : f32Operations;
    }

    private static double product(Ops ops, DType type, Workspace.Allocator memory) {
        Tensor a = filled(type, memory, EXTENT, EXTENT);
        Tensor b = filled(type, memory, EXTENT, EXTENT);
        Tensor c = filled(DType.F32, memory, EXTENT, EXTENT);
        return best(() -> ops.linear(c, a, b, null));
    }

    private static double reading(Ops ops, Workspace.Allocator memory) {
        return best(pass(ops, memory));
    }

    /**
     * Bytes a second of {@code seconds} of reading on end: what reading something else that long can be compared with. A pass of a few milliseconds may be
     * half as fast again on a machine that others share.
     */
    static double sustainedReading(Ops ops, Workspace.Allocator memory, double seconds) {
        Runnable pass = pass(ops, memory);
        pass.run();
        long begin = System.nanoTime();
        int passes = 0;
        double taken;
        do {
            pass.run();
            passes++;
            taken = (System.nanoTime() - begin) * 1e-9;
        } while (taken < seconds);
        return passes * (double) (READ_MEBIBYTES << 20) / taken;
    }

    /** One row by a matrix, as decoding has it: nothing but reading the matrix takes time. */
    private static Runnable pass(Ops ops, Workspace.Allocator memory) {
        Tensor matrix = filled(DType.F32, memory, (READ_MEBIBYTES << 20) / (READ_COLUMNS * DType.F32.bytes()), READ_COLUMNS);
        Tensor row = filled(DType.F32, memory, 1, READ_COLUMNS);
        Tensor out = filled(DType.F32, memory, 1, matrix.rows());
        return () -> ops.linearRows(out, row, matrix, null);
    }

    /** Written to, since pages that never were are all the same one. */
    private static Tensor filled(DType type, Workspace.Allocator memory, long... shape) {
        long elements = 1;
        for (long extent : shape) {
            elements *= extent;
        }
        Tensor tensor = Tensor.of(memory.allocate(elements * type.bytes()), type, shape);
        // 0x3c3c as bf16 and 0x3c3c3c3c as f32 are both about 0.0115.
        tensor.segment().fill((byte) 0x3c);
        return tensor;
    }

    private static double best(Runnable work) {
        double best = Double.POSITIVE_INFINITY;
        long begin = System.nanoTime();
        do {
            long start = System.nanoTime();
            work.run();
            best = Math.min(best, (System.nanoTime() - start) * 1e-9);
        } while ((System.nanoTime() - begin) * 1e-9 < SECONDS);
        return best;
    }
}
