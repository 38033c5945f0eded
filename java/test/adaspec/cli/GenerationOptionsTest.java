package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class GenerationOptionsTest {
    @TempDir
    private Path folder;

    /** Threads are divided by the prompts that there are, not by those that might be. */
    @Test
    void noMorePromptsAreInFlightThanTheFileHas() throws Exception {
        GenerationOptions eight = CommandLine.populateCommand(new GenerationOptions(), "--batch-size", "8");
        assertEquals(1, eight.inFlight(file("a")));
        assertEquals(1, eight.inFlight(file("a\n")));
        assertEquals(2, eight.inFlight(file("a\nb")));
        assertEquals(8, eight.inFlight(file("a\n".repeat(8))));
        assertEquals(8, eight.inFlight(file("a\n".repeat(9))));
        assertEquals(1, eight.inFlight(file("")), "which is refused when it is read");
        assertEquals(8, eight.inFlight(folder.resolve("missing")));
        assertEquals(8, eight.inFlight(Path.of("/dev/null")), "a pipe is not looked into, what was read of it would be gone");
    }

    private Path file(String text) throws Exception {
        return Files.writeString(folder.resolve("prompts.jsonl"), text);
    }
}
