package adaspec.train.cache;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.common.Sha256;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * What is in the folder of a cache, read without its models and data.
 *
 * @param parts the target's hidden states first, then the references' KL
 */
public record CacheContent(Path folder, CacheFolder.Manifest manifest, List<Part> parts) {
    /**
     * One file of numbers.
     *
     * @param samples  whose rows are sure
     * @param bytes    of the file, 0 where it is gone
     * @param expected bytes of the whole
     * @param sha256   of the whole; empty before that
     */
    public record Part(Path data, int samples, long bytes, long expected, boolean complete, String sha256) {
        /** The file's name without its ending: {@code target-hidden} or {@code reference-kl-} and a hash. */
        public String name() {
            return data.getFileName().toString().replaceFirst("\\.bin$", "");
        }
    }

    /** Of the cache in {@code folder}. */
    public static CacheContent of(CacheFolder folder) {
        CacheFolder.Manifest manifest = folder.manifest();
        List<Part> parts = new ArrayList<>();
        for (Path data : folder.data()) {
            boolean hidden = data.equals(folder.hiddenData());
            parts.add(part(data, hidden ? manifest.key().bytes(false) : manifest.key().bytes(true) - manifest.key().bytes(false)));
        }
        return new CacheContent(folder.path(), manifest, List.copyOf(parts));
    }

    private static Part part(Path data, long expected) {
        Path file = CacheFolder.recordOf(data);
        JsonNode record = Files.exists(file) ? Json.readFile(file) : MissingNode.getInstance();
        return new Part(data, record.path("samples").asInt(), sizeOf(data), expected, record.path("complete").asBoolean(), record.path("sha256").asText());
    }

    private static long sizeOf(Path file) {
        try {
            return Files.exists(file) ? Files.size(file) : 0;
        } catch (IOException e) {
            throw new InputException("cannot read " + file + ": " + AtomicFile.reason(e), e);
        }
    }

    /** The cache that {@code folder} is, or the caches among the folders in it, by name. */
    public static List<CacheContent> under(Path folder) {
        if (new CacheFolder(folder).exists()) {
            return List.of(of(new CacheFolder(folder)));
        }
        try (Stream<Path> inside = Files.list(folder)) {
            return inside.sorted().map(CacheFolder::new).filter(CacheFolder::exists).map(CacheContent::of).toList();
        } catch (IOException e) {
            throw new InputException("cannot read " + folder + ": " + AtomicFile.reason(e) + "; a folder was expected", e);
        }
    }

    /**
     * Reads every complete part and compares its size and hash with its record.
     *
     * @return what was found, a line for each part
     * @throws InputException if a part is damaged
     */
    public List<String> verify() {
        List<String> lines = new ArrayList<>();
        for (Part part : parts) {
            if (!part.complete) {
                lines.add(String.format(Locale.ROOT, "%s is not complete: %,d of %,d samples", part.name(), part.samples, manifest.key().data().samples()));
                continue;
            }
            String found = part.bytes == part.expected ? Sha256.ofFile(part.data) : part.bytes + " bytes instead of " + part.expected;
            if (!found.equals(part.sha256)) {
                throw FileMatrix.damaged(part.data, "it has " + (part.bytes == part.expected ? "the SHA-256 " + found + ", and its record says "
                        + (part.sha256.isEmpty() ? "nothing" : part.sha256) : found));
            }
            lines.add(part.name() + ": " + Room.text(part.bytes) + ", SHA-256 as recorded");
        }
        return lines;
    }

    /** Some lines for people. */
    public String describe() {
        CacheKey key = manifest.key();
        var text = new StringBuilder("teacher cache " + folder + "\n");
        text.append("  target     ").append(manifest.directory()).append('\n');
        key.target().forEach((file, hash) -> text.append("             ").append(hash).append("  ").append(file).append('\n'));
        text.append("  precision  ").append(key.precision().torchName()).append(", asked in batches of ").append(manifest.batchSize()).append('\n');
        text.append("  data       ").append(key.data()).append('\n');
        for (Part part : parts) {
            String state = !part.complete
                    ? String.format(Locale.ROOT, "%,d of %,d samples", part.samples, key.data().samples())
                    : part.bytes == part.expected ? "complete" : "damaged: " + Room.text(part.expected) + " were written";
            text.append(String.format(Locale.ROOT, "  %-30s %10s  %s%n", part.name(), Room.text(part.bytes), state));
        }
        return parts.isEmpty() ? text.append("  nothing yet\n").toString() : text.toString();
    }
}
