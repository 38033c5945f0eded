package adaspec.train;

import adaspec.text.Batcher;
import java.util.ArrayList;
import java.util.List;

/**
 * A {@link Batcher}'s batches, some to an optimiser step. The last step of an epoch may have fewer, as in transformers.
 *
 * @param accumulation micro-batches of a step
 */
public record BatcherPlan(Batcher batcher, int accumulation) implements BatchPlan {
    @Override
    public long stepsPerEpoch() {
        return Math.ceilDiv(batcher.batchesPerEpoch(), accumulation);
    }

    @Override
    public List<MicroBatch> step(long step) {
        int epoch = Math.toIntExact(step / stepsPerEpoch());
        int first = (int) (step % stepsPerEpoch()) * accumulation;
        List<MicroBatch> batches = new ArrayList<>();
        for (int i = first; i < Math.min(batcher.batchesPerEpoch(), first + accumulation); i++) {
            batches.add(MicroBatch.of(batcher.batch(epoch, i)));
        }
        return batches;
    }
}
