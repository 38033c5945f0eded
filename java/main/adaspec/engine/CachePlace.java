package adaspec.engine;

import adaspec.common.UsageException;
import java.nio.file.Path;

/**
 * Where what the frozen models say about the training samples is remembered, so that they are asked once.
 *
 * @param folder of a cache on disk; null for the two others
 */
public record CachePlace(Kind kind, Path folder) {
    /** The three ways. */
    public enum Kind {
        OFF,
        MEMORY,
        FOLDER
    }

    /** Nowhere: the models run at every step. */
    public static final CachePlace OFF = new CachePlace(Kind.OFF, null);

    /** In memory, until the end of the run. */
    public static final CachePlace MEMORY = new CachePlace(Kind.MEMORY, null);

    public CachePlace {
        if ((kind == Kind.FOLDER) != (folder != null)) {
            throw new IllegalArgumentException(kind + " with the folder " + folder);
        }
    }

    /** In files of {@code folder}, for other runs too. */
    public static CachePlace in(Path folder) {
        return new CachePlace(Kind.FOLDER, folder);
    }

    /** {@code off}, {@code memory}, or a folder. */
    public static CachePlace parse(String text) {
        if (text.isBlank()) {
            throw new UsageException("--teacher-cache is empty; off, memory or a folder was expected");
        }
        return switch (text) {
            case "off" -> OFF;
            case "memory" -> MEMORY;
            default -> in(Path.of(text));
        };
    }

    /** What {@link #parse} reads. */
    @Override
    public String toString() {
        return switch (kind) {
            case OFF -> "off";
            case MEMORY -> "memory";
            case FOLDER -> folder.toString();
        };
    }
}
