package adaspec.device;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.StandIns;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The CUDA device on the emulated kernels and a runtime that keeps the books: what is asked of CUDA, and that all of it is given back. */
class CudaDeviceTest {
    private static final long CAPACITY = 1 << 20;

    private final HostCudaRuntime runtime = new HostCudaRuntime(2, CAPACITY);

    private CudaDevice open(int index, SymbolLookup library) {
        return new CudaDevice(runtime, index, library, device -> {
            throw new DeviceException("cuBLAS was not found");
        });
    }

    private CudaDevice open(int index) {
        return open(index, TestCuda.emulatedKernels());
    }

    @Test
    void operationsRunOnDeviceMemoryAndAllOfItIsGivenBack() {
        try (var device = open(1);
                var arena = Arena.ofConfined()) {
            assertEquals("cuda:1", device.name());
            assertEquals("cuda:1 Stand-in, cuda emulated, no matrix products: cuBLAS was not found", device.describe());
            assertThrows(DeviceException.class, device::gemm);
            assertEquals(0, device.bytesHeld(), "what the device tried itself with is held");
            CudaBuffer x = device.allocate(40);
            x.copyIn(0, arena.allocateFrom(JAVA_FLOAT, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
            CudaBuffer sum = device.allocate(8);
            assertEquals(48, device.bytesHeld());
            device.kernels().sumOfSquares(sum.start(), x.at(8), 8);
            MemorySegment host = arena.allocate(8);
            sum.copyOut(host, 0);
            assertEquals(3 * 3 + 4 * 4 + 5 * 5 + 6 * 6 + 7 * 7 + 8 * 8 + 9 * 9 + 10 * 10, host.get(java.lang.foreign.ValueLayout.JAVA_DOUBLE, 0));
            sum.close();
            sum.close();
            assertEquals(40, device.bytesHeld());
        }
        assertEquals(0, runtime.stillHeld());
    }

    @Test
    void closingTwiceIsCalmAndGivesBackOnce() {
        CudaDevice device = open(0);
        device.allocate(10);
        device.close();
        runtime.calls();
        device.close();
        assertEquals(List.of(), runtime.calls());
        assertEquals(0, device.bytesHeld());
    }

    @Test
    void copiesReachExactlyTheirPlace() {
        try (var device = open(0);
                var arena = Arena.ofConfined()) {
            CudaBuffer buffer = device.allocate(6);
            buffer.zero();
            buffer.copyIn(2, arena.allocateFrom(JAVA_BYTE, new byte[] {1, 2, 3}));
            MemorySegment all = arena.allocate(6);
            buffer.copyOut(all, 0);
            assertArrayEquals(new byte[] {0, 0, 1, 2, 3, 0}, all.toArray(JAVA_BYTE));
            MemorySegment part = arena.allocate(2);
            buffer.copyOut(part, 3);
            assertArrayEquals(new byte[] {2, 3}, part.toArray(JAVA_BYTE));
            CudaBuffer beginning = device.allocate(4);
            beginning.copyFrom(buffer);
            MemorySegment four = arena.allocate(4);
            beginning.copyOut(four, 0);
            assertArrayEquals(new byte[] {0, 0, 1, 2}, four.toArray(JAVA_BYTE));
        }
    }

    @Test
    void whatLiesOutsideABufferIsRefused() {
        try (var device = open(0);
                var other = open(1);
                var arena = Arena.ofConfined()) {
            CudaBuffer buffer = device.allocate(8);
            MemorySegment four = arena.allocate(4);
            assertThrows(IndexOutOfBoundsException.class, () -> buffer.copyIn(5, four));
            assertThrows(IndexOutOfBoundsException.class, () -> buffer.copyOut(four, -1));
            assertThrows(IndexOutOfBoundsException.class, () -> buffer.at(9));
            assertThrows(IllegalArgumentException.class, () -> buffer.copyIn(0, MemorySegment.ofArray(new byte[4])));
            assertThrows(IllegalArgumentException.class, () -> device.allocate(16).copyFrom(buffer));
            assertThrows(IllegalArgumentException.class, () -> other.allocate(8).copyFrom(buffer));
            assertThrows(IllegalArgumentException.class, () -> device.allocate(0));
            buffer.close();
            assertThrows(IllegalStateException.class, buffer::start);
            assertThrows(IllegalStateException.class, buffer::zero);
        }
    }

    /** A place in device memory that Java could read would be a crash of the process. */
    @Test
    void javaDoesNotReadDeviceMemory() {
        try (var device = open(0)) {
            MemorySegment place = device.allocate(8).start();
            assertThrows(IndexOutOfBoundsException.class, () -> place.get(JAVA_BYTE, 0));
        }
    }

    @Test
    void noRoomIsASentenceWithSizes() {
        try (var device = open(0)) {
            device.allocate(1000);
            DeviceException e = assertThrows(DeviceException.class, () -> device.allocate(CAPACITY));
            assertEquals("cuda:0 has no room for 1048576 bytes: 1047576 of its 1048576 bytes are free, and this process holds 1000", e.getMessage());
            assertEquals(1000, device.bytesHeld());
        }
    }

    @Test
    void aTimerMeasuresBetweenItsTwoPlaces() {
        try (var device = open(0)) {
            runtime.calls();
            try (CudaTimer timer = device.newTimer()) {
                timer.start();
                timer.stop();
                assertEquals(1, timer.seconds());
            }
            assertEquals(List.of("new event", "new event", "record", "record", "seconds", "close event", "close event"), runtime.calls());
        }
        assertEquals(0, runtime.stillHeld());
    }

    /** The current device belongs to a thread: without it, a second thread would put its work on GPU 0. */
    @Test
    void everyThreadWorksOnTheDevice() throws InterruptedException {
        try (var device = open(1)) {
            Kernels kernels = device.kernels();
            Integer[] current = new Integer[2];
            var thread = new Thread(() -> {
                current[0] = runtime.currentDevice();
                kernels.add(MemorySegment.NULL, MemorySegment.NULL, MemorySegment.NULL, 0);
                current[1] = runtime.currentDevice();
            });
            thread.start();
            thread.join();
            assertArrayEquals(new Integer[] {null, 1}, current);
            var second = new Thread(() -> device.allocate(1).zero());
            second.start();
            second.join();
            assertEquals(1, device.bytesHeld(), "a thread that chose no device could not allocate");
        }
    }

    @Test
    void aGpuThatIsNotThereIsNamed() {
        SymbolLookup kernels = TestCuda.emulatedKernels();
        assertEquals("there is no such GPU; there are cuda:0 to cuda:1",
                assertThrows(DeviceException.class, () -> open(2, kernels)).getMessage());
        assertEquals("there is no such GPU; the only one is cuda:0", assertThrows(DeviceException.class,
                () -> new CudaDevice(new HostCudaRuntime(1, CAPACITY), 5, kernels, device -> null)).getMessage());
        assertEquals(List.of("the driver serves CUDA 13.0", "cuda:0 Stand-in, compute capability 9.0, 132 multiprocessors, 0.0 GB",
                "cuda:1 Stand-in, compute capability 9.0, 132 multiprocessors, 0.0 GB"), CudaDevice.survey(runtime));
    }

    private static int refuse(MemorySegment out, MemorySegment a, MemorySegment b, long n, MemorySegment stream) {
        return Abi.DEVICE_ERROR;
    }

    private static int computeNothing(MemorySegment out, MemorySegment a, MemorySegment b, long n, MemorySegment stream) {
        return Abi.OK;
    }

    private static SymbolLookup withAdd(String method, Arena arena) throws ReflectiveOperationException {
        var type = FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS);
        MethodHandle handle = MethodHandles.lookup().findStatic(CudaDeviceTest.class, method, type.toMethodType());
        MemorySegment stub = Linker.nativeLinker().upcallStub(handle, type, arena);
        SymbolLookup rest = TestCuda.emulatedKernels();
        return name -> name.equals("adaspec_add") ? Optional.of(stub) : rest.find(name);
    }

    /** As a library without code for this GPU does, and one whose runtime is not the driver's. */
    @Test
    void kernelsThatDoNotRunShowWhenTheDeviceIsOpened() throws ReflectiveOperationException {
        try (var arena = Arena.ofConfined()) {
            SymbolLookup refusing = withAdd("refuse", arena);
            DeviceException refused = assertThrows(DeviceException.class, () -> open(0, refusing));
            assertTrue(refused.getMessage().startsWith("Stand-in does not run libadaspec_cuda.so: "), refused.getMessage());
            assertTrue(refused.getMessage().endsWith("; the driver is for CUDA 13.0, compute capability 9.0"), refused.getMessage());
            SymbolLookup wrongly = withAdd("computeNothing", arena);
            DeviceException wrong = assertThrows(DeviceException.class, () -> open(0, wrongly));
            assertTrue(wrong.getMessage().contains("its first operation gave 1.5 + 1.5 = 0.0"), wrong.getMessage());
        }
        assertEquals(0, runtime.stillHeld(), "a device that could not be opened holds something");
    }

    @Test
    void aBuildWithoutTheCudaLibrarySaysSo(@TempDir Path folder) throws Exception {
        var without = new NativeLibraries(null, null, folder);
        assertEquals("libadaspec_cuda.so is missing from this build, which found no CUDA compiler",
                assertThrows(NativeLibraries.Missing.class, without::cuda).getMessage());
        Files.createDirectory(folder.resolve(NativeLibraries.CUDA));
        assertTrue(assertThrows(NativeLibraries.Missing.class, without::cuda).getMessage().startsWith("libadaspec_cuda.so cannot be loaded: "));
        Files.copy(StandIns.emulatedKernels(), folder.resolve(NativeLibraries.CUDA), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        assertTrue(without.cuda().find("adaspec_add").isPresent());
    }
}
