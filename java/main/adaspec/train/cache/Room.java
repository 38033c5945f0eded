package adaspec.train.cache;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** How much fits, asked before anything is begun. */
final class Room {
    private Room() {}

    /** Fails unless {@code bytes} of memory are free for a cache. */
    static void requireMemory(long bytes) {
        long available = availableMemory(Path.of("/"));
        if (bytes > available) {
            throw new InputException("the teacher cache takes " + text(bytes) + ", but " + text(available)
                    + " of memory are available; give --teacher-cache a folder to keep it on disk");
        }
    }

    /** Fails unless {@code bytes} more fit on the disk of {@code folder}, which need not exist yet. */
    static void requireDisk(Path folder, long bytes) {
        Path there = folder.toAbsolutePath().normalize();
        while (!Files.exists(there)) {
            there = there.getParent();
        }
        try {
            long available = Files.getFileStore(there).getUsableSpace();
            if (bytes > available) {
                throw new InputException("the teacher cache takes " + text(bytes) + " more in " + folder + ", but " + text(available)
                        + " are free there; give --teacher-cache a place with enough room");
            }
        } catch (IOException e) {
            throw new InputException("cannot read " + there + ": " + AtomicFile.reason(e), e);
        }
    }

    /** What Linux calls available, within the limit of a container; unlimited where the system does not say. */
    static long availableMemory(Path root) {
        long available = Long.MAX_VALUE;
        try {
            for (String line : Files.readAllLines(root.resolve("proc/meminfo"))) {
                if (line.startsWith("MemAvailable:")) {
                    available = 1024 * Long.parseLong(line.replaceAll("\\D", ""));
                }
            }
            String limit = Files.readString(root.resolve("sys/fs/cgroup/memory.max")).strip();
            if (limit.matches("\\d+")) {
                long used = Long.parseLong(Files.readString(root.resolve("sys/fs/cgroup/memory.current")).strip());
                for (String line : Files.readAllLines(root.resolve("sys/fs/cgroup/memory.stat"))) {
                    // Pages of files are given back when memory is short.
                    used -= line.matches("(in)?active_file \\d+") ? Long.parseLong(line.replaceAll("\\D", "")) : 0;
                }
                available = Math.min(available, Math.max(0, Long.parseLong(limit) - used));
            }
        } catch (IOException | NumberFormatException e) {
            // Not Linux, or no container: what is known so far stands.
        }
        return available;
    }

    /** Bytes as people read them: 3.2 kB, 12.3 MB, 4.5 GB. */
    static String text(long bytes) {
        return bytes < 1_000_000 ? String.format(Locale.ROOT, "%.1f kB", bytes / 1e3)
                : bytes < 1_000_000_000 ? String.format(Locale.ROOT, "%.1f MB", bytes / 1e6)
                : String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
    }
}
