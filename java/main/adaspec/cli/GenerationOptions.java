package adaspec.cli;

import adaspec.common.UsageException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;

/** Where texts end and how many are made at once: a mixin for the commands that continue prompts. */
final class GenerationOptions {
    /** Each prompt in flight has a thread and caches. */
    private static final int MOST_BATCH_SIZE = 1024;

    @Option(names = "--stop", paramLabel = "S", order = 107,
            description = "End the text before this string, also where it comes across tokens; may be given several times. The ids go up to the token"
                    + " that completed it.")
    private List<String> stop = List.of();

    @Option(names = "--batch-size", paramLabel = "N", defaultValue = "1", order = 108,
            description = "Prompts in flight at once, which share --threads; results come in the order of the prompts and do not depend on it."
                    + " Above 1 generate prints texts whole, and eval's speeds are those of all prompts in flight together."
                    + " Default: ${DEFAULT-VALUE}.")
    private int batchSize;

    List<String> stop() {
        return stop;
    }

    /** At least 1. */
    int batchSize() {
        if (batchSize < 1 || batchSize > MOST_BATCH_SIZE) {
            throw new UsageException("--batch-size " + batchSize + " is out of range; a whole number from 1 to " + MOST_BATCH_SIZE + " was expected");
        }
        return batchSize;
    }

    /** How many prompts share the threads: no more than {@code file} has lines, or threads would have nothing to do. */
    int inFlight(Path file) {
        int most = batchSize();
        if (!Files.isRegularFile(file)) {
            return most;
        }
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            int lines = 0;
            int before = '\n';
            for (int b = in.read(); b >= 0 && lines < most; b = in.read()) {
                lines += before == '\n' ? 1 : 0;
                before = b;
            }
            return Math.max(1, lines);
        } catch (IOException e) {
            // Whoever reads the prompts says so.
            return most;
        }
    }
}
