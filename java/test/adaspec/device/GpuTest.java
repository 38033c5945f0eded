package adaspec.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestData;
import adaspec.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** On a GPU, where there is one: {@code -Drequire=gpu} fails without. */
class GpuTest {
    private static final int N = 1000;

    private static CudaDevice open() {
        try {
            return CudaDevice.open(0);
        } catch (CudaDevice.Unusable e) {
            TestData.skip("gpu", e.reason());
            throw e;
        }
    }

    private static MemorySegment numbers(Arena arena, int count, long seed) {
        var random = new SplittableRandom(seed);
        MemorySegment segment = arena.allocate(JAVA_FLOAT, count);
        for (int i = 0; i < count; i++) {
            // What bf16 holds exactly.
            segment.setAtIndex(JAVA_FLOAT, i, random.nextInt(-128, 128) / 64f);
        }
        return segment;
    }

    private static CudaBuffer copied(CudaDevice device, MemorySegment host) {
        CudaBuffer buffer = device.allocate(host.byteSize());
        buffer.copyIn(0, host);
        return buffer;
    }

    @Test
    void theSameOperationGivesWhatTheProcessorGives() {
        try (var device = open();
                var arena = Arena.ofConfined();
                var cpu = DeviceTest.cpu(1)) {
            MemorySegment x = numbers(arena, N, 1);
            MemorySegment want = arena.allocate(JAVA_FLOAT, N);
            cpu.kernels().geluForward(want, x, true, N);
            CudaBuffer onGpu = copied(device, x);
            device.kernels().geluForward(onGpu.start(), onGpu.start(), true, N);
            MemorySegment got = arena.allocate(JAVA_FLOAT, N);
            onGpu.copyOut(got, 0);
            for (int i = 0; i < N; i++) {
                assertEquals(want.getAtIndex(JAVA_FLOAT, i), got.getAtIndex(JAVA_FLOAT, i), 2e-6f);
            }
            onGpu.zero();
            onGpu.copyOut(got, 0);
            assertArrayEquals(new float[N], got.toArray(JAVA_FLOAT));
        }
    }

    /** Another thread has no current device of its own. */
    @Test
    void aSecondThreadWorksOnTheSameDevice() throws InterruptedException {
        try (var device = open();
                var arena = Arena.ofShared()) {
            CudaBuffer x = copied(device, numbers(arena, N, 1));
            MemorySegment got = arena.allocate(JAVA_FLOAT, N);
            var thread = new Thread(() -> {
                device.kernels().add(x.start(), x.start(), x.start(), N);
                x.copyOut(got, 0);
            });
            thread.start();
            thread.join();
            assertEquals(2 * numbers(arena, N, 1).getAtIndex(JAVA_FLOAT, N - 1), got.getAtIndex(JAVA_FLOAT, N - 1));
        }
    }

    @Test
    void productsAreThoseOfRows() {
        try (var device = open();
                var arena = Arena.ofConfined()) {
            int m = 33;
            int n = 65;
            int k = 130;
            MemorySegment a = numbers(arena, m * k, 1);
            MemorySegment b = numbers(arena, n * k, 2);
            CudaBuffer c = device.allocate(4L * m * n);
            MemorySegment got = arena.allocate(JAVA_FLOAT, (long) m * n);
            device.gemm().multiply(DType.F32, false, true, m, n, k, copied(device, a).start(), k, copied(device, b).start(), k, 0, c.start(), n);
            c.copyOut(got, 0);
            check(a, b, got, m, n, k);
            MemorySegment first = arena.allocate(JAVA_FLOAT, (long) m * n).copyFrom(got);
            device.gemm().multiply(
                    DType.BF16, false, true, m, n, k, copied(device, halves(arena, a)).start(), k, copied(device, halves(arena, b)).start(), k, 0,
                    c.start(), n);
            c.copyOut(got, 0);
            check(a, b, got, m, n, k);
            device.gemm().multiply(DType.F32, false, true, m, n, k, copied(device, a).start(), k, copied(device, b).start(), k, 0, c.start(), n);
            c.copyOut(got, 0);
            assertEquals(-1, first.mismatch(got), "equal products differ");
        }
    }

    /** TF32 would drop the last bits of 1 + 2^-20. */
    @Test
    void f32IsMultipliedAsF32() {
        int n = 256;
        float value = 1 + 0x1p-20f;
        try (var device = open();
                var arena = Arena.ofConfined()) {
            MemorySegment a = arena.allocate(JAVA_FLOAT, (long) n * n);
            MemorySegment identity = arena.allocate(JAVA_FLOAT, (long) n * n);
            for (int i = 0; i < n * n; i++) {
                a.setAtIndex(JAVA_FLOAT, i, value);
                identity.setAtIndex(JAVA_FLOAT, i, i % n == i / n ? 1 : 0);
            }
            CudaBuffer c = device.allocate(4L * n * n);
            device.gemm().multiply(DType.F32, false, false, n, n, n, copied(device, a).start(), n, copied(device, identity).start(), n, 0, c.start(), n);
            MemorySegment got = arena.allocate(JAVA_FLOAT, (long) n * n);
            c.copyOut(got, 0);
            assertEquals(-1, a.mismatch(got));
        }
    }

    private static MemorySegment halves(Arena arena, MemorySegment floats) {
        int count = (int) (floats.byteSize() / Float.BYTES);
        MemorySegment segment = arena.allocate(JAVA_SHORT, count);
        for (int i = 0; i < count; i++) {
            segment.setAtIndex(JAVA_SHORT, i, (short) (Float.floatToIntBits(floats.getAtIndex(JAVA_FLOAT, i)) >>> 16));
        }
        return segment;
    }

    /** Numbers of 8 bits and sums of a few hundred products of them are exact in f32. */
    private static void check(MemorySegment a, MemorySegment b, MemorySegment c, int m, int n, int k) {
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                double want = 0;
                for (int l = 0; l < k; l++) {
                    want += (double) a.getAtIndex(JAVA_FLOAT, (long) i * k + l) * b.getAtIndex(JAVA_FLOAT, (long) j * k + l);
                }
                assertEquals(want, c.getAtIndex(JAVA_FLOAT, (long) i * n + j), "(" + i + ", " + j + ")");
            }
        }
    }

    @Test
    void timeIsTheDevicesAndNoRoomIsASentence() {
        try (var device = open();
                CudaTimer timer = device.newTimer()) {
            long bytes = 1L << 30;
            CudaBuffer large = device.allocate(bytes);
            large.zero();
            timer.start();
            device.kernels().add(large.start(), large.start(), large.start(), bytes / Float.BYTES);
            timer.stop();
            // Two GB are read and written: no GPU moves them in a tenth of a millisecond, and none needs a second.
            double seconds = timer.seconds();
            assertTrue(seconds > 1e-4 && seconds < 1, seconds + " s");
            DeviceException e = assertThrows(DeviceException.class, () -> device.allocate(1L << 50));
            assertTrue(e.getMessage().contains("has no room for"), e.getMessage());
            large.zero();
        }
    }
}
