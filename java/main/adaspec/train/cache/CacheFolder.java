package adaspec.train.cache;

import adaspec.common.AtomicFile;
import adaspec.common.FolderLock;
import adaspec.common.InputException;
import adaspec.common.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The files of a cache: {@code teacher-cache.json}, its manifest; {@code target-hidden.bin} and, for each reference, {@code reference-kl-*.bin}, flat
 * rows of numbers, each with a record of the same name in JSON; and {@code lock}.
 */
public final class CacheFolder {
    static final int FORMAT_VERSION = 1;

    private static final String FORMAT = "adaspec teacher cache";
    private static final String MANIFEST = "teacher-cache.json";
    private static final String LOCK = "lock";
    private static final String HIDDEN = "target-hidden";
    private static final String KL_REFERENCE = "reference-kl-";
    /** All names that are a cache's own; those that begin with a dot are left by a process that was killed. */
    private static final Pattern OWN = Pattern.compile(
            "lock|teacher-cache\\.json|(target-hidden|reference-kl-[0-9a-f]{16})\\.(bin|json)|\\.(teacher-cache|target-hidden|reference-kl-\\w+)\\.json\\.\\d+\\.tmp");

    private final Path folder;

    public CacheFolder(Path folder) {
        this.folder = folder;
    }

    public Path path() {
        return folder;
    }

    /** Whether a cache was begun here. */
    public boolean exists() {
        return Files.isRegularFile(folder.resolve(MANIFEST));
    }

    /**
     * What the manifest says.
     *
     * @param directory of the target when the cache was begun: for people, it may have moved
     */
    public record Manifest(CacheKey key, int batchSize, String directory) {}

    /** @throws InputException if there is no cache, or one of another version */
    public Manifest manifest() {
        Path file = folder.resolve(MANIFEST);
        if (!exists()) {
            throw new InputException(folder + " is no teacher cache: it has no " + MANIFEST);
        }
        JsonNode node = Json.readFile(file);
        if (!node.path("format").asText().equals(FORMAT)) {
            throw new InputException(file + " is not the manifest of a teacher cache: \"format\": \"" + FORMAT + "\" was expected");
        }
        if (node.path("format_version").asInt() != FORMAT_VERSION) {
            throw new InputException(file + " is of format version " + node.path("format_version") + "; this version of the engine reads "
                    + FORMAT_VERSION + ": clear it away with `cache delete --teacher-cache " + folder + "` and build it again");
        }
        return new Manifest(
                CacheKey.fromJson(node, file.toString()), Math.max(1, node.path("batch_size").asInt()), node.path("target_directory").asText());
    }

    /** Fails unless the folder is absent, empty, or a cache with this key. Nothing is written. */
    public void requireUsable(CacheKey key) {
        if (!exists()) {
            List<String> foreign = foreign();
            if (!foreign.isEmpty()) {
                throw new InputException(folder + " is no teacher cache, and not empty: it has " + foreign.getFirst()
                        + "; give --teacher-cache a new or empty folder");
            }
            return;
        }
        List<String> differences = manifest().key.differencesTo(key);
        if (!differences.isEmpty()) {
            throw new InputException("the teacher cache " + folder + " was made from " + String.join(", and from ", differences)
                    + "; give another folder to --teacher-cache, or clear this one away with `cache delete --teacher-cache " + folder + "`");
        }
    }

    /** Begins a cache unless one is there. Only while {@link #lock locked}. */
    void begin(CacheKey key, int batchSize, Path target) {
        if (exists()) {
            return;
        }
        ObjectNode node = Json.MAPPER.createObjectNode();
        node.put("format", FORMAT).put("format_version", FORMAT_VERSION);
        node.setAll(key.toJson());
        node.put("target_directory", target.toAbsolutePath().normalize().toString());
        node.put("batch_size", batchSize);
        AtomicFile.writeString(folder.resolve(MANIFEST), node.toPrettyString() + "\n");
    }

    Path hiddenData() {
        return folder.resolve(HIDDEN + ".bin");
    }

    Path klReferenceData(ReferenceKey reference) {
        return folder.resolve(KL_REFERENCE + reference.name() + ".bin");
    }

    /** The record of a file of numbers. */
    static Path recordOf(Path data) {
        return data.resolveSibling(data.getFileName().toString().replaceFirst("\\.bin$", ".json"));
    }

    /** The data files that were begun, also those of which only the record is left: the hidden states first, then the references' KL by name. */
    List<Path> data() {
        return names().stream()
                .filter(name -> OWN.matcher(name).matches() && (name.startsWith(HIDDEN) || name.startsWith(KL_REFERENCE)))
                .map(name -> name.replaceFirst("\\.(bin|json)$", ".bin"))
                .distinct()
                .sorted((a, b) -> a.startsWith(HIDDEN) ? -1 : b.startsWith(HIDDEN) ? 1 : a.compareTo(b))
                .map(folder::resolve)
                .toList();
    }

    private List<String> names() {
        if (!Files.exists(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new InputException("cannot read " + folder + ": " + AtomicFile.reason(e) + "; a folder was expected", e);
        }
    }

    /** Names that are not a cache's. */
    private List<String> foreign() {
        return names().stream().filter(name -> !OWN.matcher(name).matches()).toList();
    }

    /** Makes the folder and keeps every other process from writing there until the result is closed, or this process is gone. */
    TeacherCache.Writing lock() {
        try {
            FolderLock lock = FolderLock.tryLock(folder, LOCK, true);
            if (lock == null) {
                throw new InputException("another process is writing the teacher cache " + folder + "; wait for it, or give another folder");
            }
            if (!lock.keepsProcessesOut()) {
                lock.close();
                throw new IOException("the file system has no locks");
            }
            return lock::close;
        } catch (IOException e) {
            throw new InputException(
                    "cannot write " + folder.resolve(LOCK) + ": " + AtomicFile.reason(e) + "; give --teacher-cache a writable folder", e);
        }
    }

    /**
     * Deletes a cache's own files, and the folder if nothing else is in it.
     *
     * @return the bytes that were freed
     */
    public long delete() {
        if (!exists()) {
            throw new InputException(folder + " is no teacher cache: it has no " + MANIFEST + "; nothing was deleted");
        }
        long bytes = 0;
        try (TeacherCache.Writing writing = lock()) {
            List<String> own = new ArrayList<>(names());
            own.removeAll(foreign());
            // The manifest last: until then what is left is a cache.
            own.remove(MANIFEST);
            own.add(MANIFEST);
            for (String name : own) {
                bytes += Files.size(folder.resolve(name));
                Files.delete(folder.resolve(name));
            }
            if (names().isEmpty()) {
                Files.delete(folder);
            }
        } catch (IOException e) {
            throw new InputException("cannot delete the teacher cache " + folder + ": " + AtomicFile.reason(e), e);
        }
        return bytes;
    }
}
