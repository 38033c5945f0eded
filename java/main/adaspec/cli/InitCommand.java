package adaspec.cli;

import adaspec.engine.ModelInitializer;
import java.nio.file.Path;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A new random model. */
@picocli.CommandLine.Command(
        name = "init",
        description = {"A new model with random weights: matrices from normal(0, initializer_range), norm gains 1, biases 0.",
                "The type comes from the config (dtype or torch_dtype; float32 if absent); the same seed gives the same bytes.",
                DeviceOptions.UNUSED},
        footerHeading = Command.EXAMPLE,
        footer = "  " + Command.RUN + " init --config config.json --tokenizer tokenizer --output models/draft --seed 1")
public final class InitCommand extends Command {
    @Option(names = "--config", paramLabel = "F", required = true, description = "A config.json as Hugging Face has them.")
    private Path config;

    @Option(names = "--tokenizer", paramLabel = "DIR", required = true,
            description = "A folder with tokenizer.json; its tokenizer files are copied byte for byte.")
    private Path tokenizer;

    @Option(names = "--output", paramLabel = "DIR", required = true, description = "The model directory to make; new or empty.")
    private Path output;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "0", description = "Seed of the random numbers. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Mixin
    private DeviceOptions devices;

    @Override
    public Integer call() {
        devices.requireValid();
        long parameters = ModelInitializer.initialize(config, tokenizer, output, seed);
        log().println("wrote " + output + ": " + parameters + " parameters");
        return Main.OK;
    }
}
