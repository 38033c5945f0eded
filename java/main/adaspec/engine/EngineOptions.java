package adaspec.engine;

import adaspec.common.UsageException;
import adaspec.decode.DraftSampleMethod;
import adaspec.tensor.DType;

/**
 * How an {@link Engine} runs.
 *
 * @param device               auto, cpu, reference, cuda or cuda:N
 * @param threads              of the processor; results do not depend on it
 * @param precision            the type of the weights; null: as the files have them, without rounding
 * @param numSpeculativeTokens N, tokens drafted in a step; matters only with a draft
 * @param draftSampleMethod    how the draft draws when the target samples
 */
public record EngineOptions(String device, int threads, DType precision, int numSpeculativeTokens, DraftSampleMethod draftSampleMethod) {
    public static final int DEFAULT_NUM_SPECULATIVE_TOKENS = 5;
    /** Drafts beyond this help nobody, and the counts for each position of a draft are kept in memory. */
    public static final int MOST_NUM_SPECULATIVE_TOKENS = 1024;

    /** @throws UsageException if a number is out of its range */
    public EngineOptions {
        if (threads < 1) {
            throw new UsageException("threads is " + threads + "; 1 or more was expected");
        }
        if (numSpeculativeTokens < 1 || numSpeculativeTokens > MOST_NUM_SPECULATIVE_TOKENS) {
            throw new UsageException("num-speculative-tokens is " + numSpeculativeTokens + "; a whole number from 1 to " + MOST_NUM_SPECULATIVE_TOKENS
                    + " was expected");
        }
    }

    /** The best device here, all cores, weights as they are, five drafted tokens. */
    public static EngineOptions defaults() {
        return new EngineOptions(
                "auto", Runtime.getRuntime().availableProcessors(), null, DEFAULT_NUM_SPECULATIVE_TOKENS, DraftSampleMethod.PROBABILISTIC);
    }
}
