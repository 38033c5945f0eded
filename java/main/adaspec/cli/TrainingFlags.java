package adaspec.cli;

import adaspec.common.InputException;
import adaspec.common.UsageException;
import adaspec.engine.ResumeFrom;
import adaspec.engine.RunDirectory;
import adaspec.tensor.DType;
import adaspec.text.Batcher;
import adaspec.text.DatasetFormat;
import adaspec.train.Schedule;
import adaspec.train.TrainingOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Option;

/** Data, duration and optimiser of a training run: a mixin for the commands that train. A field is null where the user left an option out. */
final class TrainingFlags {
    @Option(names = "--train-file", paramLabel = "F", order = 200,
            description = "Training samples, a JSON object a line; may be given several times.")
    private List<Path> trainFiles = new ArrayList<>();

    @Option(names = "--eval-file", paramLabel = "F", order = 201,
            description = "Held-out samples. Default: the last 5 %% of the training samples by a hash of their text.")
    private Path evalFile;

    @Option(names = "--dataset-format", paramLabel = "NAME", defaultValue = "auto", order = 202,
            description = {
                "auto, gsm8k {question, answer}, mbpp {text, code}, alpaca {instruction, input, output},"
                        + " prompt-completion {prompt, completion} or text {text}. Default: ${DEFAULT-VALUE}, by the first line's fields.",
                "The prompt, which is not learnt: the question and the method's instruction to think step by step (gsm8k), the text and a line end"
                        + " (mbpp), Stanford Alpaca's template (alpaca), the prompt as it is (prompt-completion), nothing (text)."
            })
    private String datasetFormat;

    @Option(names = "--num-train-epochs", paramLabel = "E", order = 203, description = "Passes over the training samples. Default: 3.")
    private Double epochs;

    @Option(names = "--max-steps", paramLabel = "N", order = 204, description = "Most optimiser steps of a stage. Default: no limit.")
    private Long maxSteps;

    @Option(names = "--per-device-train-batch-size", paramLabel = "B", order = 205, description = "Samples of a micro-batch. Default: 16.")
    private Integer batchSize;

    @Option(names = "--gradient-accumulation-steps", paramLabel = "N", order = 206, description = "Micro-batches of an optimiser step. Default: 1.")
    private Integer accumulation;

    @Option(names = "--learning-rate", paramLabel = "R", order = 207, description = "The highest rate. Default: 3e-4 for distill, 1e-5 for sft.")
    private Double learningRate;

    @Option(names = "--lr-scheduler-type", paramLabel = "NAME", order = 207,
            description = "The rate's course: constant, linear (to 0) or cosine (to 0, half a wave). Default: constant.")
    private Schedule.Kind schedule;

    @Option(names = "--warmup-ratio", paramLabel = "W", order = 207,
            description = "Share of a stage's steps over which the rate rises from 0 first. Default: 0.")
    private Double warmupRatio;

    @Option(names = "--weight-decay", paramLabel = "W", order = 208, description = "Of matrices; norms and biases do not decay. Default: 0.1.")
    private Double weightDecay;

    @Option(names = "--max-grad-norm", paramLabel = "G", order = 209,
            description = "Gradients are clipped to this global norm; 0: they are not. Default: 1.0.")
    private Double maxGradNorm;

    @Option(names = "--model-max-length", paramLabel = "N", order = 210,
            description = "Tokens that samples are cut at. Default: 512, or what the models hold.")
    private Integer modelMaxLength;

    @Option(names = "--seed", paramLabel = "N", order = 211, description = "Seed of the order of samples. Default: 0.")
    private Long seed;

    @Option(names = "--group-by-length", order = 211,
            description = "Batches of samples of like length. Batches are never padded, so this saves no arithmetic and evens no memory.")
    private boolean groupByLength;

    @Option(names = "--logging-steps", paramLabel = "N", order = 212,
            description = "Steps between lines of progress and of metrics.jsonl. Default: 10.")
    private Integer loggingSteps;

    @Option(names = "--eval-steps", paramLabel = "N", order = 213,
            description = "Steps between evaluations on held-out samples. Default: only at the end of a stage.")
    private Integer evalSteps;

    @Option(names = "--save-steps", paramLabel = "N", order = 214, description = "Steps between checkpoints. Default: only at the end of a stage.")
    private Integer saveSteps;

    @Option(names = "--save-total-limit", paramLabel = "N", order = 214,
            description = "Newest checkpoints of a stage that stay; the best one stays too. Default: all.")
    private Integer saveTotalLimit;

    @Option(names = "--output-dir", paramLabel = "D", order = 215,
            description = "Folder of the results. Default: a new folder adaspec-runs/{date-time}.")
    private Path outputDir;

    @Option(names = "--overwrite", order = 216, description = "Clear away an earlier run's results in the output folder.")
    private boolean overwrite;

    @Option(names = ConfigFile.RESUME, paramLabel = "C", order = 217,
            description = {"Take a run up from a checkpoint, bit for bit: its folder, or `latest` with --output-dir. Settings that are not given are"
                    + " those of the run; others than the run's are refused where they would make another run."})
    private String resume;

    @Option(names = ConfigFile.CONFIG, paramLabel = "F", order = 218,
            description = "Settings from a YAML file, such as a run's config.yaml; the command line wins.")
    private Path config;

