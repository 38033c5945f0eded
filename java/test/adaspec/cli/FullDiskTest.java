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
}
