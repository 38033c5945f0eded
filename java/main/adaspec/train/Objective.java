package adaspec.train;

import adaspec.model.Weights;
import java.util.List;

/** A loss over answer tokens and its gradient by the parameters of the model in training. One thread at a time. */
public interface Objective {
    /**
     * Adds to {@code gradient} scale times the gradient of the sum of the kept tokens' losses over the micro-batches of one optimiser step, and to
     * {@code tally} what was seen on the way.
     *
     * @param number of the optimiser step in its stage, from 1: with the micro-batches and the weights it determines the result
     */
    void accumulate(long number, List<MicroBatch> step, float scale, Weights gradient, Tally tally);

    /** Adds to {@code tally} the losses of all answer tokens, without selection and without a gradient. */
    void evaluate(MicroBatch batch, Tally tally);
}
