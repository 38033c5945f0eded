package adaspec.cli;

import adaspec.common.AtomicFile;
import adaspec.engine.ModelInspection;
import java.nio.file.Path;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** A model directory in words. */
@picocli.CommandLine.Command(
        name = "inspect",
        description = {"A model directory in words: architecture, parameters, vocabulary, tokenizer, types, bytes on disk and in memory, and what the"
                + " engine will refuse and why. Ends with 1 if it refuses something.", DeviceOptions.UNUSED},
        footerHeading = Command.EXAMPLE,
        footer = "  " + Command.RUN + " inspect runs/draft")
public final class InspectCommand extends Command {
    @Parameters(paramLabel = "DIR", arity = "1", description = "A model directory.")
    private Path directory;

    @Option(names = "--output-json", paramLabel = "F", order = 110,
            description = "Write what was found as JSON to this file; - for standard output in place of the words.")
    private String outputJson;

    @Mixin
    private DeviceOptions devices;

    @Override
    public Integer call() {
        devices.requireValid();
        requireApart(outputJson == null ? null : Path.of(outputJson), directory);
        ModelInspection inspection = ModelInspection.of(directory);
        String json = inspection.toJson().toPrettyString() + "\n";
        if ("-".equals(outputJson)) {
            out().print(json);
        } else {
            out().print(inspection.render());
            if (outputJson != null) {
                AtomicFile.writeString(Path.of(outputJson), json);
            }
        }
        return inspection.refused().isEmpty() ? Main.OK : Main.FAILED;
    }
}
