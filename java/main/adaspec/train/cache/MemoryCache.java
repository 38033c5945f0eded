package adaspec.train.cache;

import adaspec.tensor.DType;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;

/** A cache in memory outside the heap, gone with the run. */
public final class MemoryCache implements TeacherCache {
    private final CacheKey key;
    private final AnswerRows rows;
    private final int batchSize;
    private final Arena arena = Arena.ofShared();
    private final Map<ReferenceKey, AnswerMatrix> klReferences = new HashMap<>();
    private AnswerMatrix hidden;

    public MemoryCache(CacheKey key, AnswerRows rows, int batchSize) {
        this.key = key;
        this.rows = rows;
        this.batchSize = batchSize;
    }

    @Override
    public int batchSize() {
        return batchSize;
    }

    @Override
    public AnswerRows rows() {
        return rows;
    }

    @Override
    public AnswerMatrix hidden() {
        if (hidden == null) {
            hidden = new MemoryMatrix(rows, key.precision(), key.channels(), arena);
        }
        return hidden;
    }

    @Override
    public AnswerMatrix klReference(ReferenceKey reference) {
        return klReferences.computeIfAbsent(reference, r -> new MemoryMatrix(rows, DType.F32, 1, arena));
    }

    @Override
    public void requireRoom(boolean reference) {
        Room.requireMemory(key.bytes(reference));
    }

    @Override
    public Writing write() {
        return () -> {};
    }

    @Override
    public String toString() {
        return "in memory";
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
