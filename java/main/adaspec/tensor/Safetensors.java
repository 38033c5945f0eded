package adaspec.tensor;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.LongAccumulator;

/**
 * The safetensors format: 8 bytes little-endian header length, a JSON header of names, types, shapes and byte ranges, then the bytes.
 *
 * <p>Reading maps the file; tensors are views of the map and are gone when it is closed. What only passes through (a copy of another type, a search
 * for NaN) is read in pieces instead: pages of a map that were touched once would stay in memory beside the result.
 */
public final class Safetensors implements AutoCloseable {
    /** The format's own bound on the header. */
    private static final long MAX_HEADER_BYTES = 100_000_000;

    /** What one thread reads before it takes the next part of a tensor; a multiple of every element's size and of 8. */
    private static final long PART_BYTES = 16L << 20;

    /** What it reads at once: it stays in the processor's cache between being read and being looked at. */
    private static final int PIECE_BYTES = 256 << 10;

    private final Path file;
    private final FileChannel channel;
    /** Where the tensors' bytes begin in the file. */
    private final long dataStart;
    private final Arena arena;
    private final MemorySegment map;
    private final BasicFileAttributes opened;
    /** Ends the watch of the map. */
    private Runnable watch = () -> {};
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    /** Where a tensor's bytes begin in the file. */
    private final Map<String, Long> places = new LinkedHashMap<>();
    private final Map<String, String> otherTypes = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    private Safetensors(Path file, FileChannel channel, Arena arena, MemorySegment map, BasicFileAttributes opened, long dataStart) {
        this.file = file;
        this.channel = channel;
        this.arena = arena;
        this.map = map;
        this.opened = opened;
        this.dataStart = dataStart;
    }

