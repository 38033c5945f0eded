package adaspec.engine;

import adaspec.common.UsageException;
import adaspec.decode.Speculation;
import adaspec.tensor.DType;

/**
 * How an {@link Engine} runs.
 *
 * @param device      auto, cpu, reference, cuda or cuda:N
 * @param threads     of the processor; results do not depend on it
 * @param precision   the type of the weights; null: as the files have them, without rounding
 * @param speculation how a draft is used; matters only with one
 */
public record EngineOptions(String device, int threads, DType precision, Speculation speculation) {

    /** @throws UsageException if a number is out of its range */
    public EngineOptions {
        if (threads < 1) {
            throw new UsageException("threads is " + threads + "; 1 or more was expected");
        }
    }

    /** The best device here, all cores, weights as they are, five drafted tokens. */
    public static EngineOptions defaults() {
        return new EngineOptions("auto", Runtime.getRuntime().availableProcessors(), null, Speculation.defaults());
    }
}
