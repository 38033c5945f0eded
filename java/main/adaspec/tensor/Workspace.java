package adaspec.tensor;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Memory for the tensors of a step: taken in order, given back all at once.
 *
 * <pre>{@code
 * try (var step = workspace.begin()) {
 *     Tensor hidden = step.f32(rows, channels);
 *     ...
 * }
 * }</pre>
 *
 * <p>Steps nest like blocks: the inner one closes first. Memory is kept for the next step, so a loop allocates in its first round only. It is one
 * reserved range where the allocator has one, so that steps of changing size share it to the last byte; else slabs, as many as were needed.
 * Tensors arrive with undefined content. Not thread-safe.
 */
public final class Workspace implements AutoCloseable {
    /** Gives device memory that lives until {@link #close}, aligned to 64 bytes. */
    public interface Allocator extends AutoCloseable {
        MemorySegment allocate(long bytes);

        /** Room for more than will be used, of which only what is touched takes memory, until {@link #close}; null where there is no such thing. */
        default MemorySegment reserve() {
            return null;
        }

        /**
         * The device will read {@code map}, a whole file. Where the file is cut off meanwhile, the operation that has read it fails.
         *
         * @return to be run before the map is undone
         */
        default Runnable watch(MemorySegment map, Path file) {
            return () -> {};
        }

        @Override
        void close();
    }

    private static final long ALIGNMENT = 64;
    private static final long SLAB_BYTES = 16L << 20;

    private final Allocator allocator;
    private final boolean poison;
    /** Whether the first slab is a reserved range. */
    private final boolean reserved;
    private final List<MemorySegment> slabs = new ArrayList<>();
    private int slab;
    private long offset;
    private int depth;
    private long used;
    private long peak;
    private long touched;
    private boolean closed;

    public Workspace(Allocator allocator) {
        this(allocator, false);
    }

    /** With {@code poison} every tensor arrives filled with NaN bits, so that a read before the first write shows: for tests. */
    public Workspace(Allocator allocator, boolean poison) {
        this.allocator = allocator;
        this.poison = poison;
        MemorySegment range = allocator.reserve();
        this.reserved = range != null;
        if (reserved) {
            slabs.add(range);
        }
    }

    /** {@link Allocator#watch} of the device that the memory is from. */
    public Runnable watch(MemorySegment map, Path file) {
        return allocator.watch(map, file);
    }

    /** Opens a step. */
    public Step begin() {
        if (closed) {
            throw new IllegalStateException("the workspace is closed");
        }
        return new Step();
    }

    /** The most bytes that were in use at once. */
    public long peakBytes() {
        return peak;
    }

    /** Bytes held from the allocator; of a reserved range what was touched. */
    public long reservedBytes() {
        return (reserved ? touched : 0) + slabs.stream().skip(reserved ? 1 : 0).mapToLong(MemorySegment::byteSize).sum();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            allocator.close();
        }
    }

    private MemorySegment take(long bytes) {
        long rounded = Math.max(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
        while (slab < slabs.size() && offset + rounded > slabs.get(slab).byteSize()) {
            slab++;
            offset = 0;
        }
        if (slab == slabs.size()) {
            slabs.add(allocator.allocate(Math.max(SLAB_BYTES, rounded)));
            offset = 0;
        }
        MemorySegment taken = slabs.get(slab).asSlice(offset, rounded);
        offset += rounded;
        touched = slab == 0 ? Math.max(touched, offset) : touched;
        used += rounded;
        peak = Math.max(peak, used);
        if (poison) {
            taken.fill((byte) 0xff);
        }
        return taken;
    }

    /** The tensors of one step. Closing gives their memory back; closing twice is calm. */
    public final class Step implements AutoCloseable {
        private final int slabBefore = slab;
        private final long offsetBefore = offset;
        private final long usedBefore = used;
        private final int level = ++depth;
        private boolean ended;

        private Step() {}

        /** Opens a step inside this one, for memory that is given back sooner. */
        public Step inner() {
            if (ended || level != depth) {
                throw new IllegalStateException(ended ? "the step is closed" : "an inner step is still open");
            }
            return begin();
        }

        public Tensor f32(long... shape) {
            return tensor(DType.F32, shape);
        }

        public Tensor i32(int... values) {
            Tensor tensor = tensor(DType.I32, values.length);
            for (int i = 0; i < values.length; i++) {
                tensor.setInt(i, values[i]);
            }
            return tensor;
        }

        public Tensor tensor(DType dtype, long... shape) {
            if (ended || level != depth) {
                throw new IllegalStateException(ended ? "the step is closed" : "an inner step is still open");
            }
            long elements = 1;
            for (long extent : shape) {
                elements = Math.multiplyExact(elements, extent);
            }
            return Tensor.of(take(Math.multiplyExact(elements, dtype.bytes())), dtype, shape);
        }

        @Override
        public void close() {
            if (ended) {
                return;
            }
            if (level != depth) {
                throw new IllegalStateException("an inner step is still open");
            }
            ended = true;
            depth--;
            slab = slabBefore;
            offset = offsetBefore;
            used = usedBefore;
        }
    }
}
