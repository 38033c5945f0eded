package adaspec.cli;

import adaspec.common.AtomicFile;
import adaspec.common.UsageException;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;

/** Measuring the engine on this machine. */
@picocli.CommandLine.Command(
        name = "bench",
        description = "Measures the engine on this machine, on random models or your own: rates with their spread and share of the measured peak.",
        subcommands = {BenchKernelsCommand.class, BenchTrainCommand.class, BenchDecodeCommand.class},
        footerHeading = Command.EXAMPLE,
        footer = "  " + Command.RUN + " bench train --shape tiny --steps 3")
public final class BenchCommand extends Command {
    @Override
    public Integer call() {
        throw new UsageException("a command is missing after `bench`; there are `kernels`, `train` and `decode`");
    }

    /** Writes {@code lines} to {@code out} and {@code list} to {@code file}; where that is {@code -}, the list alone to {@code out}. */
    static void write(List<String> lines, ArrayNode list, Path file, PrintStream out) {
        boolean toOut = file != null && file.toString().equals("-");
        if (!toOut) {
            lines.forEach(out::println);
        }
        if (file != null) {
            String text = list.toPrettyString() + "\n";
            if (toOut) {
                out.print(text);
            } else {
                AtomicFile.writeString(file, text);
            }
        }
    }
}
