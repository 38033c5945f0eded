package adaspec.train;

import java.util.List;

/** Which samples each optimiser step sees: a pure function of the step, so that a run can be taken up anywhere. */
public interface BatchPlan {
    /** Optimiser steps that see every sample once; at least 1. */
    long stepsPerEpoch();

    /** The micro-batches of optimiser step {@code step}, counted from 0 over all epochs. */
    List<MicroBatch> step(long step);
}
