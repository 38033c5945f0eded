package adaspec.device;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import adaspec.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/**
 * oneDNN's {@code dnnl_sgemm} and {@code dnnl_gemm_bf16bf16f32}. The second is exported but not in its public header; the version is pinned, and its
 * primitives, the public way, take twice as long on small matrices.
 */
final class OneDnnGemm implements Gemm {
    private static final byte NO = 'N';
    private static final byte YES = 'T';

    private final MethodHandle sgemm;
    private final MethodHandle bf16Gemm;
    private final MethodHandle setThreads;
    private final int threads;
    private final MappedFiles files;
    private final String version;
    private final boolean multipliesBf16;

    /**
     * @param openMp the libgomp that oneDNN itself uses: its number of threads belongs to the calling thread, so it is set before each product
     */
    OneDnnGemm(SymbolLookup oneDnn, SymbolLookup openMp, int threads, MappedFiles files) {
        var type = FunctionDescriptor.of(
                JAVA_INT, JAVA_BYTE, JAVA_BYTE, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_FLOAT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_FLOAT,
                ADDRESS, JAVA_LONG);
        sgemm = bind(oneDnn, "dnnl_sgemm", type);
        bf16Gemm = bind(oneDnn, "dnnl_gemm_bf16bf16f32", type);
        setThreads = bind(openMp, "omp_set_num_threads", FunctionDescriptor.ofVoid(JAVA_INT));
        this.threads = threads;
        this.files = files;
        this.version = version(bind(oneDnn, "dnnl_version", FunctionDescriptor.of(ADDRESS)));
        this.multipliesBf16 = hasAvx512(bind(oneDnn, "dnnl_get_effective_cpu_isa", FunctionDescriptor.of(JAVA_INT))) && tryBf16();
    }

    private static MethodHandle bind(SymbolLookup library, String name, FunctionDescriptor type) {
        MemorySegment symbol = library.find(name).orElseThrow(() -> new LinkageError("the native library lacks " + name));
        return Linker.nativeLinker().downcallHandle(symbol, type);
    }

    /** dnnl_version_t begins with three i32: major, minor, patch. */
    private static String version(MethodHandle function) {
        try {
            MemorySegment numbers = ((MemorySegment) function.invokeExact()).reinterpret(3L * Integer.BYTES);
            return numbers.getAtIndex(JAVA_INT, 0) + "." + numbers.getAtIndex(JAVA_INT, 1) + "." + numbers.getAtIndex(JAVA_INT, 2);
        } catch (Throwable e) {
            throw new IllegalStateException("dnnl_version failed", e);
        }
    }

    @Override
    public boolean multipliesBf16() {
        return multipliesBf16;
    }

    /** dnnl_cpu_isa_t is a set of bits. Without AVX-512 a bf16 product is plain loops, a hundred times slower than one in f32. */
    private static boolean hasAvx512(MethodHandle instructions) {
        try {
            return ((int) instructions.invokeExact() & 0x20) != 0;
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("dnnl_get_effective_cpu_isa threw", e);
        }
    }

    /** The library answers "unimplemented" where the processor lacks what its bf16 product needs (AVX-512). */
    private boolean tryBf16() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment one = arena.allocateFrom(JAVA_SHORT, (short) 0x3f80);
            MemorySegment result = arena.allocate(JAVA_FLOAT);
            multiply(DType.BF16, false, false, 1, 1, 1, one, 1, one, 1, 0, result, 1);
            return result.get(JAVA_FLOAT, 0) == 1;
        } catch (DeviceException e) {
            return false;
        }
    }

    @Override
    public void multiply(
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
        MethodHandle function = switch (type) {
            case F32 -> sgemm;
            case BF16 -> bf16Gemm;
            default -> throw new IllegalArgumentException("products of " + type + "; F32 or BF16 was expected");
        };
        if (m == 0 || n == 0) {
            return;
        }
        if (k == 0) {
            // oneDNN leaves c as it is, whatever beta says.
            scale(m, n, beta, c, ldc);
            return;
        }
        String name = type == DType.F32 ? "dnnl_sgemm" : "dnnl_gemm_bf16bf16f32";
        int status;
        try {
            setThreads.invokeExact(threads);
            status = (int) function.invokeExact(transposeA ? YES : NO, transposeB ? YES : NO, m, n, k, 1f, a, lda, b, ldb, beta, c, ldc);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(name + " threw", e);
        }
        files.requireWhole();
        if (status != 0) {
            throw new DeviceException(name + " failed with status " + status + " for (" + m + ", " + k + ") x (" + k + ", " + n
                    + ") with row strides " + lda + ", " + ldb + ", " + ldc);
        }
    }

    private static void scale(long m, long n, float beta, MemorySegment c, long ldc) {
        for (long i = 0; i < m; i++) {
            for (long j = i * ldc; j < i * ldc + n; j++) {
                c.setAtIndex(JAVA_FLOAT, j, beta == 0 ? 0 : beta * c.getAtIndex(JAVA_FLOAT, j));
            }
        }
    }

    @Override
    public String describe() {
        return "oneDNN " + version;
    }
}