    /** Maps {@code file}; a file that breaks the format is one sentence that names what is broken. */
    public static Safetensors open(Path file) {
        if (Files.isDirectory(file)) {
            throw new InputException(file + " is a folder; a safetensors file was expected");
        }
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            // A pipe would be waited for, and a device has no end.
            throw new InputException(file + " is a pipe or a device; a safetensors file was expected");
        }
        Arena arena = Arena.ofShared();
        FileChannel channel = null;
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            channel = FileChannel.open(file, StandardOpenOption.READ);
            long size = channel.size();
            if (size < 8) {
                throw broken(file, "it has " + size + " bytes, fewer than the 8 of its header length");
            }
            MemorySegment map = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
            long headerBytes = map.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
            if (headerBytes < 2 || headerBytes > MAX_HEADER_BYTES || headerBytes > size - 8) {
                throw broken(
                        file,
                        "its header length says " + Long.toUnsignedString(headerBytes) + " bytes, the file has " + size
                                + " bytes in all and a header at most " + MAX_HEADER_BYTES);
            }
            byte[] header = map.asSlice(8, headerBytes).toArray(ValueLayout.JAVA_BYTE);
            JsonNode root = Json.parse(Json.decodeUtf8(header, "the header of " + file), "the header of " + file);
            Safetensors opened = new Safetensors(file, channel, arena, map, attributes, 8 + headerBytes);
            opened.parse(root, map.asSlice(8 + headerBytes));
            return opened;
        } catch (IOException e) {
            close(arena, channel);
            throw new InputException("cannot read " + file + ": " + AtomicFile.reason(e), e);
        } catch (RuntimeException | Error e) {
            close(arena, channel);
            throw e;
        }
    }

    private void parse(JsonNode root, MemorySegment data) {
        if (!root.isObject()) {
            throw broken(file, "its header is not a JSON object");
        }
        List<Extent> extents = new ArrayList<>();
        root.properties().forEach(entry -> {
            String name = entry.getKey();
            JsonNode value = entry.getValue();
            if (name.equals("__metadata__")) {
                value.properties().forEach(item -> metadata.put(item.getKey(), item.getValue().asText()));
                return;
            }
            Extent extent = extent(file, name, value, data.byteSize());
            extents.add(extent);
            DType dtype = typeOf(value.path("dtype").asText());
            if (dtype == null) {
                otherTypes.put(name, value.path("dtype").asText());
                return;
            }
            long[] shape = shape(file, name, value.path("shape"));
            long bytes = dtype.bytes();
            try {
                for (long e : shape) {
                    bytes = Math.multiplyExact(bytes, e);
                }
            } catch (ArithmeticException e) {
                bytes = -1;
            }
            if (bytes != extent.end - extent.start) {
                throw broken(
                        file,
                        "tensor " + name + " is " + dtype.safetensorsName() + " " + Arrays.toString(shape) + ", but its byte range has "
                                + (extent.end - extent.start) + " bytes");
            }
            // A scalar has no dimension; here it is a vector of one.
            tensors.put(name, Tensor.of(data.asSlice(extent.start, bytes), dtype, shape.length == 0 ? new long[] {1} : shape));
            places.put(name, dataStart + extent.start);
        });
        requireCovered(file, extents, data.byteSize());
    }

    private record Extent(String name, long start, long end) {}

    private static Extent extent(Path file, String name, JsonNode value, long dataBytes) {
        JsonNode offsets = value.path("data_offsets");
        if (!value.isObject()
                || !value.path("dtype").isTextual()
                || !offsets.isArray()
                || offsets.size() != 2
                || !offsets.get(0).canConvertToLong()
                || !offsets.get(1).canConvertToLong()
                || !offsets.get(0).isIntegralNumber()
                || !offsets.get(1).isIntegralNumber()) {
            throw broken(file, "tensor " + name + " lacks a dtype, a shape or two data_offsets");
        }
        long start = offsets.get(0).asLong();
        long end = offsets.get(1).asLong();
        if (start < 0 || end < start || end > dataBytes) {
            throw broken(
                    file,
                    "tensor " + name + " lies at bytes " + start + " to " + end + ", but the file has " + dataBytes
                            + " bytes of data; it may be truncated, fetch it again");
        }
        return new Extent(name, start, end);
    }

    private static long[] shape(Path file, String name, JsonNode node) {
        if (!node.isArray()) {
            throw broken(file, "tensor " + name + " has no shape");
        }
        long[] shape = new long[node.size()];
        for (int i = 0; i < shape.length; i++) {
            if (!node.get(i).isIntegralNumber() || !node.get(i).canConvertToLong() || node.get(i).asLong() < 0) {
                throw broken(file, "tensor " + name + " has the extent " + node.get(i) + " in its shape");
            }
            shape[i] = node.get(i).asLong();
        }
        return shape;
    }

    /** The format has every byte in exactly one tensor: what is left over says that the header or the data were damaged. */
    private static void requireCovered(Path file, List<Extent> extents, long dataBytes) {
        extents.sort(Comparator.comparingLong(Extent::start).thenComparingLong(Extent::end));
        Extent last = new Extent("", 0, 0);
        for (Extent extent : extents) {
            if (extent.start < last.end) {
                throw broken(file, "tensors " + last.name + " and " + extent.name + " overlap");
            }
            requireUsed(file, last.end, extent.start);
            last = extent;
        }
        requireUsed(file, last.end, dataBytes);
    }

    private static void requireUsed(Path file, long from, long to) {
        if (from < to) {
            throw broken(file, "its bytes of data from " + from + " to " + to + " belong to no tensor; fetch it again");
        }
    }

    private static DType typeOf(String name) {
        for (DType type : DType.values()) {
            if (type.safetensorsName().equals(name)) {
                return type;
            }
        }
        return null;
    }

    private static InputException broken(Path file, String what) {
        return new InputException(file + " is not a sound safetensors file: " + what);
    }

    public Path file() {
        return file;
    }

    /** The tensors of types this engine reads, by name, in the header's order. */
    public Map<String, Tensor> tensors() {
        return tensors;
    }

    public Map<String, String> metadata() {
        return metadata;
    }

    /** The tensor called {@code name} of exactly this shape and a float type. */
    public Tensor require(String name, long... shape) {
        Tensor tensor = tensors.get(name);
        if (tensor == null && otherTypes.containsKey(name)) {
            throw new InputException(file + ": tensor " + name + " has the type " + otherTypes.get(name) + "; F32, BF16 or F16 was expected");
        }
        if (tensor == null) {
            throw new InputException(file + " has no tensor " + name + "; the config.json beside it asks for it");
        }
        if (!tensor.dtype().isFloat()) {
            throw new InputException(file + ": tensor " + name + " has the type " + tensor.dtype() + "; F32, BF16 or F16 was expected");
        }
        if (!Arrays.equals(tensor.shape(), shape)) {
            throw new InputException(file + ": tensor " + name + " has the shape " + Arrays.toString(tensor.shape()) + "; config.json asks for "
                    + Arrays.toString(shape));
        }
        return tensor;
    }

    /** Lets the device of {@code memory} read tensors where they lie: until the close it notices if the file is cut off. */
    public void readBy(Workspace.Allocator memory) {
        watch = memory.watch(map, file);
    }

    /**
     * Fails if somebody has written to the file since it was opened: the tensors are views of it, and changed with it. A file that was put in its
     * place by a rename, as most programs save, is another one, and changes nothing here.
     */
    public void requireUnchanged() {
        BasicFileAttributes now;
        try {
            now = Files.readAttributes(file, BasicFileAttributes.class);
        } catch (IOException e) {
            // It has no name any more, and is as it was.
            return;
        }
        if (Objects.equals(now.fileKey(), opened.fileKey())
                && (now.size() != opened.size() || !now.lastModifiedTime().equals(opened.lastModifiedTime()))) {
            throw new InputException(file + " was written to while it was in use (it had " + opened.size() + " bytes, of "
                    + opened.lastModifiedTime() + ", and has " + now.size() + ", of " + now.lastModifiedTime()
                    + "); leave a model's files alone until the command has ended, and start again");
        }
    }

    /** Whether native code can read the tensor where it lies: a header that is not padded to 8 bytes leaves the data at odd addresses. */
    public static boolean isAligned(Tensor tensor) {
        return tensor.segment().address() % tensor.dtype().bytes() == 0;
    }

    /** Copies the elements of the tensor {@code name} to {@code out}, dense and of any float type, rounding to nearest where that is narrower. */
    public void read(String name, Tensor out) {
        Tensor stored = tensors.get(name);
        DType type = stored.dtype();
        eachPiece(name, (bytes, first) -> {
            long count = bytes.byteSize() / type.bytes();
            MemorySegment to = out.segment().asSlice(first * out.dtype().bytes(), count * out.dtype().bytes());
            Tensor.of(to, out.dtype(), count).copyFrom(Tensor.of(bytes, type, count));
        });
    }

    /** Fails with a sentence that names the tensor and the place if one of its values is NaN or infinite. At the memory's speed, on all cores. */
    public void requireFinite(String name) {
        Tensor tensor = tensors.get(name);
        LongAccumulator least = new LongAccumulator(Math::min, Long.MAX_VALUE);
        eachPiece(name, (bytes, first) -> {
            long at = NonFinite.firstIn(bytes, tensor.dtype());
            least.accumulate(at < 0 ? Long.MAX_VALUE : first + at);
        });
        if (least.get() < Long.MAX_VALUE) {
            throw new InputException(file + ": tensor " + name + " holds " + tensor.get(least.get()) + " at index " + least.get()
                    + "; finite weights were expected: fetch the file again, or train the model anew");
        }
    }

    /** Sees a piece of a tensor: its bytes, in native memory, and the index of the first element. */
    private interface PieceReader {
        void piece(MemorySegment bytes, long first);
    }

    /**
     * Reads a tensor's bytes in pieces, parts of it at once on all cores. Never on the calling thread: an interrupt, by which a caller may ask for
     * something else to stop, would close the channel.
     */
    private void eachPiece(String name, PieceReader reader) {
        Tensor tensor = tensors.get(name);
        List<CompletableFuture<Void>> parts = new ArrayList<>();
        for (long from = 0; from < tensor.bytes(); from += PART_BYTES) {
            long start = from;
            long end = Math.min(tensor.bytes(), from + PART_BYTES);
            parts.add(CompletableFuture.runAsync(() -> readPart(places.get(name), start, end, tensor.dtype().bytes(), reader)));
        }
        try {
            parts.forEach(CompletableFuture::join);
        } catch (CompletionException e) {
            // None goes on when this returns: the buffers it writes to may be given back.
            parts.forEach(part -> part.handle((done, failure) -> null).join());
            switch (e.getCause()) {
                case RuntimeException cause -> throw cause;
                case Error cause -> throw cause;
                default -> throw e;
            }
        }
    }

    private void readPart(long place, long start, long end, int elementBytes, PieceReader reader) {
        try (Arena own = Arena.ofConfined()) {
            MemorySegment buffer = own.allocate(Math.min(end - start, PIECE_BYTES), 64);
            for (long at = start; at < end; at += PIECE_BYTES) {
                MemorySegment piece = buffer.asSlice(0, Math.min(PIECE_BYTES, end - at));
                readFully(place + at, piece);
                reader.piece(piece, at / elementBytes);
            }
        }
    }

    private void readFully(long place, MemorySegment out) {
        ByteBuffer rest = out.asByteBuffer();
        try {
            while (rest.hasRemaining()) {
                if (channel.read(rest, place + rest.position()) < 0) {
                    throw new InputException(file + " has become shorter while it was read; leave it alone and start again");
                }
            }
        } catch (IOException e) {
            throw new InputException("cannot read " + file + ": " + AtomicFile.reason(e), e);
        }
    }

    @Override
    public void close() {
        watch.run();
        watch = () -> {};
        close(arena, channel);
    }

    private static void close(Arena arena, FileChannel channel) {
        if (arena.scope().isAlive()) {
            arena.close();
        }
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            // It was only read: nothing is lost.
        }
    }

    // ------------------------------------------------------------------------------------------------ writing

    /** Writes dense tensors in the given order, with their own types; atomically. */
    public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
        ObjectNode header = Json.MAPPER.createObjectNode();
        if (!metadata.isEmpty()) {
            ObjectNode meta = header.putObject("__metadata__");
            metadata.forEach(meta::put);
        }
        long offset = 0;
        for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
            Tensor tensor = entry.getValue();
            if (!tensor.isDense()) {
                throw new IllegalArgumentException(entry.getKey() + " is not dense: " + tensor);
            }
            ObjectNode item = header.putObject(entry.getKey());
            item.put("dtype", tensor.dtype().safetensorsName());
            var shape = item.putArray("shape");
            for (long extent : tensor.shape()) {
                shape.add(extent);
            }
            item.putArray("data_offsets").add(offset).add(offset + tensor.bytes());
            offset += tensor.bytes();
        }
        // Padded with spaces to 8 bytes, as the format asks, so that the data is aligned.
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        byte[] padded = Arrays.copyOf(json, (json.length + 7) / 8 * 8);
        Arrays.fill(padded, json.length, padded.length, (byte) ' ');
        AtomicFile.write(file, channel -> {
            ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, padded.length);
            AtomicFile.writeFully(channel, length);
            AtomicFile.writeFully(channel, ByteBuffer.wrap(padded));
            for (Tensor tensor : tensors.values()) {
                // In pieces: a ByteBuffer sees at most 2 GiB.
                for (long at = 0, end = tensor.bytes(); at < end; ) {
                    long piece = Math.min(end - at, 1L << 30);
                    AtomicFile.writeFully(channel, bytesOf(tensor.segment().asSlice(at, piece)));
                    at += piece;
                }
            }
        });
    }

    /** Off-heap memory as it is; a heap array (the reference device in tests) by a copy, since only byte arrays show themselves as buffers. */
    private static ByteBuffer bytesOf(MemorySegment segment) {
        return segment.isNative() ? segment.asByteBuffer() : ByteBuffer.wrap(segment.toArray(ValueLayout.JAVA_BYTE));
    }
}
