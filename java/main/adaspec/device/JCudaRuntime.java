package adaspec.device;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.nio.file.Path;
import jcuda.Pointer;
import jcuda.runtime.JCuda;
import jcuda.runtime.cudaDeviceProp;
import jcuda.runtime.cudaError;
import jcuda.runtime.cudaEvent_t;
import jcuda.runtime.cudaMemcpyKind;

/** The CUDA runtime by JCuda, whose native library holds one of CUDA 12 and serves any later driver. */
final class JCudaRuntime implements CudaRuntime {
    /** So that work on it does not wait for the legacy default stream, nor that for it. */
    private static final int NON_BLOCKING_STREAM = JCuda.cudaStreamNonBlocking;

    /** A device's or the host's address as JCuda takes it. */
    static final class Address extends Pointer {
        Address(long address) {
            super(address);
        }

        Address() {}

        long value() {
            return getNativePointer() + getByteOffset();
        }
    }

    private JCudaRuntime() {}

    /**
     * Loads JCuda's library from {@code folder}.
     *
     * @throws DeviceException if it cannot be loaded
     */
    static JCudaRuntime load(Path folder) {
        try {
            JCudaNatives.initialize("jcuda.runtime.JCuda", folder);
        } catch (LinkageError e) {
            throw new DeviceException("JCuda cannot be loaded: " + firstLine(e));
        }
        JCuda.setExceptionsEnabled(false);
        return new JCudaRuntime();
    }

    /** JCuda's messages hold whole stack traces. */
    static String firstLine(Throwable e) {
        String message = String.valueOf(e.getMessage());
        return message.lines().findFirst().orElse(message);
    }

    private static void check(int status, String call) {
        if (status != cudaError.cudaSuccess) {
            throw new DeviceException(call + " failed with " + cudaError.stringFor(status) + " (" + status + ")");
        }
    }

    @Override
    public int driverVersion() {
        // Set before the call: a refusal leaves it as it is.
        int[] version = {0};
        return JCuda.cudaDriverGetVersion(version) == cudaError.cudaSuccess ? version[0] : 0;
    }

    @Override
    public int deviceCount() {
        int[] count = {0};
        int status = JCuda.cudaGetDeviceCount(count);
        if (status == cudaError.cudaErrorInsufficientDriver) {
            int driver = driverVersion();
            throw new DeviceException(driver == 0
                    ? "there is no NVIDIA driver: libcuda.so.1 cannot be loaded"
                    : "the NVIDIA driver is for CUDA " + release(driver) + ", and CUDA 12.0 or later is needed");
        }
        if (status == cudaError.cudaErrorNoDevice || status == cudaError.cudaSuccess && count[0] == 0) {
            throw new DeviceException("there is an NVIDIA driver and no GPU that this process may use");
        }
        check(status, "cudaGetDeviceCount");
        return count[0];
    }

    /** 12040 is CUDA 12.4. */
    static String release(int version) {
        return version / 1000 + "." + version % 1000 / 10;
    }

    @Override
    public CudaProperties properties(int device) {
        cudaDeviceProp found = new cudaDeviceProp();
        check(JCuda.cudaGetDeviceProperties(found, device), "cudaGetDeviceProperties");
        return new CudaProperties(device, found.getName(), found.major, found.minor, found.multiProcessorCount, found.totalGlobalMem);
    }

    @Override
    public void use(int device) {
        check(JCuda.cudaSetDevice(device), "cudaSetDevice");
    }

    @Override
    public long allocate(long bytes) {
        Address address = new Address();
        int status = JCuda.cudaMalloc(address, bytes);
        if (status == cudaError.cudaErrorMemoryAllocation) {
            // Not sticky, but the next cudaGetLastError would tell it to somebody else.
            JCuda.cudaGetLastError();
            return 0;
        }
        check(status, "cudaMalloc");
        return address.value();
    }

    @Override
    public void free(long address) {
        check(JCuda.cudaFree(new Address(address)), "cudaFree");
    }

    @Override
    public Room room() {
        long[] free = {0};
        long[] total = {0};
        check(JCuda.cudaMemGetInfo(free, total), "cudaMemGetInfo");
        return new Room(free[0], total[0]);
    }

    @Override
    public void copyIn(long to, MemorySegment from, Stream stream) {
        copy(new Address(to), new Address(from.address()), from.byteSize(), cudaMemcpyKind.cudaMemcpyHostToDevice, stream);
        Reference.reachabilityFence(from);
    }

    @Override
    public void copyOut(MemorySegment to, long from, Stream stream) {
        copy(new Address(to.address()), new Address(from), to.byteSize(), cudaMemcpyKind.cudaMemcpyDeviceToHost, stream);
        Reference.reachabilityFence(to);
    }

    @Override
    public void copy(long to, long from, long bytes, Stream stream) {
        copy(new Address(to), new Address(from), bytes, cudaMemcpyKind.cudaMemcpyDeviceToDevice, stream);
    }

    private static void copy(Address to, Address from, long bytes, int kind, Stream stream) {
        check(JCuda.cudaMemcpyAsync(to, from, bytes, kind, stream), "cudaMemcpyAsync");
    }

    @Override
    public void zero(long address, long bytes, Stream stream) {
        check(JCuda.cudaMemsetAsync(new Address(address), 0, bytes, stream), "cudaMemsetAsync");
    }

    @Override
    public Stream newStream() {
        Stream stream = new Stream();
        check(JCuda.cudaStreamCreateWithFlags(stream, NON_BLOCKING_STREAM), "cudaStreamCreateWithFlags");
        return stream;
    }

    @Override
    public void close(Stream stream) {
        check(JCuda.cudaStreamDestroy(stream), "cudaStreamDestroy");
    }

    @Override
    public void synchronize(Stream stream) {
        check(JCuda.cudaStreamSynchronize(stream), "cudaStreamSynchronize");
    }

    @Override
    public cudaEvent_t newEvent() {
        cudaEvent_t event = new cudaEvent_t();
        check(JCuda.cudaEventCreate(event), "cudaEventCreate");
        return event;
    }

    @Override
    public void close(cudaEvent_t event) {
        check(JCuda.cudaEventDestroy(event), "cudaEventDestroy");
    }

    @Override
    public void record(cudaEvent_t event, Stream stream) {
        check(JCuda.cudaEventRecord(event, stream), "cudaEventRecord");
    }

    @Override
    public double seconds(cudaEvent_t from, cudaEvent_t to) {
        check(JCuda.cudaEventSynchronize(to), "cudaEventSynchronize");
        float[] milliseconds = {0};
        check(JCuda.cudaEventElapsedTime(milliseconds, from, to), "cudaEventElapsedTime");
        return milliseconds[0] * 1e-3;
    }
}