    @Option(names = "--plan", order = 219,
            description = "Print the settings as resolved and an estimate of the memory, then exit; nothing is written.")
    private boolean plan;

    boolean plan() {
        return plan;
    }

    List<Path> trainFiles() {
        return trainFiles;
    }

    Path evalFile() {
        return evalFile;
    }

    DatasetFormat datasetFormat() {
        return format(datasetFormat);
    }

    /** The format that {@code --dataset-format} names; null for auto. */
    static DatasetFormat format(String name) {
        try {
            return DatasetFormat.named(name);
        } catch (InputException e) {
            throw new UsageException("--dataset-format: " + e.getMessage());
        }
    }

    /** 0 where the user left it out. */
    int modelMaxLength() {
        return modelMaxLength(modelMaxLength);
    }

    /** {@code --model-max-length} as given; 0 for null, where it was left out. */
    static int modelMaxLength(Integer given) {
        if (given != null && given < 2) {
            throw new UsageException("--model-max-length " + given + " is out of range; at least 2 tokens were expected");
        }
        return given == null ? 0 : given;
    }

    long seed() {
        return seed == null ? 0 : seed;
    }

    /** Where the run is taken up, or null. */
    ResumeFrom resume() {
        return resume == null ? null : ResumeFrom.parse(resume);
    }

    /** The folder that was asked for, that of the run to resume, or the name of a new one. */
    Path outputDir() {
        if (resume != null && overwrite) {
            throw new UsageException("--overwrite clears away the run that " + ConfigFile.RESUME + " takes up; give one of them");
        }
        return outputDir == null ? RunDirectory.fresh() : outputDir;
    }

    boolean overwrite() {
        return overwrite;
    }

    /** Takes option values (long names without hyphens in front) for the options that the user left out. */
    void complete(Map<String, String> defaults) {
        defaults.forEach((name, value) -> {
            switch (name) {
                case "num-train-epochs" -> epochs = epochs == null ? Double.valueOf(value) : epochs;
                case "max-steps" -> maxSteps = maxSteps == null ? Long.valueOf(value) : maxSteps;
                case "per-device-train-batch-size" -> batchSize = batchSize == null ? Integer.valueOf(value) : batchSize;
                case "gradient-accumulation-steps" -> accumulation = accumulation == null ? Integer.valueOf(value) : accumulation;
                case "learning-rate" -> learningRate = learningRate == null ? Double.valueOf(value) : learningRate;
                case "lr-scheduler-type" -> schedule = schedule == null ? Schedule.Kind.valueOf(value.toUpperCase(Locale.ROOT)) : schedule;
                case "warmup-ratio" -> warmupRatio = warmupRatio == null ? Double.valueOf(value) : warmupRatio;
                case "weight-decay" -> weightDecay = weightDecay == null ? Double.valueOf(value) : weightDecay;
                case "model-max-length" -> modelMaxLength = modelMaxLength == null ? Integer.valueOf(value) : modelMaxLength;
                default -> { }
            }
        });
    }

    /** What the user gave, over the defaults; out-of-range values are usage errors. */
    TrainingOptions.Builder options(double defaultLearningRate) {
        TrainingOptions.Builder builder = TrainingOptions.builder()
                .learningRate(defaultLearningRate)
                .schedule(new Schedule(schedule == null ? Schedule.Kind.CONSTANT : schedule, warmupRatio == null ? 0 : warmupRatio))
                .seed(seed())
                .grouping(groupByLength ? Batcher.Grouping.LENGTH : Batcher.Grouping.NONE);
        if (epochs != null) {
            builder.epochs(epochs);
        }
        if (maxSteps != null) {
            builder.maxSteps(atLeastOne("--max-steps", maxSteps));
        }
        if (batchSize != null) {
            builder.batchSize(batchSize);
        }
        if (accumulation != null) {
            builder.accumulation(accumulation);
        }
        if (learningRate != null) {
            builder.learningRate(learningRate);
        }
        if (weightDecay != null) {
            builder.weightDecay(weightDecay);
        }
        if (maxGradNorm != null) {
            builder.maxGradNorm(maxGradNorm);
        }
        if (loggingSteps != null) {
            builder.loggingSteps(loggingSteps);
        }
        if (evalSteps != null) {
            builder.evalSteps((int) atLeastOne("--eval-steps", evalSteps));
        }
        if (saveSteps != null) {
            builder.saveSteps((int) atLeastOne("--save-steps", saveSteps));
        }
        if (saveTotalLimit != null) {
            builder.saveTotalLimit((int) atLeastOne("--save-total-limit", saveTotalLimit));
        }
        return builder;
    }

    static long atLeastOne(String name, long value) {
        if (value < 1) {
            throw new UsageException(name + " " + value + " is out of range; a whole number of at least 1 was expected");
        }
        return value;
    }

    /** The precision of training: f32 unless bf16 was asked for. */
    static DType precision(DeviceOptions devices) {
        return devices.precision().orElse(DType.F32);
    }

    /** For commands that compute in f32 only. */
    static void requireF32(DeviceOptions devices) {
        if (devices.precision().isPresent() && devices.precision().get() != DType.F32) {
            throw new InputException("--precision bf16 is not available here: this command computes in f32; leave the option out");
        }
    }
}
