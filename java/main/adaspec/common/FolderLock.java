package adaspec.common;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * One writer at a time in a folder, of all threads and processes: a locked file there. A process that is killed leaves the file, unlocked.
 */
public final class FolderLock implements AutoCloseable {
    /** Of this process: it would lose a file's lock by closing any other channel to the file, so it does not even open one. */
    private static final Set<Path> OWN = ConcurrentHashMap.newKeySet();

    private static final int ATTEMPTS = 10;

    private final Path folder;
    private final FileChannel channel;
    private final boolean shared;
    /** What is deleted when the lock is given back. */
    private final List<Path> temporary;

    private FolderLock(Path folder, FileChannel channel, boolean shared, List<Path> temporary) {
        this.folder = folder;
        this.channel = channel;
        this.shared = shared;
        this.temporary = temporary;
    }

    /**
     * Makes {@code folder} if it is not there, and locks it. A file system without locks keeps out only this process's other threads; see
     * {@link #keepsProcessesOut}.
     *
     * @param name of the file that is locked
     * @param keep leaves the file there; else it is deleted when the lock is given back, and the folder if it was made for it and is empty
     * @return null if somebody else has it
     */
    public static FolderLock tryLock(Path folder, String name, boolean keep) throws IOException {
        for (int attempt = 1;; attempt++) {
            boolean made = !Files.exists(folder);
            Files.createDirectories(folder);
            try {
                Path real = folder.toRealPath();
                Path file = real.resolve(name);
                return tryLock(real, file, keep ? List.of() : made ? List.of(file, real) : List.of(file));
            } catch (NoSuchFileException e) {
                // Another process has just given the lock back, and deleted the folder that it had made.
                if (attempt == ATTEMPTS) {
                    throw e;
                }
            }
        }
    }

    private static FolderLock tryLock(Path folder, Path file, List<Path> temporary) throws IOException {
        if (!OWN.add(folder)) {
            return null;
        }
        FolderLock lock = null;
        try {
            lock = tryLockOfProcess(folder, file, temporary);
            return lock;
        } finally {
            if (lock == null) {
                OWN.remove(folder);
            }
        }
    }

    private static FolderLock tryLockOfProcess(Path folder, Path file, List<Path> temporary) throws IOException {
        while (true) {
            try {
                Files.createFile(file);
            } catch (FileAlreadyExistsException e) {
                // Locked, or left by a process that was killed.
            }
            FileChannel channel = null;
            boolean locked = false;
            try {
                Object before = key(file);
                channel = FileChannel.open(file, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
                Boolean alone = lock(channel);
                if (Boolean.FALSE.equals(alone)) {
                    return null;
                }
                // Another process may have given it back, and so deleted it, after it was opened here: then what is locked has no name any more.
                locked = before.equals(key(file));
                if (locked) {
                    return new FolderLock(folder, channel, alone != null, temporary);
                }
            } catch (NoSuchFileException e) {
                // Given back just now.
            } finally {
                if (channel != null && !locked) {
                    channel.close();
                }
            }
        }
    }

    /** Whether the lock is had; null where there are none. */
    private static Boolean lock(FileChannel channel) {
        try {
            return channel.tryLock() != null;
        } catch (IOException e) {
            return null;
        }
    }

    /** Whether other processes are kept out too. */
    public boolean keepsProcessesOut() {
        return shared;
    }

    private static Object key(Path file) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        return attributes.fileKey() == null ? file : attributes.fileKey();
    }

    /** Gives it back. Closing twice is calm. */
    @Override
    public void close() {
        if (!channel.isOpen()) {
            return;
        }
        try (channel) {
            for (Path path : temporary) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            // A file that stays is no lock, and a folder that is not empty is to stay.
        } finally {
            OWN.remove(folder);
        }
    }
}
