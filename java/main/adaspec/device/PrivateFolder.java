package adaspec.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Set;

/**
 * Folders that no other user of the machine can put anything into, or exchange: what is unpacked there is loaded as code. A folder that somebody else
 * made first, as anybody can in /tmp, a link of theirs, and a folder in a place where others may rename it are refused, with the reason.
 *
 * <p>Which folder is meant is settled once: what is returned is free of links, so that a link that is bent afterwards changes nothing.
 */
final class PrivateFolder {
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rwx------");
    private static final FileAttribute<Set<PosixFilePermission>> CREATED = PosixFilePermissions.asFileAttribute(OWNER_ONLY);

    /** The bits of a mode: others may write, and who may is limited to what is theirs. */
    private static final int OTHERS_WRITE = 02;
    private static final int STICKY = 01000;
    private static final int ROOT = 0;

    private PrivateFolder() {}

    /**
     * The place in which private folders lie, made for its owner only where it is not there yet.
     *
     * @return where it really is
     */
    static Path root(Path root) throws IOException {
        Path absolute = root.toAbsolutePath();
        Files.createDirectories(absolute.getParent() == null ? absolute : absolute.getParent());
        create(absolute);
        if (Files.isSymbolicLink(absolute)) {
            requireOwner(absolute, "is a link");
        }
        Path real = absolute.toRealPath();
        if (!Files.isDirectory(real)) {
            throw new IOException(root + " is a file and not a folder");
        }
        requireOwner(real, "is a folder");
        for (Path place = real; place != null; place = place.getParent()) {
            int mode = (int) Files.getAttribute(place, "unix:mode", LinkOption.NOFOLLOW_LINKS);
            if ((mode & OTHERS_WRITE) != 0 && (mode & STICKY) == 0) {
                throw new IOException(place + " can be written by every user of this machine, who could put libraries of their own there");
            }
        }
        return real;
    }

    /** A folder in {@code root} that its owner alone can enter. */
    static Path in(Path root, String name) throws IOException {
        Path folder = root.resolve(name);
        create(folder);
        Map<String, Object> found = Files.readAttributes(folder, "unix:isDirectory,uid,mode", LinkOption.NOFOLLOW_LINKS);
        if (!(boolean) found.get("isDirectory")) {
            throw new IOException(folder + " is no folder of this user but a link or a file");
        }
        if ((int) found.get("uid") != self()) {
            throw new IOException(folder + " is a folder of another user (uid " + found.get("uid") + ")");
        }
        if (((int) found.get("mode") & 077) != 0) {
            // Ours, and perhaps made by a copy that did not keep the permissions. Nobody but its owner and root can have put something there if nobody
            // else could write; else it is not to be trusted.
            if (((int) found.get("mode") & 022) != 0) {
                throw new IOException(folder + " could be written by others than its owner; delete it");
            }
            Files.setPosixFilePermissions(folder, OWNER_ONLY);
        }
        return folder;
    }

    /** Whether the folder is this user's: for a choice between places. */
    static boolean isOwn(Path folder) {
        try {
            return (int) Files.getAttribute(folder, "unix:uid") == self();
        } catch (IOException | UnsupportedOperationException e) {
            return false;
        }
    }

    private static void create(Path folder) throws IOException {
        if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            try {
                Files.createDirectory(folder, CREATED);
            } catch (FileAlreadyExistsException e) {
                // Another process was quicker, perhaps another user's: what is there is looked at next.
            }
        }
    }

    private static void requireOwner(Path path, String what) throws IOException {
        int uid = (int) Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS);
        if (uid != self() && uid != ROOT) {
            throw new IOException(path + " " + what + " of another user (uid " + uid + ")");
        }
    }

    /** This process's user: the owner of what it makes. */
    private static int self() {
        Linker linker = Linker.nativeLinker();
        try {
            return (int) linker.downcallHandle(linker.defaultLookup().find("geteuid").orElseThrow(), FunctionDescriptor.of(JAVA_INT)).invokeExact();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("geteuid threw", e);
        }
    }
}
