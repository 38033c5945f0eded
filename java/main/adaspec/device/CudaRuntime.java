package adaspec.device;

import java.lang.foreign.MemorySegment;
import jcuda.runtime.cudaEvent_t;
import jcuda.runtime.cudaStream_t;

/**
 * What the engine needs of the CUDA runtime: {@link JCudaRuntime} calls it, and tests put one in its place that keeps the books on host memory.
 *
 * <p>Every method but {@link #deviceCount}, {@link #driverVersion} and {@link #properties} works on the device that {@link #use} made current on the
 * calling thread. A refusal is a {@link DeviceException} with CUDA's name for it.
 */
interface CudaRuntime {
    /** Work in the order in which it was given. */
    final class Stream extends cudaStream_t {
        private static final long serialVersionUID = 1L;

        /** As the C ABI takes it. */
        MemorySegment handle() {
            return MemorySegment.ofAddress(getNativePointer());
        }
    }

    /** Free and all bytes of a device's memory. */
    record Room(long free, long total) {}

    /** The newest CUDA release that the driver serves, as 1000 major + 10 minor; 0 without a driver. */
    int driverVersion();

    /** At least 1, or an exception that says why there is none. */
    int deviceCount();

    CudaProperties properties(int device);

    /** Makes the device current on the calling thread. */
    void use(int device);

    /** The address of that many bytes, aligned to 256; 0 where there is no room. */
    long allocate(long bytes);

    void free(long address);

    Room room();

    /** Bytes of native host memory to the device; the host memory may be changed once the stream has come so far. */
    void copyIn(long to, MemorySegment from, Stream stream);

    /** From the device to all of {@code to}, native host memory. */
    void copyOut(MemorySegment to, long from, Stream stream);

    /** Within the device. */
    void copy(long to, long from, long bytes, Stream stream);

    void zero(long address, long bytes, Stream stream);

    Stream newStream();

    void close(Stream stream);

    /** Returns when all that was given to the stream is done; what failed in it shows here. */
    void synchronize(Stream stream);

    cudaEvent_t newEvent();

    void close(cudaEvent_t event);

    void record(cudaEvent_t event, Stream stream);

    /** Seconds between two recorded events; waits for the later one. */
    double seconds(cudaEvent_t from, cudaEvent_t to);
}
