package adaspec.device;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Memory of a CUDA device, undefined until it is written; given back by {@link #close} or with its device.
 *
 * <p>Copies and zeroes come after all work that was given to the device before them, and are done when the method returns.
 */
public final class CudaBuffer implements AutoCloseable {
    private final CudaDevice device;
    private final long address;
    private final long bytes;
    private boolean closed;

    CudaBuffer(CudaDevice device, long address, long bytes) {
        this.device = device;
        this.address = address;
        this.bytes = bytes;
    }

    public long bytes() {
        return bytes;
    }

    /**
     * What {@link Kernels} and {@link Gemm} take: the place {@code offset} bytes from the start. Its length is 0, so that Java refuses to read device
     * memory as if it were the host's.
     */
    public MemorySegment at(long offset) {
        Objects.checkIndex(offset, bytes + 1);
        return MemorySegment.ofAddress(address() + offset);
    }

    /** The start. */
    public MemorySegment start() {
        return at(0);
    }

    /** Fills the {@code from.byteSize()} bytes at {@code offset}. */
    public void copyIn(long offset, MemorySegment from) {
        long to = place(offset, from);
        device.work((runtime, stream) -> runtime.copyIn(to, from, stream));
    }

    /** Fills all of {@code to} from the bytes at {@code offset}. */
    public void copyOut(MemorySegment to, long offset) {
        long from = place(offset, to);
        device.work((runtime, stream) -> runtime.copyOut(to, from, stream));
    }

    /** Fills this buffer from the beginning of another of the same device. */
    public void copyFrom(CudaBuffer other) {
        if (other.device != device || other.bytes < bytes) {
            throw new IllegalArgumentException("a copy of " + bytes + " bytes from a buffer of " + other.bytes
                    + (other.device == device ? "" : " on another device"));
        }
        long to = address();
        long from = other.address();
        device.work((runtime, stream) -> runtime.copy(to, from, bytes, stream));
    }

    /** All bytes become 0. */
    public void zero() {
        long start = address();
        device.work((runtime, stream) -> runtime.zero(start, bytes, stream));
    }

    private long place(long offset, MemorySegment host) {
        Objects.checkFromIndexSize(offset, host.byteSize(), bytes);
        if (!host.isNative()) {
            throw new IllegalArgumentException("memory of the Java heap cannot be copied to or from a device; native memory was expected");
        }
        return address() + offset;
    }

    private synchronized long address() {
        if (closed) {
            throw new IllegalStateException("the device memory was given back");
        }
        return address;
    }

    /** Gives the memory back. Closing twice is calm. */
    @Override
    public void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
        }
        device.free(this, address, bytes);
    }
}
