package adaspec.train;

import java.nio.file.Path;

/** Told how a stage goes, on the thread that trains. Every method may be left out. */
public interface TrainingListener {
    /** Hears nothing. */
    TrainingListener SILENT = new TrainingListener() {};

    /**
     * A logged step.
     *
     * @param epoch              passes over the samples so far
     * @param loss               the optimised value
     * @param selectedFraction   share of the answer tokens that was learned from
     * @param expectedAcceptance mean of sum_v min(p_v, q_v); NaN where there is no target
     * @param tokensPerSecond    input tokens of this step
     * @param secondsLeft        of the stage, from the mean time of its steps so far
     */
    record Progress(
            String stage,
            long step,
            long totalSteps,
            double epoch,
            double loss,
            double selectedFraction,
            double expectedAcceptance,
            double tokensPerSecond,
            double secondsLeft) {}

    default void stageStarted(String stage, long totalSteps, TrainingOptions options) {}

    default void progressed(Progress progress) {}

    /** Held-out samples were evaluated: mean loss over their answer tokens; expected acceptance, or NaN where there is no target. */
    default void evaluated(String stage, long step, double loss, double expectedAcceptance) {}

    default void checkpointWritten(Path checkpoint) {}
}
