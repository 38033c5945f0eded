package adaspec.train.cache;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.common.Sha256;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.BiConsumer;

/**
 * A matrix in a flat file, row after row, little-endian, read by memory map. Beside it lies its record, a JSON object that says how many samples are
 * sure. The record is replaced after the data have reached the disk: whatever came behind it in the file when the process ended is cut off and made
 * again.
 */
final class FileMatrix implements AnswerMatrix, AutoCloseable {
    private final Path data;
    private final Path record;
    private final ObjectNode identity;
    private final AnswerRows rows;
    private final DType type;
    private final long columns;
    private final Arena arena;
    private final BiConsumer<MemorySegment, Path> whenMapped;
    private int saved;
    private int done;
    private boolean complete;
    private FileChannel channel;
    private Tensor mapped;

    /**
     * Looks at what is there; nothing is written.
     *
     * @param identity  what the record says besides its progress
     * @param batchSize samples that are computed together: what is sure ends between two such batches
     * @param arena     that the map lives in
     * @param whenMapped told of the map and its file
     */
    FileMatrix(
            Path data, Path record, ObjectNode identity, AnswerRows rows, DType type, long columns, int batchSize, Arena arena,
            BiConsumer<MemorySegment, Path> whenMapped) {
        this.data = data;
        this.record = record;
        this.identity = identity;
        this.rows = rows;
        this.type = type;
        this.columns = columns;
        this.arena = arena;
        this.whenMapped = whenMapped;
        if (!Files.exists(record)) {
            return;
        }
        JsonNode known = Json.readFile(record);
        JsonNode samples = known.path("samples");
        complete = known.path("complete").asBoolean();
        if (!samples.canConvertToInt() || samples.asInt() < 0 || samples.asInt() > rows.samples() || complete && samples.asInt() < rows.samples()) {
            throw damaged(record, "it says \"samples\": " + samples + " where " + rows.samples() + " were expected");
        }
        long size = sizeOf(data);
        if (complete && size != bytes(rows.samples())) {
            throw damaged(data, "it has " + size + " bytes instead of " + bytes(rows.samples()));
        }
        int there = Math.min(samples.asInt(), rows.samplesWithin(size / (columns * type.bytes())));
        done = there == rows.samples() ? there : there / batchSize * batchSize;
        saved = done;
    }

    private long bytes(int samples) {
        return rows.before(samples) * columns * type.bytes();
    }

    private static long sizeOf(Path file) {
        try {
            return Files.exists(file) ? Files.size(file) : 0;
        } catch (IOException e) {
            throw new InputException("cannot read " + file + ": " + AtomicFile.reason(e), e);
        }
    }

    static InputException damaged(Path file, String what) {
        return new InputException(file + " of a teacher cache is damaged: " + what + "; clear the cache away with `cache delete --teacher-cache "
                + file.toAbsolutePath().getParent() + "` and build it again");
    }

    @Override
    public int samplesDone() {
        return done;
    }

    @Override
    public boolean isComplete() {
        return complete;
    }

    @Override
    public void append(Tensor more, int end) {
        long count = rows.before(end) - rows.before(done);
        try (Arena own = Arena.ofConfined()) {
            if (channel == null) {
                channel = FileChannel.open(data, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                channel.truncate(bytes(done)).position(bytes(done));
            }
            if (count > 0) {
                Tensor stored = Tensor.of(own.allocate(count * columns * type.bytes(), 64), type, count, columns).copyFrom(more);
                AtomicFile.writeFully(channel, stored.segment().asByteBuffer());
            }
            done = end;
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    private InputException unwritable(IOException e) {
        return new InputException("cannot write " + data + ": " + AtomicFile.reason(e) + "; give --teacher-cache a writable place with enough room", e);
    }

    @Override
    public void save() {
        if (complete || saved == done && done < rows.samples()) {
            return;
        }
        try {
            if (channel != null) {
                channel.force(true);
            }
        } catch (IOException e) {
            throw unwritable(e);
        }
        ObjectNode now = identity.deepCopy();
        now.put("samples", done).put("rows", rows.before(done));
        complete = done == rows.samples();
        now.put("complete", complete);
        if (complete) {
            now.put("sha256", Sha256.ofFile(data));
        }
        AtomicFile.writeString(record, now.toPrettyString() + "\n");
        saved = done;
    }

    @Override
    public Tensor tensor() {
        if (!complete) {
            throw new IllegalStateException(done + " of " + rows.samples() + " samples are in " + data);
        }
        if (mapped == null) {
            try (FileChannel reading = FileChannel.open(data, StandardOpenOption.READ)) {
                MemorySegment map = reading.map(FileChannel.MapMode.READ_ONLY, 0, bytes(rows.samples()), arena);
                whenMapped.accept(map, data);
                mapped = Tensor.of(map, type, rows.total(), columns);
            } catch (IOException e) {
                throw new InputException("cannot read " + data + ": " + AtomicFile.reason(e), e);
            }
        }
        return mapped;
    }

    @Override
    public void close() {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                throw unwritable(e);
            }
        }
    }
}
