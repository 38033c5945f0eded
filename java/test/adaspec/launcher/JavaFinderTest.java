package adaspec.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JavaFinderTest {
    @TempDir
    private Path folder;

    @Test
    void takesTheOldestThatIsNewEnoughInItsNewestUpdate() throws Exception {
        install("a17", "17.0.15");
        install("b26", "26");
        install("c25", "25.0.3");
        install("d25", "25.0.10");
        install("e8", "1.8.0_402");
        Files.createDirectories(folder.resolve("not-java"));
        assertEquals(folder.resolve("d25"), finder(Map.of()).find(25).home());
        assertEquals(folder.resolve("b26"), finder(Map.of()).find(26).home());
    }

    @Test
    void theEnvironmentComesFirstWhereItIsNewEnough() throws Exception {
        Path found = install("found", "25.0.3");
        Path named = install("elsewhere/named", "26.0.1");
        Path old = install("elsewhere/old", "21.0.2");
        assertEquals(named, finder(Map.of("JAVA_HOME", named.toString())).find(25).home());
        assertEquals(named, finder(Map.of("JAVA_HOME", old.toString(), "JDK_HOME", named.toString())).find(25).home());
        assertEquals(found, finder(Map.of("JAVA_HOME", old.toString())).find(25).home());
        assertEquals(found, finder(Map.of("JAVA_HOME", "/nowhere", "ADASPEC_JAVA_HOME", " ")).find(25).home());
    }

    @Test
    void aWishThatCannotBeMetIsAnErrorAndNotIgnored() throws Exception {
        install("found", "25.0.3");
        Path old = install("elsewhere/old", "21.0.2");
        String gone = message(Map.of("ADASPEC_JAVA_HOME", "/nowhere"));
        assertTrue(gone.contains("/nowhere") && gone.contains("no Java"), gone);
        String tooOld = message(Map.of("ADASPEC_JAVA_HOME", old.toString()));
        assertTrue(tooOld.contains("Java 21") && tooOld.contains("25 or newer"), tooOld);
    }

    @Test
    void withoutAnyTheSentenceSaysHowToGetOne() throws Exception {
        install("a17", "17.0.15");
        String none = message(Map.of());
        assertTrue(none.contains("install a JDK 25") && none.contains("ADASPEC_JAVA_HOME"), none);
    }

    /** A folder with a {@code release} file alone, as an uninstalled package may leave it, cannot be started. */
    @Test
    void aReleaseFileWithoutAnExecutableIsNoJava() throws Exception {
        Path broken = install("broken", "25.0.3");
        Files.delete(broken.resolve("bin/java"));
        assertTrue(JavaFinder.read(broken).isEmpty());
    }

    private String message(Map<String, String> environment) {
        return assertThrows(JavaFinder.NotFoundException.class, () -> finder(environment).find(25)).getMessage();
    }

    private JavaFinder finder(Map<String, String> environment) {
        return new JavaFinder(environment, List.of(folder.resolve("missing"), folder));
    }

    private Path install(String name, String version) throws IOException {
        Path home = folder.resolve(name);
        Path java = home.resolve("bin/java");
        Files.createDirectories(java.getParent());
        Files.writeString(java, "");
        assertTrue(java.toFile().setExecutable(true));
        Files.writeString(home.resolve("release"), "IMPLEMENTOR=\"Test\"\nJAVA_VERSION=\"" + version + "\"\n");
        return home;
    }
}
