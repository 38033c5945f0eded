package adaspec.device;

import adaspec.tensor.DType;
import java.lang.foreign.MemorySegment;
import jcuda.Pointer;
import jcuda.cudaDataType;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasComputeType;
import jcuda.jcublas.cublasGemmAlgo;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasMath;
import jcuda.jcublas.cublasOperation;
import jcuda.jcublas.cublasStatus;

/**
 * cuBLAS by JCublas2, on a device's stream. Plain f32 for f32 (no TF32), bf16 products summed in f32 all the way; the workspace is this object's own
 * and of one size, and one stream uses it, so that equal calls give equal bits.
 */
final class CublasGemm implements Gemm {
    /** What cuBLAS itself takes on Hopper; more brings nothing. */
    private static final long WORKSPACE_BYTES = 32L << 20;

    /** The default mode, without TF32; and partial sums of bf16 products stay f32. */
    private static final int MATH_MODE = cublasMath.CUBLAS_DEFAULT_MATH | cublasMath.CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;

    private final CudaDevice device;
    private final CublasLibrary library;
    private final cublasHandle handle = new cublasHandle();
    private final CudaBuffer workspace;
    private boolean closed;

    /** @throws DeviceException if cuBLAS refuses the device */
    CublasGemm(CublasLibrary library, CudaDevice device) {
        this.library = library;
        this.device = device;
        device.use();
        workspace = device.allocate(WORKSPACE_BYTES);
        try {
            check(JCublas2.cublasCreate(handle), "cublasCreate");
            // The workspace after the stream, which would take it away.
            check(JCublas2.cublasSetStream(handle, device.stream()), "cublasSetStream");
            check(JCublas2.cublasSetWorkspace(handle, pointer(workspace.start()), WORKSPACE_BYTES), "cublasSetWorkspace");
            check(JCublas2.cublasSetMathMode(handle, MATH_MODE), "cublasSetMathMode");
        } catch (DeviceException e) {
            workspace.close();
            throw e;
        }
    }

    private void check(int status, String call) {
        if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
            throw new DeviceException(call + " failed with " + cublasStatus.stringFor(status) + " (" + status + "), " + library.describe());
        }
    }

    private static Pointer pointer(MemorySegment segment) {
        return new JCudaRuntime.Address(segment.address());
    }

    @Override
    public boolean multipliesBf16() {
        return true;
    }

    /**
     * cuBLAS reads columns where we have rows: it sees the transpose of each matrix, and c^T (n, m) = b^T a^T. So the factors change places, and an
     * operand that we read as it lies is one that it reads as it lies.
     */
    @Override
    public synchronized void multiply(
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
            long ldc) {
        int factors = switch (type) {
            case F32 -> cudaDataType.CUDA_R_32F;
            case BF16 -> cudaDataType.CUDA_R_16BF;
            default -> throw new IllegalArgumentException("products of " + type + "; F32 or BF16 was expected");
        };
        if (m == 0 || n == 0) {
            return;
        }
        if (closed) {
            throw new IllegalStateException("the device is closed");
        }
        device.use();
        // The "new" one: JCublas2 12.6 lacks the native code of its cublasGemmEx, and the 64-bit form knows no limit of extents.
        int status = JCublas2.cublasGemmEx_64_new(
                handle, operation(transposeB), operation(transposeA), n, m, k, Pointer.to(new float[] {1}), pointer(b), factors, ldb, pointer(a), factors,
                lda, Pointer.to(new float[] {beta}), pointer(c), cudaDataType.CUDA_R_32F, ldc, cublasComputeType.CUBLAS_COMPUTE_32F,
                cublasGemmAlgo.CUBLAS_GEMM_DEFAULT);
        check(status, "cublasGemmEx of (" + m + ", " + k + ") x (" + k + ", " + n + ") with row strides " + lda + ", " + ldb + ", " + ldc);
    }

    private static int operation(boolean transpose) {
        return transpose ? cublasOperation.CUBLAS_OP_T : cublasOperation.CUBLAS_OP_N;
    }

    @Override
    public String describe() {
        return library.describe();
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            device.use();
            check(JCublas2.cublasDestroy(handle), "cublasDestroy");
            workspace.close();
        }
    }
}
