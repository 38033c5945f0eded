package adaspec.common;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.Processes;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FolderLockTest {
    private static final String NAME = ".lock";

    @TempDir
    private Path folder;

    @Test
    void isOneAtATimeAndLeavesNothing() throws IOException {
        Path place = folder.resolve("a/place");
        try (FolderLock first = FolderLock.tryLock(place, NAME, false)) {
            assertNotNull(first);
            assertNull(FolderLock.tryLock(place, NAME, false));
            assertNull(FolderLock.tryLock(folder.resolve("a/../a/place"), NAME, false), "by another name");
            try (FolderLock other = FolderLock.tryLock(folder.resolve("other"), NAME, false)) {
                assertNotNull(other);
            }
        }
        assertFalse(Files.exists(place), "made for the lock, and empty");
        Files.createDirectories(place);
        FolderLock.tryLock(place, NAME, false).close();
        assertTrue(Files.exists(place), "was there before");
        assertFalse(Files.exists(place.resolve(NAME)));
        Path kept = folder.resolve("kept");
        try (FolderLock lock = FolderLock.tryLock(kept, NAME, false)) {
            Files.writeString(kept.resolve("result"), "");
        }
        assertTrue(Files.exists(kept.resolve("result")));
    }

    /** A second closing would have given away the lock of whoever came next. */
    @Test
    void mayKeepItsFileAndIsClosedOnce() throws IOException {
        FolderLock first = FolderLock.tryLock(folder, NAME, true);
        first.close();
        assertTrue(Files.exists(folder.resolve(NAME)));
        try (FolderLock second = FolderLock.tryLock(folder, NAME, false)) {
            first.close();
            assertNull(FolderLock.tryLock(folder, NAME, false));
        }
        assertFalse(Files.exists(folder.resolve(NAME)));
    }

    /** A second try must not give away what the first one has: closing a channel to a file gives back all of a process's locks on it. */
    @Test
    void keepsOtherProcessesOutUntilItsOwnIsKilled() throws Exception {
        Process process = Processes.start(Processes.java("adaspec.common.FolderLockTest$Holder", folder.toString()));
        try (BufferedReader reader = process.inputReader()) {
            Processes.readUntil(reader, "locked");
            assertNull(FolderLock.tryLock(folder, NAME, false));
            assertNull(FolderLock.tryLock(folder, NAME, false));
        } finally {
            process.destroyForcibly();
        }
        Processes.waitFor(process);
        assertTrue(Files.exists(folder.resolve(NAME)), "left by the killed process");
        try (FolderLock lock = FolderLock.tryLock(folder, NAME, false)) {
            assertNotNull(lock);
        }
        try (var files = Files.list(folder)) {
            assertEquals(0, files.count());
        }
    }

    static final class Holder {
        public static void main(String[] arguments) throws Exception {
            try (FolderLock lock = FolderLock.tryLock(Path.of(arguments[0]), NAME, false)) {
                FolderLock second = FolderLock.tryLock(Path.of(arguments[0]), NAME, false);
                System.out.println(lock != null && second == null ? "locked" : "not locked");
                Thread.sleep(60_000);
            }
        }
    }
}
