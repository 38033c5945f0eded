package adaspec.device;

import adaspec.common.InputException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * An NVIDIA GPU: its memory, the engine's operations on it, matrix products and time. Operations only: models run on a {@link Device}.
 *
 * <p>All work goes to one stream in the order in which it is given, by whichever thread. {@link Kernels} and {@link Gemm} return when their work is
 * given; {@link #synchronize}, copies and {@link CudaTimer} wait for it, and there shows what failed in between. May be shared by threads.
 */
public final class CudaDevice implements AutoCloseable {
    private final CudaRuntime runtime;

    private final CudaProperties properties;
    private final CudaRuntime.Stream stream;
    private final Kernels kernels;
    private final Function<CudaDevice, Gemm> newGemm;
    private final AtomicLong bytesHeld = new AtomicLong();
    private final Set<CudaBuffer> buffers = Collections.synchronizedSet(new HashSet<>());
    /** Made when it is first asked for. */
    private Gemm gemm;
    private boolean closed;

    /**
     * @param index   of the device
     * @param library libadaspec_cuda.so
     * @param newGemm makes the products' library for this device
     * @throws DeviceException if the device is there and does not work
     */
    CudaDevice(CudaRuntime runtime, int index, SymbolLookup library, Function<CudaDevice, Gemm> newGemm) {
        this.runtime = runtime;
        this.newGemm = newGemm;
        int count = runtime.deviceCount();
        if (index >= count) {
            throw new DeviceException("there is no such GPU; " + (count == 1 ? "the only one is cuda:0" : "there are cuda:0 to cuda:" + (count - 1)));
        }
        properties = runtime.properties(index);
        runtime.use(index);
        stream = runtime.newStream();
        try {
            kernels = new Kernels(library, stream.handle(), () -> runtime.use(index));
            trial();
        } catch (RuntimeException | Error e) {
            runtime.close(stream);
            throw e;
        }
    }

    /** A GPU that was asked for is not there or cannot be used. */
    public static final class Unusable extends InputException {
        private static final long serialVersionUID = 1L;

        private final String reason;

        private Unusable(int index, String reason, Throwable cause) {
            super("--device cuda:" + index + ": " + reason + "; use --device cpu", cause);
            this.reason = reason;
        }

        /** What is missing: a sentence without its end. */
        public String reason() {
            return reason;
        }
    }

    /** Opens GPU {@code index}, or says why not. */
    public static CudaDevice open(int index) {
        try {
            NativeLibraries libraries = NativeLibraries.load();
            CudaRuntime runtime = JCudaRuntime.load(libraries.folder());
            runtime.deviceCount();
            return new CudaDevice(runtime, index, libraries.cuda(), device -> new CublasGemm(CublasLibrary.load(libraries.folder()), device));
        } catch (NativeLibraries.Missing | DeviceException | LinkageError e) {
            throw new Unusable(index, e.getMessage(), e);
        }
    }

    /**
     * What the CUDA runtime says of this machine: the driver's release and each GPU, a line each, or one line that says why there is none.
     */
    public static List<String> survey() {
        try {
            return survey(JCudaRuntime.load(NativeLibraries.load().folder()));
        } catch (NativeLibraries.Missing | DeviceException | LinkageError e) {
            return List.of(e.getMessage());
        }
    }

    static List<String> survey(CudaRuntime runtime) {
        int count = runtime.deviceCount();
        var lines = new ArrayList<String>();
        lines.add("the driver serves CUDA " + JCudaRuntime.release(runtime.driverVersion()));
        for (int i = 0; i < count; i++) {
            lines.add(runtime.properties(i).toString());
        }
        return lines;
    }

    /** One operation from memory to memory: a library without kernels for this GPU, or that its driver cannot run, shows here and not in a result. */
    private void trial() {
        try (Arena arena = Arena.ofConfined();
                CudaBuffer numbers = allocate(2L * Float.BYTES)) {
            MemorySegment host = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1.5f, 0);
            numbers.copyIn(0, host);
            kernels.add(numbers.at(Float.BYTES), numbers.start(), numbers.start(), 1);
            numbers.copyOut(host, 0);
            float sum = host.getAtIndex(ValueLayout.JAVA_FLOAT, 1);
            if (sum != 3) {
                throw new DeviceException("its first operation gave 1.5 + 1.5 = " + sum);
            }
        } catch (DeviceException e) {
            throw new DeviceException(properties.name() + " does not run libadaspec_cuda.so: " + e.getMessage() + "; the driver is for CUDA "
                    + JCudaRuntime.release(runtime.driverVersion()) + ", compute capability " + properties.major() + "." + properties.minor());
        }
    }

    /** {@code cuda:N}. */
    public String name() {
        return "cuda:" + properties.index();
    }

    public CudaProperties properties() {
        return properties;
    }

    /** The device in words: its model, what the kernels run on, and the library for products or why there is none. */
    public String describe() {
        String products;
        try {
            products = gemm().describe();
        } catch (DeviceException e) {
            products = "no matrix products: " + e.getMessage();
        }
        return name() + " " + properties.name() + ", " + kernels.backend() + ", " + products;
    }

    /** The operations, on {@link CudaBuffer memory of this device}; structs that the C ABI takes by pointer lie where its header says. */
    public Kernels kernels() {
        return kernels;
    }

    /**
     * Matrix products by cuBLAS, on memory of this device; loaded when it is first asked for.
     *
     * @throws DeviceException where there is none; the sentence says where it was looked for
     */
    public synchronized Gemm gemm() {
        if (gemm == null) {
            gemm = newGemm.apply(this);
        }
        return gemm;
    }

    /**
     * Memory of the device.
     *
     * @throws DeviceException if there is no room; the sentence tells sizes
     */
    public CudaBuffer allocate(long bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException(bytes + " bytes of device memory; at least 1 was expected");
        }
        use();
        long address = runtime.allocate(bytes);
        if (address == 0) {
            CudaRuntime.Room room = runtime.room();
            throw new DeviceException(name() + " has no room for " + bytes + " bytes: " + room.free() + " of its " + room.total()
                    + " bytes are free, and this process holds " + bytesHeld.get());
        }
        bytesHeld.addAndGet(bytes);
        CudaBuffer buffer = new CudaBuffer(this, address, bytes);
        buffers.add(buffer);
        return buffer;
    }

    void free(CudaBuffer buffer, long address, long bytes) {
        use();
        runtime.free(address);
        buffers.remove(buffer);
        bytesHeld.addAndGet(-bytes);
    }

    /** Bytes of the device's memory that open buffers hold. */
    public long bytesHeld() {
        return bytesHeld.get();
    }

    /** Puts {@code step} on the stream and waits for it. */
    void work(BiConsumer<CudaRuntime, CudaRuntime.Stream> step) {
        use();
        step.accept(runtime, stream);
        runtime.synchronize(stream);
    }

    /** Returns when all work given so far is done; throws what failed in it. */
    public void synchronize() {
        work((given, order) -> {});
    }

    /** A stopwatch on the device's own clock. */
    public CudaTimer newTimer() {
        use();
        return new CudaTimer(this, runtime);
    }

    CudaRuntime.Stream stream() {
        return stream;
    }

    /** Makes the device current on this thread, as whatever else calls CUDA here expects. */
    void use() {
        runtime.use(properties.index());
    }

    /** Waits, and gives back all memory of the device. Closing twice is calm. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            synchronize();
        } finally {
            if (gemm != null) {
                gemm.close();
            }
            List.copyOf(buffers).forEach(CudaBuffer::close);
            runtime.close(stream);
        }
    }
}
