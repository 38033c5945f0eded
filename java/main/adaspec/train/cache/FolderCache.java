package adaspec.train.cache;

import adaspec.common.Json;
import adaspec.tensor.DType;
import adaspec.tensor.Workspace;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A cache in a folder: it outlives the run, and serves every run with the same key. */
public final class FolderCache implements TeacherCache {
    private final CacheFolder folder;
    private final CacheKey key;
    private final AnswerRows rows;
    private final Path target;
    private final int batchSize;
    private final Arena arena = Arena.ofShared();
    private final Map<Path, FileMatrix> matrices = new HashMap<>();
    private final List<Runnable> watches = new ArrayList<>();
    /** Of the device that reads the maps; null: plain Java. */
    private Workspace reader;

    /**
     * Looks at the folder; nothing is written before {@link #write}.
     *
     * @param batchSize of a cache that is begun here; one that is there keeps its own
     * @param target    the target's directory, noted for people
     * @throws adaspec.common.InputException if there is something else than a cache of this key
     */
    public FolderCache(CacheFolder folder, CacheKey key, AnswerRows rows, int batchSize, Path target) {
        folder.requireUsable(key);
        this.folder = folder;
        this.key = key;
        this.rows = rows;
        this.target = target;
        this.batchSize = folder.exists() ? folder.manifest().batchSize() : batchSize;
    }

    /** Lets the device of {@code workspace} read the files where they are mapped: until the close it notices if one is cut off. */
    public FolderCache readBy(Workspace workspace) {
        reader = workspace;
        return this;
    }

    private void mapped(MemorySegment map, Path file) {
        if (reader != null) {
            watches.add(reader.watch(map, file));
        }
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
        return matrix(folder.hiddenData(), Json.MAPPER.createObjectNode(), key.precision(), key.channels());
    }

    @Override
    public AnswerMatrix klReference(ReferenceKey reference) {
        return matrix(folder.klReferenceData(reference), reference.toJson(), DType.F32, 1);
    }

    private AnswerMatrix matrix(Path data, ObjectNode identity, DType type, long columns) {
        return matrices.computeIfAbsent(
                data, file -> new FileMatrix(file, CacheFolder.recordOf(file), identity, rows, type, columns, batchSize, arena, this::mapped));
    }

    @Override
    public void requireRoom(boolean reference) {
        long there = rows.before(hidden().samplesDone()) * key.channels() * key.precision().bytes();
        Room.requireDisk(folder.path(), key.bytes(reference) - there);
    }

    @Override
    public Writing write() {
        Writing lock = folder.lock();
        try {
            // Somebody else may have been here in the meantime.
            folder.requireUsable(key);
            folder.begin(key, batchSize, target);
            closeMatrices();
            return lock;
        } catch (RuntimeException | Error e) {
            lock.close();
            throw e;
        }
    }

    private void closeMatrices() {
        matrices.values().forEach(FileMatrix::close);
        matrices.clear();
    }

    @Override
    public String toString() {
        return "in " + folder.path();
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            closeMatrices();
            watches.forEach(Runnable::run);
            arena.close();
        }
    }
}
