package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DefaultAssetsTest {
    @TempDir
    private Path folder;

    /** From a jar, as they come. */
    private Path unpack(String content) throws IOException {
        Path jar = folder.resolve("assets.jar");
        Files.deleteIfExists(jar);
        try (var files = FileSystems.newFileSystem(URI.create("jar:" + jar.toUri()), Map.of("create", "true"))) {
            Files.createDirectories(files.getPath("/adaspec/default/target"));
            Files.writeString(files.getPath("/adaspec/default/target/config.json"), content);
            Files.writeString(files.getPath("/adaspec/default/default.json"), "{}");
            Files.writeString(files.getPath("/adaspec/other.txt"), "not an asset");
        }
        try (var files = FileSystems.newFileSystem(URI.create("jar:" + jar.toUri()), Map.of())) {
            return DefaultAssets.unpack(files.getPath("/adaspec/default/"), folder.resolve("cache"));
        }
    }

    @Test
    void areUnpackedOnceUnderTheHashOfTheirContent() throws IOException {
        Path first = unpack("one");
        assertEquals("one", Files.readString(first.resolve("target/config.json")));
        Files.writeString(first.resolve("mark"), "still the first");
        assertEquals(first, unpack("one"));
        assertEquals("still the first", Files.readString(first.resolve("mark")));
        Path second = unpack("two");
        assertNotEquals(first, second);
        assertEquals("two", Files.readString(second.resolve("target/config.json")));
        try (var entries = Files.list(folder.resolve("cache"))) {
            assertEquals(List.of(first, second).stream().sorted().toList(), entries.sorted().toList());
        }
    }

    @Test
    void whatIsDamagedOrMissingIsUnpackedAgain() throws IOException {
        Path unpacked = unpack("one");
        Files.writeString(unpacked.resolve("target/config.json"), "oné");
        Files.delete(unpacked.resolve("default.json"));
        assertEquals(unpacked, unpack("one"));
        assertEquals("one", Files.readString(unpacked.resolve("target/config.json")));
        assertEquals("{}", Files.readString(unpacked.resolve("default.json")));
    }

    /** What they put there would be trained on. */
    @Test
    void aFolderThatOthersCouldWriteToIsRefused() throws IOException {
        Path unpacked = unpack("one");
        Files.setPosixFilePermissions(unpacked, PosixFilePermissions.fromString("rwxrwxrwx"));
        String reason = assertThrows(IOException.class, () -> unpack("one")).getMessage();
        assertTrue(reason.contains(unpacked + " could be written by others"), reason);
        Path aside = Files.move(unpacked, folder.resolve("aside"));
        Files.createSymbolicLink(unpacked, aside);
        reason = assertThrows(IOException.class, () -> unpack("one")).getMessage();
        assertTrue(reason.contains("is no folder of this user but a link"), reason);
    }

    /** By a second thread that opens them, or by a program that reads its own jar. */
    @Test
    void theirJarMayBeOpenAlready() throws IOException {
        Path jar = Files.createDirectories(folder.resolve("50 % of it")).resolve("program.jar");
        URI uri = URI.create("jar:" + jar.toUri());
        try (var open = FileSystems.newFileSystem(uri, Map.of("create", "true"))) {
            Files.createDirectories(open.getPath("/adaspec/default"));
            Files.writeString(open.getPath("/adaspec/default/default.json"), "{}");
        }
        try (var open = FileSystems.newFileSystem(uri, Map.of())) {
            Path unpacked = DefaultAssets.folder(URI.create(uri + "!/adaspec/default/default.json"), folder.resolve("cache"));
            assertEquals("{}", Files.readString(unpacked.resolve("default.json")));
        }
    }
}
