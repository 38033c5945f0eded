package adaspec.train;

import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.tensor.Workspace;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.BooleanSupplier;

/**
 * Runs one stage: steps of an objective and an optimiser over a plan of batches, with metrics, evaluations on held-out samples and checkpoints.
 *
 * <p>A step whose loss or gradient norm is not finite is not applied: a checkpoint of the state before it is written and the run ends with a
 * sentence.
 * When asked to stop, the trainer finishes its step, writes a checkpoint and throws {@link TrainingStopped}.
 */
public final class Trainer {
    /**
     * A stage that was run to its end.
     *
     * @param steps              optimiser steps
     * @param tokens             input tokens
     * @param seconds            of the steps alone, evaluations and checkpoints not among them
     * @param loss               mean loss over held-out answer tokens at the end, NaN without held-out samples
     * @param expectedAcceptance over held-out answer tokens at the end, NaN without a target or samples
     */
    public record Outcome(String stage, long steps, long tokens, double seconds, double loss, double expectedAcceptance) {
        public double tokensPerSecond() {
            return tokens / seconds;
        }
    }

    private final String stage;
    private final Ops ops;
    private final Workspace.Allocator allocator;
    private final TrainingOptions options;
    private final Weights weights;
    private final Objective objective;
    private final AdamWOptimizer optimizer;
    private final Weights gradient;
    private final Checkpoints checkpoints;
    private final MetricsLog metrics;
    private final TrainingListener listener;
    private final BooleanSupplier stop;

    private long totalSteps;
    private long stepsPerEpoch;
    private long tokens;
    private double seconds;
    private long savedStep = -1;
    private double bestAcceptance = Double.NEGATIVE_INFINITY;
    private long bestStep = -1;
    private double heldOutLoss = Double.NaN;
    private double heldOutAcceptance = Double.NaN;

    /**
     * @param stage     its name in metrics.jsonl: sft, reference, selective or distillspec
     * @param weights   what {@code objective} trains: an arena
     * @param allocator holds the gradient and the optimiser's moments, three times the weights
     * @param stop      asked after each step
     */
    public Trainer(
            String stage,
            TrainingOptions options,
            Weights weights,
            Objective objective,
            Ops ops,
            Workspace.Allocator allocator,
            Checkpoints checkpoints,
            MetricsLog metrics,
            TrainingListener listener,
            BooleanSupplier stop) {
        this.stage = stage;
        this.ops = ops;
        this.allocator = allocator;
        this.options = options;
        this.weights = weights;
        this.objective = objective;
        this.optimizer =
                new AdamWOptimizer(ops, weights, AdamWOptimizer.Settings.of(options.weightDecay(), options.maxGradNorm()), allocator);
        this.gradient = Weights.zeros(weights.architecture(), allocator);
        this.checkpoints = checkpoints;
        this.metrics = metrics;
        this.listener = listener;
        this.stop = stop;
    }

    /** Trains a stage from its beginning to its end. {@code heldOut} may be empty: then there is no evaluation. */
    public Outcome run(BatchPlan plan, List<MicroBatch> heldOut) {
        return run(plan, heldOut, null);
    }

    /** As {@link #run(BatchPlan, List)}, from a checkpoint of this stage, or with null from its beginning. */
    public Outcome run(BatchPlan plan, List<MicroBatch> heldOut, Checkpoint from) {
        stepsPerEpoch = plan.stepsPerEpoch();
        totalSteps = options.totalSteps(stepsPerEpoch);
        listener.stageStarted(stage, totalSteps, options);
        if (from != null) {
            restore(from);
        }
        for (long step = Math.max(0, savedStep) + 1; step <= totalSteps; step++) {
            ObjectNode line = step(step, plan.step(step - 1));
            boolean last = step == totalSteps;
            boolean stopping = stop.getAsBoolean() && !last;
            boolean logged = isLogged(step);
            boolean best = false;
            if (!heldOut.isEmpty() && (last || isDue(step, options.evalSteps()))) {
                best = evaluate(step, heldOut, line);
                logged = true;
            }
            if (logged) {
                metrics.append(line);
            }
            if (best || last || stopping || isDue(step, options.saveSteps())) {
                save(step);
            }
            if (best) {
                checkpoints.markBest(step);
            }
            checkpoints.keepNewest(options.saveTotalLimit());
            if (stopping) {
                throw new TrainingStopped(checkpoints.at(step));
            }
        }
        return new Outcome(stage, totalSteps, tokens, seconds, heldOutLoss, heldOutAcceptance);
    }

