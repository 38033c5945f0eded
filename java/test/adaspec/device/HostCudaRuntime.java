package adaspec.device;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jcuda.runtime.cudaEvent_t;

/**
 * A CUDA runtime whose device is host memory, and whose books a test reads: what was called in which order, what is still held. Fails where the real
 * one would: on a thread without a current device, on memory that was never allocated.
 */
final class HostCudaRuntime implements CudaRuntime {
    private static final long ALIGNMENT = 256;

    private record Block(Arena arena, MemorySegment segment) {}

    private final int devices;
    private final long capacity;
    private final ThreadLocal<Integer> current = new ThreadLocal<>();
    private final Map<Long, Block> blocks = new HashMap<>();
    /** By identity: JCuda's handles are equal where they hold the same address, and here all hold none. */
    private final Set<Object> open = Collections.newSetFromMap(new IdentityHashMap<>());

    private final Map<cudaEvent_t, Long> recorded = new IdentityHashMap<>();
    private final List<String> calls = new ArrayList<>();
    private long held;
    private long clock;

    HostCudaRuntime(int devices, long capacity) {
        this.devices = devices;
        this.capacity = capacity;
    }

    /** What was called since the last time this was asked, without arguments that differ from run to run. */
    synchronized List<String> calls() {
        List<String> since = List.copyOf(calls);
        calls.clear();
        return since;
    }

    /** Blocks, streams and events that were not given back. */
    synchronized int stillHeld() {
        return blocks.size() + open.size();
    }

    private synchronized void note(String call) {
        if (current.get() == null) {
            throw new AssertionError(call + " on a thread that made no device current");
        }
        calls.add(call);
    }

    private MemorySegment place(long address, long bytes) {
        for (Block block : blocks.values()) {
            long offset = address - block.segment.address();
            if (offset >= 0 && offset + bytes <= block.segment.byteSize()) {
                return block.segment.asSlice(offset, bytes);
            }
        }
        throw new AssertionError(bytes + " bytes at an address that is not the device's");
    }

    private void requireOpen(Object handle) {
        if (!open.contains(handle)) {
            throw new AssertionError("a stream or event that is not open");
        }
    }

    @Override
    public int driverVersion() {
        return 13000;
    }

    @Override
    public int deviceCount() {
        return devices;
    }

    @Override
    public CudaProperties properties(int device) {
        return new CudaProperties(device, "Stand-in", 9, 0, 132, capacity);
    }

    @Override
    public void use(int device) {
        if (device < 0 || device >= devices) {
            throw new AssertionError("no device " + device);
        }
        current.set(device);
    }

    /** The device that is current on the calling thread; null: none was chosen. */
    Integer currentDevice() {
        return current.get();
    }

    @Override
    public synchronized long allocate(long bytes) {
        note("allocate " + bytes);
        if (held + bytes > capacity) {
            return 0;
        }
        held += bytes;
        Arena arena = Arena.ofShared();
        MemorySegment segment = arena.allocate(bytes, ALIGNMENT);
        // What cudaMalloc gives is not zero.
        segment.fill((byte) 0xA5);
        blocks.put(segment.address(), new Block(arena, segment));
        return segment.address();
    }

    @Override
    public synchronized void free(long address) {
        Block block = blocks.remove(address);
        note("free " + block.segment.byteSize());
        held -= block.segment.byteSize();
        block.arena.close();
    }

    @Override
    public Room room() {
        return new Room(capacity - held, capacity);
    }

    @Override
    public synchronized void copyIn(long to, MemorySegment from, Stream stream) {
        note("copy in " + from.byteSize());
        requireOpen(stream);
        place(to, from.byteSize()).copyFrom(from);
    }

    @Override
    public synchronized void copyOut(MemorySegment to, long from, Stream stream) {
        note("copy out " + to.byteSize());
        requireOpen(stream);
        to.copyFrom(place(from, to.byteSize()));
    }

    @Override
    public synchronized void copy(long to, long from, long bytes, Stream stream) {
        note("copy " + bytes);
        requireOpen(stream);
        place(to, bytes).copyFrom(place(from, bytes));
    }

    @Override
    public synchronized void zero(long address, long bytes, Stream stream) {
        note("zero " + bytes);
        requireOpen(stream);
        place(address, bytes).fill((byte) 0);
    }

    @Override
    public synchronized Stream newStream() {
        note("new stream");
        Stream stream = new Stream();
        open.add(stream);
        return stream;
    }

    @Override
    public synchronized void close(Stream stream) {
        note("close stream");
        requireOpen(stream);
        open.remove(stream);
    }

    @Override
    public void synchronize(Stream stream) {
        note("synchronize");
        requireOpen(stream);
    }

    @Override
    public synchronized cudaEvent_t newEvent() {
        note("new event");
        cudaEvent_t event = new cudaEvent_t();
        open.add(event);
        return event;
    }

    @Override
    public synchronized void close(cudaEvent_t event) {
        note("close event");
        requireOpen(event);
        open.remove(event);
    }

    @Override
    public synchronized void record(cudaEvent_t event, Stream stream) {
        note("record");
        requireOpen(event);
        requireOpen(stream);
        recorded.put(event, clock++);
    }

    /** A second lies between each record and the next. */
    @Override
    public double seconds(cudaEvent_t from, cudaEvent_t to) {
        note("seconds");
        return recorded.get(to) - recorded.get(from);
    }
}
