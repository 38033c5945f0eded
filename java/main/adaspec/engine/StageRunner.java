package adaspec.engine;

import adaspec.model.Model;
import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.tensor.Workspace;
import adaspec.train.Checkpoint;
import adaspec.train.Checkpoints;
import adaspec.train.MetricsLog;
import adaspec.train.Objective;
import adaspec.train.Trainer;
import adaspec.train.TrainingOptions;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/**
 * Runs one stage of training: a fresh copy of a model's weights, an objective, checkpoints in the stage's folder, and the trained model there at
 * the end.
 */
final class StageRunner {
    private final Backend backend;
    private final Path output;
    private final ObjectNode determining;
    private final RunListener listener;
    private final BooleanSupplier stop;

    /**
     * @param output      the run's folder, where metrics.jsonl and the links to checkpoints are
     * @param determining what checkpoints say of the run
     */
    StageRunner(Backend backend, Path output, ObjectNode determining, RunListener listener, BooleanSupplier stop) {
        this.backend = backend;
        this.output = output;
        this.determining = determining;
        this.listener = listener;
        this.stop = stop;
    }

    /**
     * A stage at its end; the weights live as long as the memory they were asked to be in.
     *
     * @param model  the trained model as it was written, for decoding
     * @param frozen the same in the precision of training, for a later stage
     */
    record Result(Trainer.Outcome outcome, Transformer model, Transformer frozen) {}

    /**
     * @param stage     its name in metrics.jsonl
     * @param folder    {@code output} or a folder in it: where checkpoints and the trained model go
     * @param initial   what training starts from; unchanged
     * @param companion model directory whose tokenizer and generation config go with the trained model
     * @param objective made for the model in training
     * @param from      a checkpoint of the stage, or null: from its beginning. A stage that is done is only put back
     * @param memory    holds the trained weights
     */
    Result run(
            String stage,
            Path folder,
            Model initial,
            Path companion,
            TrainingOptions options,
            TrainingData data,
            Function<Transformer, Objective> objective,
            Checkpoint from,
            Workspace.Allocator memory) {
        Weights weights = initial.weights().trainableCopy(memory);
        Ops ops = backend.ops();
        var training = new Transformer(ops, weights.computedIn(options.precision(), ops, memory), memory, options.precision());
        Trainer.Outcome outcome;
        if (from != null && from.isLast()) {
            from.restore(weights, memory);
            outcome = from.outcome();
        } else {
            outcome = train(stage, folder, initial, companion, options, data, objective.apply(training), weights, from);
        }
        // Trained in f32, written in the type of the model it started from, and said. The weights in memory are rounded alike, so that what
        // the next stage and the evaluation see is what the folder holds; checkpoints keep f32.
        weights.roundTo(initial.fileType());
        weights.refresh(ops);
        if (from == null || !from.isLast() || !Files.exists(folder.resolve("config.json"))) {
            Model.save(folder, initial.config(), weights, initial.fileType(), companion);
            listener.modelWritten(folder, initial.fileType());
        }
        return new Result(outcome, new Transformer(ops, weights, memory), training);
    }

    private Trainer.Outcome train(
            String stage,
            Path folder,
            Model initial,
            Path companion,
            TrainingOptions options,
            TrainingData data,
            Objective objective,
            Weights weights,
            Checkpoint from) {
        // The gradient and the optimiser's moments are gone when the stage ends.
        try (var own = backend.newAllocator()) {
            var trainer = new Trainer(
                    stage,
                    options,
                    weights,
                    objective,
                    backend.ops(),
                    own,
                    new Checkpoints(folder, output, initial.config(), companion, determining),
                    new MetricsLog(output.resolve("metrics.jsonl")),
                    listener,
                    stop);
            return trainer.run(data.plan(options), data.heldOutBatches(options.batchSize()), from);
        }
    }

    /** The directory whose tokenizer goes with a trained model: its own, or that of {@code other} if it has none. */
    static Path companion(Path own, Path other) {
        return Files.exists(own.resolve("tokenizer.json")) ? own : other;
    }
}
