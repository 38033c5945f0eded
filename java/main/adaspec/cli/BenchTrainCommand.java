package adaspec.cli;

import adaspec.bench.Measurement;
import adaspec.bench.TrainingBenchmark;
import adaspec.bench.TrainingReport;
import adaspec.bench.TrainingShape;
import adaspec.common.UsageException;
import adaspec.engine.Backend;
import java.nio.file.Path;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measuring training. */
@picocli.CommandLine.Command(
        name = "train",
        description = {"Whole optimiser steps of the selective stage on random models and random tokens: tokens per second, peak of memory, and each"
                        + " phase of a step beside its floor.",
                "All tokens but the first of a sequence are answer tokens; 0.4 of them are kept."},
        footerHeading = Command.EXAMPLE,
        footer = "  " + Command.RUN + " bench train --shape 160m-31m --batch 8 --length 256 --precision bf16")
public final class BenchTrainCommand extends Command {
    private static final int MOST_TOKENS = 1 << 20;

    @Option(names = "--shape", paramLabel = "NAME", defaultValue = "70m-31m",
            description = "Target and draft: 70m-31m or 160m-31m (Pythia's shapes, 50304 ids), or tiny. Default: ${DEFAULT-VALUE}.")
    private String shape;

    @Option(names = "--batch", paramLabel = "S", defaultValue = "4", description = "Sequences of a step. Default: ${DEFAULT-VALUE}.")
    private int batch;

    @Option(names = "--length", paramLabel = "L", defaultValue = "128", description = "Tokens of a sequence. Default: ${DEFAULT-VALUE}.")
    private int length;

    @Option(names = "--steps", paramLabel = "N", defaultValue = "10",
            description = "Measured steps of an epoch, each with a batch of its own. Default: ${DEFAULT-VALUE}.")
    private int steps;

    @Option(names = "--epochs", paramLabel = "E", defaultValue = "1", description = "Passes over these batches. Default: ${DEFAULT-VALUE}.")
    private int epochs;

    @Option(names = "--warm-up", paramLabel = "N", defaultValue = "2", description = "Steps that are not measured. Default: ${DEFAULT-VALUE}.")
    private int warmUp;

    @Option(names = "--teacher-cache", paramLabel = "C", defaultValue = "off",
            description = "off or memory: the frozen models are asked once, before the first epoch, which counts in the rate of all epochs."
                    + " Default: ${DEFAULT-VALUE}.")
    private String teacherCache;

    @Option(names = "--output-json", paramLabel = "F", description = "Where the measurements go as a JSON list; - is standard output.")
    private Path outputJson;

    @Mixin
    private DeviceOptions devices;

    @Override
    public Integer call() {
        requireWritable(outputJson);
        TrainingBenchmark.Settings settings = settings();
        try (Backend backend = Backend.open(devices.device(), devices.threads())) {
            backend.notes().forEach(log()::println);
            TrainingReport report = new TrainingBenchmark(settings, backend, log()::println).run();
            BenchCommand.write(report.lines(), Measurement.toJson(report.measurements()), outputJson, out());
        }
        return Main.OK;
    }

    private TrainingBenchmark.Settings settings() {
        TrainingShape named = TrainingShape.named(shape);
        check(named != null, "--shape " + shape + " is unknown; one of " + String.join(", ", TrainingShape.names()) + " was expected");
        check(length >= 2 && length <= TrainingShape.POSITIONS,
                "--length " + length + " is out of range; 2 to " + TrainingShape.POSITIONS + " tokens were expected");
        check(batch >= 1 && (long) batch * length <= MOST_TOKENS,
                "--batch " + batch + " is out of range; at least 1, and at most " + MOST_TOKENS + " tokens in all, were expected");
        TrainingFlags.atLeastOne("--steps", steps);
        TrainingFlags.atLeastOne("--epochs", epochs);
        check((double) steps * epochs * batch <= MOST_TOKENS, "--steps " + steps + " is out of range for " + epochs + " epochs; fewer were expected");
        check(warmUp >= 0, "--warm-up " + warmUp + " is out of range; 0 or more was expected");
        boolean cache = switch (teacherCache) {
            case "off" -> false;
            case "memory" -> true;
            default -> throw new UsageException("--teacher-cache " + teacherCache + " is unknown; off or memory was expected");
        };
        return new TrainingBenchmark.Settings(named, batch, length, steps, epochs, warmUp, TrainingFlags.precision(devices), cache);
    }
}
