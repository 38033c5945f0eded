package adaspec.device;

import adaspec.tensor.DType;
import java.lang.foreign.MemorySegment;

/** Matrix products on row-major matrices, accumulated in f32. */
public interface Gemm extends AutoCloseable {
    /**
     * c (m, n) = a (m, k) b (k, n) + beta c, with a or b read transposed where told.
     *
     * @param type of a and b: F32, or BF16, whose products are exact in f32, where {@link #multipliesBf16}; c is f32
     * @param transposeA a lies in memory as (k, m)
     * @param transposeB b lies in memory as (n, k)
     * @param lda elements from one row of a, as it lies in memory, to the next; likewise ldb and ldc
     * @param beta 0: c is overwritten and need not hold numbers
     */
    void multiply(
            DType type,
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
