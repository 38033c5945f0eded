package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.Processes;
import adaspec.StandIns;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Some of the places at which {@link FullDisk} fails a write; {@code bench/faults/full_disk.sh} tries all. */
class FullDiskTest {
    @TempDir
    private Path folder;

    @Test
    void aFullDiskIsASentenceAndLosesNothing() throws Exception {
        Path library = StandIns.file("full_disk.so");
        List<String> command = Processes.java(
                "-Xmx512m", "--enable-native-access=ALL-UNNAMED", FullDisk.class.getName(), library.toString(), folder.toString(), "131", "3",
                "distill-cached", "init", "tokenizer", "generate");
        Processes.Ended ended = Processes.run(command, Map.of("LD_PRELOAD", library.toString()));
        assertEquals(0, ended.code(), ended.err());
        assertEquals(4, ended.out().lines().filter(line -> line.endsWith(" lost anything")).count(), ended.out());
        assertTrue(ended.out().lines().anyMatch(line -> line.matches("distill-cached +writes at +[1-9]\\d\\d+ places; .*")), ended.out());
    }

    /** Each of these tried nothing, and must not say that nothing was lost. */
    @Test
    void nothingTriedIsNoSuccess() throws Exception {
        Map<String, String> preloaded = Map.of("LD_PRELOAD", StandIns.file("full_disk.so").toString());
        refused(preloaded, "0", "tokenise", "no command is called tokenise; known are distill, ");
        refused(preloaded, "1000", "tokenize", "tokenize writes at ");
        refused(Map.of(), "0", "tokenize", "tokenize was seen to write nowhere");
    }

    private void refused(Map<String, String> variables, String first, String command, String sentence) throws Exception {
        String library = StandIns.file("full_disk.so").toString();
        List<String> words = Processes.java(
                "-Xmx512m", "--enable-native-access=ALL-UNNAMED", FullDisk.class.getName(), library, folder.toString(), "1", first, command);
        Processes.Ended ended = Processes.run(words, variables);
        assertEquals(Main.USAGE, ended.code(), ended.err());
        assertTrue(ended.err().startsWith("error: " + sentence), ended.err());
        assertEquals("", ended.out());
    }
}
