package adaspec.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeCacheTest {
    @TempDir
    Path folder;

    /** A jar of two small "libraries" that notes what is read from it. */
    private static final class Jar implements NativeCache.Source {
        final Map<String, byte[]> files = new LinkedHashMap<>();
        final List<String> read = new ArrayList<>();

        Jar(String first, String second) {
            put("libone.so", first);
            put("libtwo.so.1", second);
            var list = new StringBuilder();
            files.forEach((name, bytes) -> list.append(sha256(bytes)).append("  ").append(name).append('\n'));
            put(NativeCache.LIST, list.toString());
        }

        void put(String name, String content) {
            files.put(name, content.getBytes(StandardCharsets.UTF_8));
        }

        static String sha256(byte[] bytes) {
            try {
                return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
            } catch (java.security.NoSuchAlgorithmException e) {
                throw new AssertionError(e);
            }
        }

        @Override
        public InputStream open(String name) throws IOException {
            read.add(name);
            if (!files.containsKey(name)) {
                throw new FileNotFoundException(name);
            }
            return new ByteArrayInputStream(files.get(name));
        }
    }

    @Test
    void unpacksOnceForItsOwnerOnly() throws IOException {
        var jar = new Jar("one", "two");
        var cache = new NativeCache(folder.resolve("a/cache"));
        Path unpacked = cache.unpack(jar);
        assertEquals("one", Files.readString(unpacked.resolve("libone.so")));
        assertEquals("two", Files.readString(unpacked.resolve("libtwo.so.1")));
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(unpacked)));
        try (var files = Files.list(unpacked)) {
            assertEquals(3, files.count(), "something is left beside the libraries and their stamp");
        }
        jar.read.clear();
        assertEquals(unpacked, cache.unpack(jar));
        assertEquals(List.of(NativeCache.LIST), jar.read, "the second time only the list is read");
    }

    @Test
    void aDamagedFileIsUnpackedAnew() throws IOException {
        var jar = new Jar("one", "two");
        var cache = new NativeCache(folder);
        Path unpacked = cache.unpack(jar);
        Files.writeString(unpacked.resolve("libone.so"), "0ne");
        Files.delete(unpacked.resolve("libtwo.so.1"));
        cache.unpack(jar);
        assertArrayEquals(jar.files.get("libone.so"), Files.readAllBytes(unpacked.resolve("libone.so")));
        assertArrayEquals(jar.files.get("libtwo.so.1"), Files.readAllBytes(unpacked.resolve("libtwo.so.1")));
        // And one whose stamp is damaged, though the file is right.
        Files.writeString(unpacked.resolve(NativeCache.STAMP), "00000000  libone.so\n");
        jar.read.clear();
        cache.unpack(jar);
        assertTrue(jar.read.contains("libone.so"));
    }

    /** A process that died while unpacking leaves no stamp: its files are not trusted. */
    @Test
    void anInterruptedUnpackingIsDoneAgain() throws IOException {
        var jar = new Jar("one", "two");
        var cache = new NativeCache(folder);
        Path unpacked = cache.unpack(jar);
        Files.delete(unpacked.resolve(NativeCache.STAMP));
        Files.writeString(unpacked.resolve("libone.so"), "half");
        cache.unpack(jar);
        assertEquals("one", Files.readString(unpacked.resolve("libone.so")));
    }

    @Test
    void anotherBuildHasAnotherFolder() throws IOException {
        var cache = new NativeCache(folder);
        assertNotEquals(cache.unpack(new Jar("one", "two")), cache.unpack(new Jar("one", "three")));
    }

    @Test
    void aFileThatIsNotTheListedOneNeverReachesItsPlace() throws IOException {
        var jar = new Jar("one", "two");
        jar.put("libtwo.so.1", "evil");
        RuntimeException e = assertThrows(RuntimeException.class, () -> new NativeCache(folder).unpack(jar));
        assertTrue(e.getMessage().contains("libtwo.so.1 in the jar is damaged"), e.getMessage());
        try (var files = Files.walk(folder)) {
            assertFalse(files.anyMatch(f -> f.toString().contains("libtwo")), "the wrong bytes were left behind");
        }
    }

    @Test
    void aListThatLeavesTheFolderIsRefused() {
        assertThrows(IOException.class, () -> NativeCache.parse("0".repeat(64) + "  ../evil.so\n"));
        assertThrows(IOException.class, () -> NativeCache.parse("00  lib.so\n"));
    }

    /** The name of the folder is no secret: whoever can write in its place may have made it first. */
    @Test
    void whatOthersCouldHavePutThereIsRefused() throws IOException {
        var jar = new Jar("one", "two");
        Path root = folder.resolve("cache");
        Path own = new NativeCache(root).unpack(jar);
        Path away = folder.resolve("away");

        Files.move(own, away);
        Files.createSymbolicLink(own, away);
        assertRefused(root, jar, own + " is no folder of this user but a link or a file");
        Files.delete(own);
        Files.writeString(own, "a file");
        assertRefused(root, jar, own + " is no folder of this user but a link or a file");
        Files.delete(own);

        Files.createDirectory(own);
        Files.setPosixFilePermissions(own, PosixFilePermissions.fromString("rwxrwx---"));
        assertRefused(root, jar, own + " could be written by others than its owner");
        // As a copy may leave it: nobody else could write.
        Files.setPosixFilePermissions(own, PosixFilePermissions.fromString("rwxr-xr-x"));
        assertEquals(own, new NativeCache(root).unpack(jar));
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(own)));

        // A place where others may rename what is ours, unless it is like /tmp.
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
        assertRefused(root, jar, folder.toRealPath() + " can be written by every user of this machine");
        Files.setAttribute(folder, "unix:mode", 01777);
        assertEquals(own, new NativeCache(root).unpack(jar));
        Files.setAttribute(folder, "unix:mode", 0700);
    }

    /** The link is followed once: what it points at afterwards does not matter. */
    @Test
    void theFolderIsSaidWithoutLinks() throws IOException {
        Path real = Files.createDirectory(folder.resolve("real"));
        Path link = Files.createSymbolicLink(folder.resolve("link"), real);
        assertTrue(new NativeCache(link).unpack(new Jar("one", "two")).startsWith(real.toRealPath()));
    }

    /** Needs somebody who may give files away. */
    @Test
    void whatBelongsToAnotherUserIsRefused() throws IOException {
        var jar = new Jar("one", "two");
        Path root = folder.resolve("cache");
        Path own = new NativeCache(root).unpack(jar);
        int self = (int) Files.getAttribute(own, "unix:uid");
        Assumptions.assumeTrue(self == 0, "only root can make folders of another user");
        Files.setAttribute(own, "unix:uid", 12345);
        assertRefused(root, jar, own + " is a folder of another user (uid 12345)");
        Files.setAttribute(own, "unix:uid", self);
        Files.setAttribute(root, "unix:uid", 12345);
        assertRefused(root, jar, root.toRealPath() + " is a folder of another user (uid 12345)");
        Files.setAttribute(root, "unix:uid", self);
        Path link = Files.createSymbolicLink(folder.resolve("link"), root);
        Files.setAttribute(link, "unix:uid", 12345, LinkOption.NOFOLLOW_LINKS);
        assertRefused(link, jar, link + " is a link of another user (uid 12345)");
        // Neither is the home of another user taken.
        Path home = Files.createDirectory(folder.resolve("home"));
        String before = System.getProperty("user.home");
        System.setProperty("user.home", home.toString());
        try {
            assertEquals(home.resolve(".cache/adaspec"), NativeCache.defaultRoot(Map.of()));
            Files.setAttribute(home, "unix:uid", 12345);
            assertTrue(NativeCache.defaultRoot(Map.of()).startsWith(System.getProperty("java.io.tmpdir")));
        } finally {
            System.setProperty("user.home", before);
        }
    }

    private static void assertRefused(Path root, Jar jar, String reason) {
        IOException e = assertThrows(IOException.class, () -> new NativeCache(root).unpack(jar));
        assertTrue(e.getMessage().startsWith(reason), e.getMessage());
    }

    /** No account, no HOME, as in many containers: a folder of the user in the place for temporary files. */
    @Test
    void withoutAHomeItIsUnpackedAmongTemporaryFiles() throws IOException {
        String home = System.getProperty("user.home");
        String temporary = System.getProperty("java.io.tmpdir");
        System.setProperty("user.home", "?");
        System.setProperty("java.io.tmpdir", folder.toString());
        try {
            Path root = NativeCache.defaultRoot(Map.of());
            assertEquals(folder, root.getParent());
            assertEquals("one", Files.readString(new NativeCache(root).unpack(new Jar("one", "two")).resolve("libone.so")));
        } finally {
            System.setProperty("user.home", home);
            System.setProperty("java.io.tmpdir", temporary);
        }
    }

    @Test
    void theFolderIsTheUsersChoiceThenTheSystems() {
        assertEquals(Path.of("/x/y"), NativeCache.defaultRoot(Map.of("ADASPEC_CACHE", "/x/y", "XDG_CACHE_HOME", "/cache")));
        assertEquals(Path.of("/cache/adaspec"), NativeCache.defaultRoot(Map.of("XDG_CACHE_HOME", "/cache")));
        assertTrue(NativeCache.defaultRoot(Map.of()).toString().contains("adaspec"));
        System.setProperty("adaspec.cache", "/z");
        try {
            assertEquals(Path.of("/z"), NativeCache.defaultRoot(Map.of("ADASPEC_CACHE", "/x/y")));
        } finally {
            System.clearProperty("adaspec.cache");
        }
    }
}
