package adaspec.cli;

import adaspec.common.UsageException;

/** Measuring the engine on this machine. */
@picocli.CommandLine.Command(
        name = "bench",
        description = "Measures the engine on this machine, with random models: rates with their spread and share of the measured peak.",
        subcommands = BenchTrainCommand.class,
        footerHeading = Command.EXAMPLE,
        footer = "  " + Command.RUN + " bench train --shape tiny --steps 3")
public final class BenchCommand extends Command {
    @Override
    public Integer call() {
        throw new UsageException("a command is missing after `bench`; there is `train`");
    }
}
