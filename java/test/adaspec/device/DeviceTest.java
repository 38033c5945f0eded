package adaspec.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.common.InputException;
import adaspec.ops.CpuOps;
import adaspec.ops.Ops;
import adaspec.ops.ReferenceOps;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceTest {
    /** The processor's device; a build without the native library skips, with {@code -Drequire=native} it fails. */
    static Device cpu(int threads) {
        Assumptions.assumeTrue(TestBackends.all().size() > 1, "this build has no native library");
        return Device.open("cpu", threads);
    }

    @Test
    void theReferenceIsAlwaysThere() {
        try (var device = Device.open("reference", 0)) {
            assertEquals("reference", device.name());
            assertEquals(List.of(), device.notes());
            assertTrue(Ops.on(device) instanceof ReferenceOps);
            assertThrows(IllegalStateException.class, device::kernels);
            assertThrows(IllegalStateException.class, device::gemm);
        }
    }

    /** A session reserves addresses for its steps, and an engine has as many sessions as texts in flight. */
    @Test
    void thousandsOfSessionsFindRoomForTheirSteps() {
        try (var device = cpu(1)) {
            List<Workspace.Allocator> sessions = new ArrayList<>();
            try {
                for (int i = 0; i < 2000; i++) {
                    sessions.add(device.newAllocator());
                    MemorySegment range = sessions.getLast().reserve();
                    Assumptions.assumeTrue(i > 0 || range != null, "this system reserves no addresses");
                    assertNotNull(range, "session " + i);
                }
            } finally {
                sessions.forEach(Workspace.Allocator::close);
            }
            assertEquals(0, device.bytesHeld());
        }
    }

    @Test
    void autoTakesTheProcessorAndSaysNothing() {
        try (var cpu = cpu(0);
                var auto = Device.open("auto", 2)) {
            assertEquals("cpu", auto.name());
            assertEquals(List.of(), auto.notes());
            assertEquals(2, auto.threads());
            assertEquals(Runtime.getRuntime().availableProcessors(), cpu.threads());
            assertTrue(Ops.on(auto) instanceof CpuOps);
            assertTrue(auto.describe().matches("cpu (avx512|avx2|baseline), 2 threads, oneDNN \\d+\\.\\d+\\.\\d+"), auto.describe());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "cuda   | 0  | --device cuda: on a GPU this version runs single operations (bench kernels) and no models yet; use --device cpu",
        "cuda:3 | 0  | --device cuda:3: on a GPU this version runs single operations (bench kernels) and no models yet; use --device cpu",
        "tpu    | 0  | --device tpu is unknown; auto, cpu, cuda[:N] or reference was expected",
        "auto   | -1 | --threads -1 is out of range; 1 or more was expected",
    })
    void whatIsMissingOrUnknownIsAnErrorAndNeverAFallBack(String requested, int threads, String sentence) {
        InputException e = assertThrows(InputException.class, () -> Device.open(requested, threads));
        assertEquals(sentence, e.getMessage());
    }

    @Test
    void memoryIsAlignedZeroedAndMayBeClosedByAnotherThreadTwice() throws InterruptedException {
        try (var device = Device.open("reference", 1)) {
            Workspace.Allocator memory = device.newAllocator();
            MemorySegment first = memory.allocate(100);
            MemorySegment second = memory.allocate(1);
            assertEquals(0, first.address() % 64);
            assertEquals(0, second.address() % 64);
            assertEquals(-1, first.mismatch(Arena.ofAuto().allocate(100)));
            var thread = new Thread(memory::close);
            thread.start();
            thread.join();
            memory.close();
            assertThrows(IllegalStateException.class, () -> first.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0));
        }
    }

    /** Two OpenMP libraries in a process would each keep a team of threads that fight for the cores. */
    @Test
    void oneDnnAndOurLibraryShareOneOpenMp() throws IOException {
        try (var device = cpu(2);
                var arena = Arena.ofConfined()) {
            product(device.gemm(), arena, 64, 64, 64, false, true, 0);
            var libraries = new TreeSet<String>();
            for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
                if (line.matches(".*/lib(gomp|omp|iomp5)[^/]*\\.so[^/]*")) {
                    libraries.add(line.substring(line.indexOf('/')));
                }
            }
            assertEquals(1, libraries.size(), libraries.toString());
        }
    }

    @Test
    void aNativeRefusalBecomesAnExceptionWithTheNativeSentence() {
        try (var device = cpu(1);
                var arena = Arena.ofConfined()) {
            MemorySegment x = arena.allocate(16);
            var e = assertThrows(IllegalArgumentException.class, () -> device.kernels().add(x, x, x, -1));
            assertEquals("add: negative size -1", e.getMessage());
            assertThrows(IllegalArgumentException.class, () -> device.kernels().setThreads(0));
        }
    }

    @Test
    void memoryOfTheJavaHeapIsRefusedWithASentence() {
        try (var device = cpu(1)) {
            Tensor heap = Tensor.ofFloats(new float[4], 4);
            var e = assertThrows(IllegalArgumentException.class, () -> Ops.on(device).add(heap, heap, heap));
            assertTrue(e.getMessage().startsWith("add: ") && e.getMessage().contains("Java heap"), e.getMessage());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void productsOfOddShapesTransposedAndStrided(int threads) {
        try (var device = cpu(threads);
                var arena = Arena.ofConfined()) {
            for (int[] s : new int[][] {{1, 1, 1}, {3, 5, 7}, {1, 33, 17}, {31, 1, 65}, {64, 48, 32}, {2, 3, 0}}) {
                for (int form = 0; form < 8; form++) {
                    product(device.gemm(), arena, s[0], s[1], s[2], (form & 1) != 0, (form & 2) != 0, form >> 2);
                }
            }
            device.gemm().multiply(DType.F32, false, false, 0, 5, 5, MemorySegment.NULL, 5, MemorySegment.NULL, 5, 0, MemorySegment.NULL, 5);
        }
    }

    private static void product(Gemm gemm, Arena arena, int m, int n, int k, boolean transposeA, boolean transposeB, int beta) {
        var random = new java.util.SplittableRandom(m * 100 + n * 10 + k);
        int lda = (transposeA ? m : k) + 2;
        int ldb = (transposeB ? k : n) + 1;
        int ldc = n + 3;
        float[] a = floats(random, (transposeA ? k : m) * lda);
        float[] b = floats(random, (transposeB ? n : k) * ldb);
        MemorySegment c = arena.allocate(4L * m * ldc, 64);
        for (int i = 0; i < m * ldc; i++) {
            // What beta 0 overwrites need not hold numbers; what lies between the rows stays.
            c.setAtIndex(JAVA_FLOAT, i, i % ldc >= n ? 7 : beta == 0 ? Float.NaN : i);
        }
        gemm.multiply(DType.F32, transposeA, transposeB, m, n, k, copy(arena, a), lda, copy(arena, b), ldb, beta, c, ldc);
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < ldc; j++) {
                double want = j >= n ? 7 : beta * (i * ldc + j);
                for (int l = 0; l < k && j < n; l++) {
                    want += (double) a[transposeA ? l * lda + i : i * lda + l] * b[transposeB ? j * ldb + l : l * ldb + j];
                }
                // Terms in [0, 1): k roundings of a sum below k.
                assertEquals(want, c.getAtIndex(JAVA_FLOAT, i * ldc + j), 6e-8 * (k * k + want), "(" + i + ", " + j + ")");
            }
        }
    }

    private static MemorySegment copy(Arena arena, float[] values) {
        MemorySegment segment = arena.allocate(Math.max(4L * values.length, 4), 64);
        MemorySegment.copy(values, 0, segment, JAVA_FLOAT, 0, values.length);
        return segment;
    }

    private static float[] floats(java.util.SplittableRandom random, int n) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = (float) random.nextDouble();
        }
        return values;
    }
}
