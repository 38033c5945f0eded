package adaspec.model;

import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;

/**
 * Keys and values of one sequence: for each layer keys and values (K, P, D) f32, and how many positions are filled.
 *
 * <p>Rewinding only forgets: rows past {@link #length} are overwritten by the next advance and are never read.
 */
public final class KvCache {
    private final Tensor[] keys;
    private final Tensor[] values;
    private final int capacity;
    private int length;

    public KvCache(Architecture architecture, int capacity, Workspace.Allocator allocator) {
        this.capacity = capacity;
        keys = new Tensor[architecture.layers()];
        values = new Tensor[architecture.layers()];
        long elements = (long) architecture.kvHeads() * capacity * architecture.headDim();
        for (int i = 0; i < keys.length; i++) {
            keys[i] = Tensor.of(
                    allocator.allocate(elements * DType.F32.bytes()), DType.F32, architecture.kvHeads(), capacity, architecture.headDim());
            values[i] = Tensor.of(
                    allocator.allocate(elements * DType.F32.bytes()), DType.F32, architecture.kvHeads(), capacity, architecture.headDim());
        }
    }

    /** P: positions there is room for. */
    public int capacity() {
        return capacity;
    }

    /** Positions filled. */
    public int length() {
        return length;
    }

    /** Forgets all positions from {@code position} on. */
    public void rewind(int position) {
        if (position < 0 || position > length) {
            throw new IllegalArgumentException("cannot rewind to " + position + ": the cache holds " + length + " positions");
        }
        length = position;
    }

    Tensor keys(int layer) {
        return keys[layer];
    }

    Tensor values(int layer) {
        return values[layer];
    }

    void extend(int rows) {
        length += rows;
    }

    /** Bytes that a position takes in all layers: what one more token of context makes a step of decoding read. */
    public static long bytesPerPosition(Architecture architecture) {
        return 2L * architecture.layers() * architecture.kvHeads() * architecture.headDim() * DType.F32.bytes();
    }

    /** Bytes of all layers. */
    public long bytes() {
        return 2L * keys.length * keys[0].bytes();
    }
}
