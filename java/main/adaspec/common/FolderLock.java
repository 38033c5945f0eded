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
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * One writer at a time in a folder, of all threads and processes: a locked file there, which is deleted when the lock is given back. A process that
 * is killed leaves the file, unlocked.
 */
public final class FolderLock implements AutoCloseable {
    /** Of this process: it would lose a file's lock by closing any other channel to the file, so it does not even open one. */
    private static final Set<Path> OWN = ConcurrentHashMap.newKeySet();

    private final Path folder;
    private final Path file;
    private final FileChannel channel;
    private final boolean made;

    private FolderLock(Path folder, Path file, FileChannel channel, boolean made) {
        this.folder = folder;
        this.file = file;
        this.channel = channel;
        this.made = made;
    }

    /**
     * Makes {@code folder} if it is not there, and locks it.
     *
     * @param name of the file that is locked
     * @return null if somebody else has it
     */
    public static FolderLock tryLock(Path folder, String name) throws IOException {
        boolean made = !Files.exists(folder);
        Files.createDirectories(folder);
        Path real = folder.toRealPath();
        if (!OWN.add(real)) {
            return null;
        }
        FolderLock lock = null;
        try {
            Path file = real.resolve(name);
            FileChannel channel = tryLock(file);
            lock = channel == null ? null : new FolderLock(real, file, channel, made);
            return lock;
        } finally {
            if (lock == null) {
                OWN.remove(real);
            }
        }
    }

    private static FileChannel tryLock(Path file) throws IOException {
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
                if (channel.tryLock() == null) {
                    return null;
                }
                // Another process may have given it back, and so deleted it, after it was opened here: then what is locked has no name any more.
                locked = before.equals(key(file));
                if (locked) {
                    return channel;
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

    private static Object key(Path file) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        return attributes.fileKey() == null ? file : attributes.fileKey();
    }

    /** Gives it back; the folder is deleted too if it was made for the lock and is empty. */
    @Override
    public void close() {
        try (channel) {
            Files.deleteIfExists(file);
            if (made) {
                Files.delete(folder);
            }
        } catch (IOException e) {
            // A file that stays is no lock, and a folder that is not empty is to stay.
        } finally {
            OWN.remove(folder);
        }
    }
}
