package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.Processes;
import adaspec.StandIns;
import adaspec.common.Sha256;
import adaspec.engine.ModelDirectories;
import adaspec.tensor.DType;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The engine from a jar on machines where its libraries have no usual place: no home, no folder for temporary files, a place that others can write. */
class UnpackedLibrariesTest {
    private static final String NATIVE = "native/linux-x86_64/";

    @TempDir
    private static Path shared;

    @TempDir
    private Path folder;

    private static Path jar;
    private static Path model;

    /** The classes, and of the libraries those that decoding needs: the whole jar is 48 MB. */
    @BeforeAll
    static void write() throws Exception {
        Path classes = Path.of(Main.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        Assumptions.assumeTrue(Files.exists(classes.resolve(NATIVE + "libadaspec_cpu.so")), "the native library is not in this build");
        jar = shared.resolve("engine.jar");
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar));
                Stream<Path> files = Files.walk(classes)) {
            out.setLevel(1);
            for (Path file : files.filter(f -> Files.isRegularFile(f) && !f.startsWith(classes.resolve("native"))).toList()) {
                put(out, classes.relativize(file).toString(), Files.readAllBytes(file));
            }
            var list = new StringBuilder();
            for (String name : List.of("libadaspec_cpu.so", "libadaspec_pages.so", "libgomp.so.1")) {
                list.append(Sha256.ofFile(classes.resolve(NATIVE + name))).append("  ").append(name).append('\n');
                put(out, NATIVE + name, Files.readAllBytes(classes.resolve(NATIVE + name)));
            }
            put(out, NATIVE + "SHA256SUMS", list.toString().getBytes());
        }
        model = ModelDirectories.write(shared.resolve("model"), 1, 1, DType.F32);
    }

    private static void put(JarOutputStream out, String name, byte[] bytes) throws IOException {
        out.putNextEntry(new JarEntry(name));
        out.write(bytes);
        out.closeEntry();
    }

    private static Processes.Ended generate(String device, Map<String, String> environment, String... options) throws Exception {
        List<String> libraries = Stream.of(System.getProperty("java.class.path").split(File.pathSeparator)).filter(p -> p.endsWith(".jar")).toList();
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add(Processes.SHORT_LIVED);
        command.addAll(List.of(options));
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp", jar + File.pathSeparator + String.join(File.pathSeparator, libraries),
                Main.class.getName(), "generate", "--target", model.toString(), "--prompt", "Tom", "--max-new-tokens", "2", "--device", device));
        return Processes.run(command, environment);
    }

    private static void assertRefused(Processes.Ended ended, String reason) {
        assertEquals(1, ended.code(), ended.err());
        // The JVM has a word of its own about a folder for temporary files that is not there.
        List<String> said = ended.err().lines().filter(line -> !line.startsWith("WARNING: java.io.tmpdir")).toList();
        assertEquals(1, said.size(), ended.err());
        assertTrue(said.getFirst().startsWith("error: --device cpu: the native libraries cannot be unpacked: " + reason), ended.err());
        assertTrue(said.getFirst().contains("ADASPEC_CACHE=DIR"), ended.err());
    }

    @Test
    void withoutAHomeTheyLieAmongTemporaryFilesAndAreUsedAgain() throws Exception {
        String[] options = {"-Duser.home=?", "-Djava.io.tmpdir=" + folder};
        for (int i = 0; i < 2; i++) {
            Processes.Ended ended = generate("cpu", Map.of("ADASPEC_CACHE", ""), options);
            assertEquals(0, ended.code(), ended.err());
            assertTrue(ended.err().contains(", on cpu "), ended.err());
        }
        Path root = folder.resolve("adaspec-" + System.getProperty("user.name"));
        try (Stream<Path> files = Files.list(root)) {
            List<Path> unpacked = files.toList();
            assertEquals(1, unpacked.size());
            assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(unpacked.getFirst())));
        }
    }

    /** Where there is no place at all, who asked for the processor is told, and who asked for nothing gets plain Java, with a word. */
    @Test
    void withoutAnyPlaceItIsSaid() throws Exception {
        String[] options = {"-Duser.home=?", "-Djava.io.tmpdir=/proc/nowhere"};
        assertRefused(generate("cpu", Map.of("ADASPEC_CACHE", ""), options), "cannot use /proc/nowhere");
        Processes.Ended slow = generate("auto", Map.of("ADASPEC_CACHE", ""), options);
        assertEquals(0, slow.code(), slow.err());
        assertTrue(slow.err().contains("running in plain Java") && slow.err().contains(", on reference"), slow.err());
    }

    /**
     * Wherever the disk becomes full while they are unpacked: a sentence, and with room again they are unpacked and used. Tries some places, all of
     * them with {@code -Dadaspec.places=1}.
     */
    @Test
    void aFullDiskIsASentence() throws Exception {
        Path disk = StandIns.file("full_disk.so");
        int step = Integer.getInteger("adaspec.places", 19);
        int refused = 0;
        for (int at = 0; ; at += step) {
            Path cache = folder.resolve("cache-" + at);
            Processes.Ended ended = generate("cpu", Map.of(
                    "ADASPEC_CACHE", cache.toString(), "LD_PRELOAD", disk.toString(),
                    "FULL_DISK_FOLDER", folder.toRealPath().toString(), "FULL_DISK_AT", Integer.toString(at)));
            if (ended.code() == 0) {
                break;
            }
            assertRefused(ended, "cannot ");
            assertTrue(ended.err().contains("No space left on device") || ended.err().contains("Input/output error"), ended.err());
            if (refused++ % 3 == 0) {
                Processes.Ended again = generate("cpu", Map.of("ADASPEC_CACHE", cache.toString()));
                assertEquals(0, again.code(), "after a disk that was full at " + at + ": " + again.err());
            }
        }
        assertTrue(refused >= 30 / step, "only " + refused + " places failed");
    }

    @Test
    void aPlaceThatOthersCanWriteIsRefused() throws Exception {
        Path open = Files.createDirectory(folder.resolve("open"));
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
        assertRefused(generate("cpu", Map.of("ADASPEC_CACHE", open.toString())), open.toRealPath() + " can be written by every user");
        try (Stream<Path> files = Files.list(open)) {
            assertFalse(files.findAny().isPresent(), "something was unpacked there");
        }
    }
}
