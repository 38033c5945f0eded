package adaspec.common;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.Processes;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AtomicFileTest {
    @TempDir
    private Path folder;

    private List<Path> content() throws IOException {
        try (var files = Files.list(folder)) {
            return files.toList();
        }
    }

    @Test
    void aFailureLeavesWhatWasThereAndNoTemporaryFile() throws IOException {
        Path file = folder.resolve("a.txt");
        AtomicFile.writeString(file, "before");
        InputException e = assertThrows(InputException.class, () -> AtomicFile.write(file, channel -> {
            channel.write(java.nio.ByteBuffer.wrap(new byte[100]));
            throw new IOException("No space left on device");
        }));
        assertTrue(e.getMessage().contains("a.txt") && e.getMessage().contains("No space left"), e.getMessage());
        assertEquals("before", Files.readString(file));
        assertEquals(List.of(file), content());
    }

    /** A link that another user puts where the temporary file will be must not be written through. */
    @Test
    void nobodyCanKnowTheTemporaryName() {
        Path file = folder.resolve("a.txt");
        var names = new HashSet<Path>();
        for (int i = 0; i < 2; i++) {
            AtomicFile.write(file, channel -> content().stream().filter(path -> !path.equals(file)).forEach(names::add));
        }
        assertEquals(2, names.size(), names.toString());
    }

    @Test
    void aPrivateFileStaysPrivate() throws IOException {
        Path file = Files.writeString(folder.resolve("a.txt"), "before");
        for (String permissions : List.of("rw-------", "rw-rw-rw-")) {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(permissions));
            AtomicFile.write(file, channel -> {
                for (Path path : content()) {
                    assertEquals(permissions, PosixFilePermissions.toString(Files.getPosixFilePermissions(path)), path.toString());
                }
            });
            assertEquals(permissions, PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        }
    }

    @Test
    void aFileStaysThatOfItsGroup() throws IOException {
        Path file = Files.writeString(folder.resolve("a.txt"), "before");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw----"));
        try {
            Files.setAttribute(file, "unix:gid", 54321);
        } catch (IOException e) {
            Assumptions.abort("only root gives files to any group");
        }
        AtomicFile.writeString(file, "after");
        assertEquals(54321, Files.getAttribute(file, "unix:gid"));
        assertEquals("rw-rw----", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    }

    @Test
    void aPlaceThatCannotBeWrittenIsKnownBeforehandAndNothingIsMade() throws IOException {
        Path file = Files.writeString(folder.resolve("a.txt"), "before");
        for (Path place : List.of(file.resolve("b.txt"), folder, Path.of(""))) {
            assertThrows(InputException.class, () -> AtomicFile.requireWritable(place), place.toString());
        }
        for (Path place : List.of(file, folder.resolve("c.txt"), folder.resolve("new/folder/c.txt"), Path.of("/dev/null"))) {
            AtomicFile.requireWritable(place);
        }
        assertEquals(List.of(file), content());
    }

    /** A rename would have put a file in the pipe's place, and its reader would have waited for ever. */
    @Test
    void aPipeIsWrittenToAndStaysAPipe() throws Exception {
        Path pipe = folder.resolve("pipe");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        var reader = CompletableFuture.supplyAsync(() -> {
            try {
                return Files.readString(pipe);
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        AtomicFile.writeString(pipe, "through");
        assertFalse(Files.isRegularFile(pipe), "the pipe is still one");
        assertEquals("through", reader.get(60, java.util.concurrent.TimeUnit.SECONDS));
        assertEquals(List.of(pipe), content());
    }

    /** By this name a process reaches its own standard output, here a regular file, which must not be replaced under its writer. */
    @Test
    void devStdoutIsWrittenThrough() throws Exception {
        Path out = folder.resolve("out.txt");
        var process = new ProcessBuilder(Processes.java("adaspec.common.AtomicFileTest$ToStdout")).redirectOutput(out.toFile()).start();
        assertEquals(0, Processes.waitFor(process));
        assertEquals("through", Files.readString(out));
        assertTrue(Files.isSymbolicLink(Path.of("/dev/stdout")), "/dev/stdout is still what it was");
    }

    static final class ToStdout {
        public static void main(String[] arguments) {
            // Not /dev/stdout itself: a test that fails must not break the machine.
            AtomicFile.writeString(Path.of("/proc/self/fd/1"), "through");
        }
    }

    @Test
    void aFolderIsNamedBeforeAnythingIsComputed() {
        InputException e = assertThrows(InputException.class, () -> AtomicFile.write(folder, channel -> {
            throw new AssertionError("computed");
        }));
        assertTrue(e.getMessage().contains("it is a folder"), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"INT", "TERM"})
    void aSignalLeavesNoTemporaryFile(String signal) throws Exception {
        Process process = Processes.start(Processes.java("adaspec.common.AtomicFileTest$Writer", folder.resolve("out.txt").toString()));
        try (BufferedReader reader = process.inputReader()) {
            Processes.readUntil(reader, "writing");
            assertEquals(1, content().size(), "the temporary file");
            Processes.signal(signal, process.pid());
            Processes.waitFor(process);
            assertEquals(List.of(), content());
        } finally {
            process.destroyForcibly();
        }
    }

    static final class Writer {
        public static void main(String[] arguments) {
            AtomicFile.write(Path.of(arguments[0]), channel -> {
                System.out.println("writing");
                try {
                    Thread.sleep(60_000);
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            });
        }
    }
}
