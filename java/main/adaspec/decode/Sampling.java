package adaspec.decode;

import adaspec.common.UsageException;

/**
 * What is asked of a continuation.
 *
 * @param maxNewTokens the most tokens emitted, end token included; 0 or more
 * @param temperature  0: the argmax (lowest id on ties); else logits are divided by it and sampled
 * @param seed         of the random numbers; with the prompt's index and a token's position it fixes every draw
 */
public record Sampling(int maxNewTokens, double temperature, long seed) {
    public static final int DEFAULT_MAX_NEW_TOKENS = 256;

    /** The most that f32 logits can be divided by and still differ. */
    private static final double HIGHEST_TEMPERATURE = 1e6;

    /** @throws UsageException if a value is out of its range */
    public Sampling {
        if (maxNewTokens < 0) {
            throw new UsageException("max-new-tokens is " + maxNewTokens + "; a number of 0 or more was expected");
        }
        if (!(temperature == 0 || (float) temperature >= Float.MIN_NORMAL && temperature <= HIGHEST_TEMPERATURE)) {
            throw new UsageException("temperature is " + temperature + "; 0 (greedy) or a number up to " + HIGHEST_TEMPERATURE + " was expected");
        }
    }

    /** The argmax at every position. */
    public static Sampling greedy(int maxNewTokens) {
        return new Sampling(maxNewTokens, 0, 0);
    }

    public boolean isGreedy() {
        return temperature == 0;
    }
}
