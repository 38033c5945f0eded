package adaspec.device;

import java.lang.foreign.MemorySegment;

/** Matrix products on row-major matrices, accumulated in f32. */
public interface Gemm extends AutoCloseable {
    /**
     * c (m, n) = a (m, k) b (k, n) + beta c, with a or b read transposed where told.
     *
     * @param transposeA a lies in memory as (k, m)
     * @param transposeB b lies in memory as (n, k)
     * @param lda elements from one row of a, as it lies in memory, to the next; likewise ldb and ldc
     * @param beta 0: c is overwritten and need not hold numbers
     */
    void multiply(
            boolean transposeA,
            boolean transposeB,
            long m,
            long n,
            long k,
            MemorySegment a,
            long lda,
            MemorySegment b,
            long ldb,
            float beta,
            MemorySegment c,
            long ldc);

    /** As {@link #multiply} with a and b in bf16: products of bf16 numbers are exact in f32. Fails where {@link #multipliesBf16} is false. */
    void multiplyBf16(
            boolean transposeA,
            boolean transposeB,
            long m,
            long n,
            long k,
            MemorySegment a,
            long lda,
            MemorySegment b,
            long ldb,
            float beta,
            MemorySegment c,
            long ldc);

    /** Whether the library has bf16 products on this processor. */
    boolean multipliesBf16();

    /** The library and its version. */
    String describe();

    /** Gives back what the library holds for this device, if anything. Closing twice is calm. */
    @Override
    default void close() {}
}
