package adaspec.engine;

import adaspec.model.Architecture;
import adaspec.model.Model;
import adaspec.ops.HeadLayout;
import adaspec.tensor.DType;
import adaspec.train.BatchPlan;
import adaspec.train.LogitsBudget;
import adaspec.train.MicroBatch;
import adaspec.train.PeakMemory;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * An estimate of the most memory that a run takes, part by part. What is in memory when the models are open and the data read is measured; what training
 * adds is counted from shapes: the tensors that {@code Transformer} and the objectives take for the largest micro-batch of an epoch.
 */
final class MemoryPlan {
    private final DType precision;
    private final Map<String, Long> parts = new LinkedHashMap<>();
    private long models;

    MemoryPlan(DType precision) {
        this.precision = precision;
    }

    /** A model that is open: its matrices in {@code held}, and its mapped file where it has another type. */
    MemoryPlan open(String name, Model model, DType held) {
        long parameters = model.architecture().parameterCount();
        long bytes = parameters * held.bytes() + (held == model.fileType() ? 0 : parameters * model.fileType().bytes());
        models += bytes;
        return add("weights of the " + name, bytes);
    }

    /** Another copy of a model in f32, with a rounded one where the run computes in bf16. */
    MemoryPlan copy(String name, Architecture model) {
        return add("weights of the " + name, model.parameterCount() * (DType.F32.bytes() + (precision == DType.F32 ? 0 : precision.bytes())));
    }

    /** A gradient and the two moments of AdamW, in f32. */
    MemoryPlan optimizer(Architecture model) {
        return add("gradient", model.parameterCount() * DType.F32.bytes()).add("moments", 2 * model.parameterCount() * DType.F32.bytes());
    }

    MemoryPlan cache(long bytes) {
        return bytes == 0 ? this : add("teacher cache", bytes);
    }

    /**
     * The memory of a step: activations of the model in training, and after them the logits of a chunk or the temporaries of the backward.
     *
     * @param target     null for supervised training
     * @param vocabulary columns of the logits
     * @param matrices   of logits that are there at once
     */
    MemoryPlan step(Architecture trained, Architecture target, BatchPlan plan, LogitsBudget budget, int vocabulary, int matrices) {
        long rows = 0;
        long answers = 0;
        for (long step = 0; step < plan.stepsPerEpoch(); step++) {
            for (MicroBatch batch : plan.step(step)) {
                rows = Math.max(rows, batch.tokens());
                answers = Math.max(answers, batch.answerTokens());
            }
        }
        long channels = trained.hiddenSize();
        long activations = trained.layers() * (block(trained, rows) + 4 * rows * channels) + 4 * rows * 3 * channels + 4 * answers * channels;
        if (target != null) {
            // The target's temporaries are gone before the activations are made; what is left of it are its last hidden states.
            activations = Math.max(
                    activations + 4 * answers * target.hiddenSize(), block(target, rows) + 4 * rows * 3L * target.hiddenSize());
        }
        long logits = Math.min(answers, budget.rows(vocabulary)) * vocabulary * 4L * matrices;
        HeadLayout heads = trained.headLayout();
        long backward = 4 * rows * (4 * channels + trained.intermediateSize() + gates(trained) + heads.outputWidth() + heads.rowWidth());
        return add(String.format(Locale.ROOT, "activations of %,d tokens", rows), activations)
                .add(String.format(Locale.ROOT, "logits of %,d tokens, or temporaries", Math.min(answers, budget.rows(vocabulary))),
                        Math.max(logits, backward));
    }

    /** Columns of the gradient by gates and ups, which no other takes the place of. */
    private static long gates(Architecture a) {
        return a.activation().isGated() ? a.mlpInWidth() : 0;
    }

    /** Bytes that the forward of a block takes, its output aside. */
    private long block(Architecture a, long rows) {
        long operand = precision.bytes();
        HeadLayout heads = a.headLayout();
        long channels = a.hiddenSize();
        long exact = heads.rowWidth() + heads.outputWidth() + heads.queryHeads() + (a.parallelResidual() ? 0 : channels) + a.mlpInWidth()
                + channels + 4;
        long rounded = 2 * channels + a.intermediateSize() + (precision == DType.F32 ? 0 : heads.outputWidth());
        return rows * (4 * exact + operand * rounded);
    }

    private MemoryPlan add(String name, long bytes) {
        parts.merge(name, bytes, Long::sum);
        return this;
    }

    /** The parts and their sum, a line each: comments for the YAML that they stand below. */
    String text() {
        long process = Math.max(0, PeakMemory.bytes() - models);
        parts.put("Java, libraries and data, as now", process);
        long sum = parts.values().stream().mapToLong(Long::longValue).sum();
        var text = new StringBuilder("# memory:\n");
        parts.forEach((name, bytes) -> text.append(String.format(Locale.ROOT, "#   %-42s %,10.1f MB%n", name, bytes / 1e6)));
        return text.append(String.format(Locale.ROOT, "#   %-42s %,10.1f MB%n", "peak, estimated", sum / 1e6)).toString();
    }
}
