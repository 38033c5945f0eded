package adaspec.cli;

import adaspec.common.UsageException;
import adaspec.engine.Backend;
import adaspec.engine.FineTuner;
import adaspec.train.Trainer;
import adaspec.train.TrainingStopped;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Supervised training of one model. */
@picocli.CommandLine.Command(
        name = "sft",
        description = {"Cross entropy on the answers of a data set: pretrains or fine-tunes a target or a draft.",
                "Leaves the trained model (in the type of the model it started from), its checkpoints and metrics.jsonl in the output folder."},
        footerHeading = Command.EXAMPLE,
        footer = {"  " + Command.RUN + " sft --model models/target --train-file train.jsonl \\",
                "    --learning-rate 1e-3 --output-dir runs/target"})
public final class SftCommand extends Command {
    private static final double LEARNING_RATE = 1e-5;

    @Option(names = "--model", paramLabel = "DIR", required = true, description = "The model directory to start from, with its tokenizer.")
    private Path model;

    @Mixin
    private TrainingFlags training;

    @Mixin
    private DeviceOptions devices;

    @Override
    public Integer call() {
        if (training.trainFiles().isEmpty()) {
            throw new UsageException("--train-file is missing");
        }
        Path output = training.outputDir();
        var request = new FineTuner.Request(
                model,
                training.trainFiles(),
                training.evalFile(),
                training.datasetFormat(),
                training.modelMaxLength(),
                training.options(LEARNING_RATE).precision(TrainingFlags.precision(devices)).build(),
                output,
                training.overwrite(),
                training.resume(),
                typed());
        try (Backend backend = Backend.open(devices.device(), devices.threads());
                var interrupts = Interrupts.listen(log())) {
            backend.notes().forEach(log()::println);
            log().println("device: " + backend.description());
            if (training.plan()) {
                out().print(FineTuner.plan(request, backend));
                return Main.OK;
            }
            Trainer.Outcome outcome = FineTuner.run(request, backend, new RunLog(log()), interrupts);
            log().println(String.format(
                    Locale.ROOT, "%d steps, %d tokens in %s, %.0f tokens/s; results are in %s", outcome.steps(), outcome.tokens(),
                    RunLog.time(outcome.seconds()), outcome.tokensPerSecond(), output));
            return Main.OK;
        } catch (TrainingStopped stopped) {
            log().println("interrupted; the state is in " + stopped.checkpoint());
            return Main.INTERRUPTED;
        }
    }
}
