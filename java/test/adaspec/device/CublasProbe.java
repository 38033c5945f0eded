package adaspec.device;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import adaspec.tensor.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import jcuda.Pointer;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;

/** A process of its own for {@link CublasGemmTest}, since what the loader has taken stays: finds cuBLAS, multiplies, and prints what happened. */
final class CublasProbe {
    private static final long CAPACITY = 1L << 30;

    private CublasProbe() {}

    public static void main(String[] arguments) throws Throwable {
        if (arguments[0].equals("survey")) {
            CudaDevice.survey().forEach(System.out::println);
            System.out.println(System.getProperty("java.io.tmpdir"));
            return;
        }
        var runtime = new HostCudaRuntime(1, CAPACITY);
        Path folder = NativeLibraries.load().folder();
        try (var device = new CudaDevice(
                runtime, 0, TestCuda.emulatedKernels(), opened -> new CublasGemm(CublasLibrary.load(folder), opened))) {
            Gemm gemm = device.gemm();
            System.out.println(gemm.describe());
            System.out.println("held " + device.bytesHeld());
            System.out.println("worst error in units of rounding " + Math.max(worst(gemm, false), worst(gemm, true)));
            System.out.println("missing function: " + (gemm.describe().contains("forwarding") ? missing() : "not asked"));
            try {
                gemm.multiply(DType.F32, false, false, 2, 2, 2, MemorySegment.NULL, 1, MemorySegment.NULL, 1, 0, MemorySegment.NULL, 1);
            } catch (DeviceException e) {
                System.out.println(e.getMessage());
            }
        } catch (DeviceException e) {
            System.out.println("no cuBLAS: " + e.getMessage());
            return;
        }
        System.out.println("not given back: " + runtime.stillHeld());
        System.out.println(calls());
    }

    /** The stand-in has no such function. Without a library between, the loader would end the process. */
    private static int missing() {
        var none = new JCudaRuntime.Address(0);
        return JCublas2.cublasSgemm(
                new cublasHandle(), 0, 0, 1, 1, 1, Pointer.to(new float[1]), none, 1, none, 1, Pointer.to(new float[1]), none, 1);
    }

    /** All transposes, extents that differ, rows with room between them, with and without what was there. */
    private static double worst(Gemm gemm, boolean bf16) {
        double worst = 0;
        for (int kind = 0; kind < 8; kind++) {
            for (int[] extents : new int[][] {{1, 1, 1}, {3, 5, 7}, {8, 2, 9}, {1, 17, 4}}) {
                worst = Math.max(worst, error(gemm, bf16, (kind & 1) != 0, (kind & 2) != 0, (kind & 4) != 0 ? 0.5f : 0, extents));
            }
        }
        return worst;
    }

    private static double error(Gemm gemm, boolean bf16, boolean transposeA, boolean transposeB, float beta, int[] extents) {
        int m = extents[0];
        int n = extents[1];
        int k = extents[2];
        int lda = (transposeA ? m : k) + 2;
        int ldb = (transposeB ? k : n) + 1;
        int ldc = n + 3;
        var random = new SplittableRandom(m + 10 * n + 100 * k);
        try (var arena = Arena.ofConfined()) {
            float[] a = numbers(random, (transposeA ? k : m) * lda);
            float[] b = numbers(random, (transposeB ? n : k) * ldb);
            MemorySegment c = arena.allocate(JAVA_FLOAT, (long) m * ldc);
            for (int i = 0; i < m * ldc; i++) {
                c.setAtIndex(JAVA_FLOAT, i, i % ldc >= n ? 7 : beta == 0 ? Float.NaN : i);
            }
            if (bf16) {
                gemm.multiply(DType.BF16, transposeA, transposeB, m, n, k, halves(arena, a), lda, halves(arena, b), ldb, beta, c, ldc);
            } else {
                gemm.multiply(
                        DType.F32, transposeA, transposeB, m, n, k, arena.allocateFrom(JAVA_FLOAT, a), lda,
                        arena.allocateFrom(JAVA_FLOAT, b), ldb, beta, c, ldc);
            }
            double worst = 0;
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < ldc; j++) {
                    double want = j >= n ? 7 : beta == 0 ? 0 : beta * (i * ldc + j);
                    for (int l = 0; l < k && j < n; l++) {
                        want += (double) a[transposeA ? l * lda + i : i * lda + l] * b[transposeB ? j * ldb + l : l * ldb + j];
                    }
                    double got = c.getAtIndex(JAVA_FLOAT, (long) i * ldc + j);
                    // Not a number is as wrong as can be.
                    double error = Math.abs(got - want) / Math.ulp((float) (Math.abs(want) + k));
                    worst = Double.isNaN(error) ? Double.POSITIVE_INFINITY : Math.max(worst, error);
                }
            }
            return worst;
        }
    }

    /** Numbers that bf16 holds exactly. */
    private static float[] numbers(SplittableRandom random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextInt(-128, 128) / 64f;
        }
        return values;
    }

    private static MemorySegment halves(Arena arena, float[] values) {
        MemorySegment segment = arena.allocate(JAVA_SHORT, values.length);
        for (int i = 0; i < values.length; i++) {
            segment.setAtIndex(JAVA_SHORT, i, (short) (Float.floatToIntBits(values[i]) >>> 16));
        }
        return segment;
    }

    /** What the stand-in noted: products once a kind. */
    private static String calls() throws Throwable {
        String loaded = Files.readAllLines(Path.of("/proc/self/maps")).stream()
                .filter(line -> line.contains("/standin/") && line.contains("/libcublas.so."))
                .map(line -> line.substring(line.indexOf('/')))
                .findFirst().orElseThrow(() -> new IOException("no stand-in is loaded"));
        var symbols = SymbolLookup.libraryLookup(Path.of(loaded), Arena.global());
        var function = Linker.nativeLinker().downcallHandle(symbols.find("standin_calls").orElseThrow(), FunctionDescriptor.of(ADDRESS));
        return ((MemorySegment) function.invokeExact()).reinterpret(Long.MAX_VALUE).getString(0);
    }
}
