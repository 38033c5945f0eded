package adaspec.train;

import adaspec.common.UsageException;
import adaspec.tensor.DType;
import adaspec.text.Batcher;

/**
 * How a stage trains. The defaults are those of the command line; {@link #builder} starts from them.
 *
 * @param epochs         passes over the training samples; may be a fraction
 * @param maxSteps       most optimiser steps, 0 for no limit
 * @param batchSize      sequences of a micro-batch
 * @param accumulation   micro-batches of an optimiser step
 * @param learningRate   the highest rate
 * @param schedule       the rate's course
 * @param weightDecay    of matrices
 * @param maxGradNorm    global norm that gradients are clipped to; 0: not clipped
 * @param normalizer     what kept losses are divided by
 * @param seed           of the order of samples
 * @param grouping       whether a batch has samples of like length
 * @param loggingSteps   steps between lines of progress and of metrics.jsonl; the first and the last step are always logged
 * @param evalSteps      steps between evaluations on held-out samples, 0: only at the end of the stage
 * @param saveSteps      steps between checkpoints, 0: only at the end of the stage
 * @param saveTotalLimit newest checkpoints of a stage that stay, besides the best one; 0: all
 * @param logitsBudget   memory for the logits of a chunk
 * @param precision      F32, or BF16: operands of products, and the frozen models' matrices, are rounded to bf16 and accumulated in f32; the weights in
 *                       training and their optimiser stay f32
 */
public record TrainingOptions(
        double epochs,
        long maxSteps,
        int batchSize,
        int accumulation,
        double learningRate,
        Schedule schedule,
        double weightDecay,
        double maxGradNorm,
        Normalizer normalizer,
        long seed,
        Batcher.Grouping grouping,
        int loggingSteps,
        int evalSteps,
        int saveSteps,
        int saveTotalLimit,
        LogitsBudget logitsBudget,
        DType precision) {

    public TrainingOptions {
        require(epochs > 0 && Double.isFinite(epochs), "--num-train-epochs", epochs, "a number above 0");
        require(maxSteps >= 0, "--max-steps", maxSteps, "a whole number of at least 1");
        require(batchSize >= 1, "--per-device-train-batch-size", batchSize, "a whole number of at least 1");
        require(accumulation >= 1, "--gradient-accumulation-steps", accumulation, "a whole number of at least 1");
        require(learningRate > 0 && learningRate <= 1e3, "--learning-rate", learningRate, "a number above 0 and at most 1000");
        require(weightDecay >= 0 && weightDecay * learningRate < 1, "--weight-decay", weightDecay, "a number of at least 0, below 1 / learning rate");
        require(maxGradNorm >= 0 && Double.isFinite(maxGradNorm), "--max-grad-norm", maxGradNorm, "a number of at least 0 (0: no clipping)");
        require(loggingSteps >= 1, "--logging-steps", loggingSteps, "a whole number of at least 1");
        require(evalSteps >= 0, "--eval-steps", evalSteps, "a whole number of at least 1");
        require(saveSteps >= 0, "--save-steps", saveSteps, "a whole number of at least 1");
        require(saveTotalLimit >= 0, "--save-total-limit", saveTotalLimit, "a whole number of at least 1");
        if (precision != DType.F32 && precision != DType.BF16) {
            throw new UsageException("training in " + precision.torchName() + " is not possible; f32 or bf16 was expected");
        }
    }

    private static void require(boolean holds, String option, Number value, String expected) {
        if (!holds) {
            throw new UsageException(option + " " + value + " is out of range; " + expected + " was expected");
        }
    }

    /** Optimiser steps of the stage: as in transformers, the epochs' steps rounded up, but no more than the limit. */
    public long totalSteps(long stepsPerEpoch) {
        long steps = Math.max(1, (long) Math.ceil(epochs * stepsPerEpoch - 1e-9));
        return maxSteps > 0 ? Math.min(maxSteps, steps) : steps;
    }

    public static Builder builder() {
        return new Builder();
    }

    /** A builder that starts from these options. */
    public Builder but() {
        return new Builder(this);
    }

    /** Collects options; setters are named as the record's components. */
    public static final class Builder {
        private double epochs = 3;
        private long maxSteps;
        private int batchSize = 16;
        private int accumulation = 1;
        private double learningRate = 3e-4;
        private Schedule schedule = Schedule.CONSTANT;
        private double weightDecay = 0.1;
        private double maxGradNorm = 1.0;
        private Normalizer normalizer = Normalizer.ALL;
        private long seed;
        private Batcher.Grouping grouping = Batcher.Grouping.NONE;
        private int loggingSteps = 10;
        private int evalSteps;
        private int saveSteps;
        private int saveTotalLimit;
        private LogitsBudget logitsBudget = LogitsBudget.DEFAULT;
        private DType precision = DType.F32;

        private Builder() {}

        private Builder(TrainingOptions from) {
            epochs = from.epochs;
            maxSteps = from.maxSteps;
            batchSize = from.batchSize;
            accumulation = from.accumulation;
            learningRate = from.learningRate;
            schedule = from.schedule;
            weightDecay = from.weightDecay;
            maxGradNorm = from.maxGradNorm;
            normalizer = from.normalizer;
            seed = from.seed;
            grouping = from.grouping;
            loggingSteps = from.loggingSteps;
            evalSteps = from.evalSteps;
            saveSteps = from.saveSteps;
            saveTotalLimit = from.saveTotalLimit;
            logitsBudget = from.logitsBudget;
            precision = from.precision;
        }

        public Builder epochs(double value) {
            epochs = value;
            return this;
        }

        public Builder maxSteps(long value) {
            maxSteps = value;
            return this;
        }

        public Builder batchSize(int value) {
            batchSize = value;
            return this;
        }

        public Builder accumulation(int value) {
            accumulation = value;
            return this;
        }

        public Builder learningRate(double value) {
            learningRate = value;
            return this;
        }

        public Builder schedule(Schedule value) {
            schedule = value;
            return this;
        }

        public Builder weightDecay(double value) {
            weightDecay = value;
            return this;
        }

        public Builder maxGradNorm(double value) {
            maxGradNorm = value;
            return this;
        }

        public Builder normalizer(Normalizer value) {
            normalizer = value;
            return this;
        }

        public Builder seed(long value) {
            seed = value;
            return this;
        }

        public Builder grouping(Batcher.Grouping value) {
            grouping = value;
            return this;
        }

        public Builder loggingSteps(int value) {
            loggingSteps = value;
            return this;
        }

        public Builder evalSteps(int value) {
            evalSteps = value;
            return this;
        }

        public Builder saveSteps(int value) {
            saveSteps = value;
            return this;
        }

        public Builder saveTotalLimit(int value) {
            saveTotalLimit = value;
            return this;
        }

        public Builder logitsBudget(LogitsBudget value) {
            logitsBudget = value;
            return this;
        }

        /** F32 or BF16. */
        public Builder precision(DType value) {
            precision = value;
            return this;
        }

        public TrainingOptions build() {
            return new TrainingOptions(
                    epochs, maxSteps, batchSize, accumulation, learningRate, schedule, weightDecay, maxGradNorm, normalizer, seed, grouping,
                    loggingSteps, evalSteps, saveSteps, saveTotalLimit, logitsBudget, precision);
        }
    }
}