    private void restore(Checkpoint from) {
        from.restore(weights, allocator);
        weights.refresh(ops);
        from.restore(optimizer);
        savedStep = from.step();
        tokens = from.tokens();
        seconds = from.seconds();
        bestStep = from.bestStep();
        bestAcceptance = from.bestAcceptance();
        heldOutLoss = from.heldOutLoss();
        heldOutAcceptance = from.heldOutAcceptance();
    }

    private static boolean isDue(long step, int every) {
        return every > 0 && step % every == 0;
    }

    private boolean isLogged(long step) {
        return step == 1 || step == totalSteps || isDue(step, options.loggingSteps());
    }

    /** One optimiser step; returns its line of metrics. */
    private ObjectNode step(long step, List<MicroBatch> batches) {
        long start = System.nanoTime();
        long answers = batches.stream().mapToLong(MicroBatch::answerTokens).sum();
        if (answers == 0) {
            throw new InputException(
                    "no sample of step " + step + " has an answer token; longer samples or a larger --model-max-length were expected");
        }
        gradient.arena().zero();
        Tally tally = new Tally();
        objective.accumulate(step, batches, (float) (1.0 / answers), gradient, tally);
        // How many tokens are kept is known only now: the gradient so far was divided by all of them.
        double scale = options.normalizer() == Normalizer.SELECTED ? (double) answers / tally.keptTokens() : 1;
        double loss = tally.loss(options.normalizer());
        double norm = optimizer.norm(gradient);
        if (!Double.isFinite(loss) || !Double.isFinite(norm * scale)) {
            save(step - 1);
            throw new InputException(String.format(
                    Locale.ROOT,
                    "%s, step %d: the %s is %s; the step was not applied and %s holds the state before it; a --learning-rate below %s may help",
                    stage,
                    step,
                    Double.isFinite(loss) ? "norm of the gradient" : "loss",
                    Double.isFinite(loss) ? norm * scale : loss,
                    checkpoints.at(step - 1),
                    options.learningRate()));
        }
        double rate = options.learningRate() * options.schedule().factor(step, totalSteps);
        optimizer.step(gradient, scale, norm, (float) rate);
        double took = (System.nanoTime() - start) * 1e-9;
        tokens += tally.tokens();
        seconds += took;

        ObjectNode line = Json.MAPPER.createObjectNode();
        line.put("stage", stage);
        line.put("step", step);
        line.put("epoch", (double) step / stepsPerEpoch);
        MetricsLog.putTraining(line, tally, options.normalizer(), norm * scale, rate);
        MetricsLog.putPerformance(line, tally, took);
        if (isLogged(step)) {
            listener.progressed(new TrainingListener.Progress(
                    stage,
                    step,
                    totalSteps,
                    (double) step / stepsPerEpoch,
                    loss,
                    tally.selectedFraction(),
                    tally.isDistilled() ? tally.expectedAcceptance() : Double.NaN,
                    tally.tokens() / took,
                    seconds / step * (totalSteps - step)));
        }
        return line;
    }

    /** Evaluates on held-out samples into {@code line}; whether it is the best evaluation so far. */
    private boolean evaluate(long step, List<MicroBatch> heldOut, ObjectNode line) {
        Tally held = new Tally();
        heldOut.forEach(batch -> objective.evaluate(batch, held));
        heldOutLoss = held.meanLoss();
        heldOutAcceptance = held.isDistilled() ? held.expectedAcceptance() : Double.NaN;
        MetricsLog.putEvaluation(line, held);
        listener.evaluated(stage, step, heldOutLoss, heldOutAcceptance);
        boolean best = heldOutAcceptance > bestAcceptance;
        if (best) {
            bestAcceptance = heldOutAcceptance;
            bestStep = step;
        }
        return best;
    }

    private void save(long step) {
        if (savedStep == step) {
            return;
        }
        metrics.sync();
        Path written = checkpoints.write(step, weights, optimizer, state(step));
        savedStep = step;
        listener.checkpointWritten(written);
    }

    /** What, with the model, the moments and the same data, determines the rest of the stage. */
    private ObjectNode state(long step) {
        ObjectNode state = Json.MAPPER.createObjectNode();
        state.put("stage", stage);
        state.put("step", step);
        state.put("total_steps", totalSteps);
        state.put("epoch", (double) step / stepsPerEpoch);
        state.put("steps_per_epoch", stepsPerEpoch);
        state.put("tokens", tokens);
        state.put("seconds", seconds);
        if (bestStep >= 0) {
            state.put("best_step", bestStep);
            state.put("best_expected_acceptance", bestAcceptance);
        }
        if (Double.isFinite(heldOutLoss)) {
            state.put("held_out_loss", heldOutLoss);
        }
        if (Double.isFinite(heldOutAcceptance)) {
            state.put("held_out_expected_acceptance", heldOutAcceptance);
        }
        return state;
    }
}
