package adaspec.decode;

import adaspec.common.UsageException;
import adaspec.ops.Verification;

/**
 * How a draft is used.
 *
 * @param numSpeculativeTokens N, tokens drafted in a step
 * @param draftSampleMethod    how the draft draws when the target samples
 * @param verification         how it is decided how much of a draft stands
 */
public record Speculation(int numSpeculativeTokens, DraftSampleMethod draftSampleMethod, Verification verification) {
    public static final int DEFAULT_NUM_SPECULATIVE_TOKENS = 5;
    /** Drafts beyond this help nobody, and the counts for each position of a draft are kept in memory. */
    public static final int MOST_NUM_SPECULATIVE_TOKENS = 1024;

    /** @throws UsageException if a number is out of its range */
    public Speculation {
        if (numSpeculativeTokens < 1 || numSpeculativeTokens > MOST_NUM_SPECULATIVE_TOKENS) {
            throw new UsageException("num-speculative-tokens is " + numSpeculativeTokens + "; a whole number from 1 to " + MOST_NUM_SPECULATIVE_TOKENS
                    + " was expected");
        }
    }

    /** N tokens sampled from the draft, verified token by token. */
    public static Speculation of(int numSpeculativeTokens) {
        return new Speculation(numSpeculativeTokens, DraftSampleMethod.PROBABILISTIC, Verification.TOKEN);
    }

    /** Five tokens sampled from the draft, verified token by token. */
    public static Speculation defaults() {
        return of(DEFAULT_NUM_SPECULATIVE_TOKENS);
    }
}
