package adaspec.common;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Writes whole files: beside their place, synced, then renamed, so that a reader sees the old content or the new and never a part. Devices and
 * pipes ({@code /dev/stdout}, {@code /dev/null}) are written as they are: a rename would put a file in their place.
 */
public final class AtomicFile {
    /** Written to as it is: what comes goes to standard output. */
    public static final Path STANDARD_OUTPUT = Path.of("/dev/stdout");

    private static final SecureRandom NAMES = new SecureRandom();
    private static final Set<PosixFilePermission> OWNERS = PosixFilePermissions.fromString("rwx------");
    private static final Set<PosixFilePermission> GROUPS = PosixFilePermissions.fromString("---rwx---");

    private AtomicFile() {}

    /** Fills an open channel with the content of the file. */
    @FunctionalInterface
    public interface Content {
        void writeTo(FileChannel channel) throws IOException;
    }

    /**
     * Writes {@code file}, making its parent folders; a failure leaves what was there before and no temporary file, and so does a signal that ends
     * the process. Only where the disk fails to keep the new name of a file that was there before, the new content stays in its place.
     */
    public static void write(Path file, Content content) {
        Path target = file.toAbsolutePath();
        requireNoFolder(file);
        if (isDevice(target)) {
            writeThrough(file, content);
            return;
        }
        Path beside = beside(target);
        Thread cleaner = new Thread(() -> deleteQuietly(beside));
        boolean isNew = !Files.exists(target);
        try {
            Files.createDirectories(target.getParent());
            Runtime.getRuntime().addShutdownHook(cleaner);
            try (FileChannel channel = create(beside, target)) {
                content.writeTo(channel);
                channel.force(true);
            }
            Files.move(beside, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            try {
                syncFolder(target.getParent());
            } catch (IOException e) {
                if (isNew) {
                    deleteQuietly(target);
                }
                throw e;
            }
        } catch (IOException e) {
            deleteQuietly(beside);
            throw cannotWrite(file, reason(e), e);
        } catch (RuntimeException | Error e) {
            deleteQuietly(beside);
            throw e;
        } finally {
            forget(cleaner);
        }
    }

    /**
     * Where {@code target} is written before it is renamed: {@code .NAME.NUMBER.tmp} beside it. The number is drawn by lot, so that nobody who may
     * write into the folder can know it and put a link there.
     */
    public static Path beside(Path target) {
        return target.resolveSibling("." + target.getFileName() + "." + (NAMES.nextLong() >>> 1) + ".tmp");
    }

    /** A new file; where {@code target} is there already, nobody may read or write it who could not before. */
    private static FileChannel create(Path beside, Path target) throws IOException {
        Set<OpenOption> options = Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
        PosixFileAttributeView existing = Files.getFileAttributeView(target, PosixFileAttributeView.class);
        if (existing == null || !Files.exists(target)) {
            return FileChannel.open(beside, options);
        }
        PosixFileAttributes before = existing.readAttributes();
        Set<PosixFilePermission> permissions = EnumSet.noneOf(PosixFilePermission.class);
        permissions.addAll(before.permissions());
        Set<PosixFilePermission> ofOwner = permissions.stream().filter(OWNERS::contains).collect(Collectors.toSet());
        FileChannel channel = FileChannel.open(beside, options, PosixFilePermissions.asFileAttribute(ofOwner));
        try {
            PosixFileAttributeView made = Files.getFileAttributeView(beside, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS);
            if (!made.readAttributes().group().equals(before.group())) {
                made.setGroup(before.group());
            }
        } catch (IOException e) {
            // Not a member of the group: its permissions are not for the group that the new file has.
            permissions.removeAll(GROUPS);
        }
        try {
            if (!Files.getPosixFilePermissions(beside).equals(permissions)) {
                Files.setPosixFilePermissions(beside, permissions);
            }
        } catch (IOException e) {
            // Some file systems keep none; what was made is for its owner.
        }
        return channel;
    }

    /**
     * Fails where {@link #write} to {@code file} could not succeed, as far as that shows beforehand: for work that takes long before it has something
     * to write. Makes nothing.
     */
    public static void requireWritable(Path file) {
        if (file.toString().isEmpty()) {
            throw new InputException("the name of the file to write is empty; a path was expected");
        }
        Path target = file.toAbsolutePath();
        requireNoFolder(file);
        Path place = isDevice(target) ? target : target.getParent();
        while (!Files.exists(place)) {
            place = place.getParent();
        }
        if (!place.equals(target) && !Files.isDirectory(place)) {
            throw cannotWrite(file, place + " is a file and not a folder", null);
        }
        if (!Files.isWritable(place)) {
            throw cannotWrite(file, "permission denied", null);
        }
    }

    private static void requireNoFolder(Path file) {
        if (Files.isDirectory(file.toAbsolutePath())) {
            throw new InputException("cannot write " + file + ": it is a folder; the name of a file was expected");
        }
    }

    private static InputException cannotWrite(Path file, String reason, IOException cause) {
        return new InputException("cannot write " + file + ": " + reason + "; choose a writable place with enough room", cause);
    }

    /** Brings the names in {@code folder} to the disk: without it a rename may be lost when the machine ends, though not when the process does. */
    public static void syncFolder(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (AccessDeniedException e) {
            // Some systems do not open folders; theirs is the old promise.
        }
    }

    private static void forget(Thread cleaner) {
        try {
            Runtime.getRuntime().removeShutdownHook(cleaner);
        } catch (IllegalStateException e) {
            // The process is ending and the hook runs.
        }
    }

    /** What is there and no regular file, and the names by which a process reaches its own streams, whatever these are. */
    private static boolean isDevice(Path target) {
        Path folder = target.getParent();
        return Files.exists(target)
                && (!Files.isRegularFile(target) || folder.equals(Path.of("/dev")) || folder.startsWith("/dev/fd") || folder.startsWith("/proc"));
    }

    private static void writeThrough(Path file, Content content) {
        try {
            if (file.equals(STANDARD_OUTPUT)) {
                // Not opened anew, which would begin at the start of a file that the shell has opened to add to; and not closed.
                @SuppressWarnings("resource")
                FileChannel channel = new FileOutputStream(FileDescriptor.out).getChannel();
                content.writeTo(channel);
                return;
            }
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                content.writeTo(channel);
            }
        } catch (IOException e) {
            throw new InputException("cannot write " + file + ": " + reason(e), e);
        }
    }

    /** Writes {@code text} as UTF-8. */
    public static void writeString(Path file, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        writeBytes(file, bytes);
    }

    public static void writeBytes(Path file, byte[] bytes) {
        write(file, channel -> {
            var buffer = ByteBuffer.wrap(bytes);
            writeFully(channel, buffer);
        });
    }

    /** Writes what remains of {@code buffer}; one call of a channel may take less. */
    public static void writeFully(FileChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    /** The system's reason in words, without the path that the caller's sentence already names. */
    public static String reason(IOException e) {
        if (e instanceof java.nio.file.NoSuchFileException) {
            return "there is no such file";
        }
        if (e instanceof AccessDeniedException) {
            return "permission denied";
        }
        if (e instanceof FileAlreadyExistsException exists) {
            return exists.getFile() + " is a file and not a folder";
        }
        if (e instanceof FileSystemException f && f.getReason() != null) {
            return f.getReason();
        }
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }

    private static void deleteQuietly(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException ignored) {
            // The first failure is the one worth telling.
        }
    }
}
