package adaspec.decode;

import adaspec.common.UsageException;
import adaspec.ops.Draw;

/**
 * What is asked of a continuation.
 *
 * <p>Temperature, top-k and top-p apply in this order, as Hugging Face's do, and to target and draft alike. Tokens whose logit equals that of the k-th
 * or of the last one that top-p keeps are kept with it.
 *
 * @param maxNewTokens the most tokens emitted, end token included; 0 or more
 * @param temperature  0: the argmax (lowest id on ties), and then top-k and top-p change nothing; else logits are divided by it and sampled
 * @param topK         only the k likeliest tokens; 0: all
 * @param topP         only the likeliest tokens that together reach this probability; above 0; 1: all
 * @param seed         of the random numbers; with the prompt's index and a token's position it fixes every draw
 */
public record Sampling(int maxNewTokens, double temperature, int topK, double topP, long seed) {
    public static final int DEFAULT_MAX_NEW_TOKENS = 256;

    /** The most that f32 logits can be divided by and still differ. */
    private static final double HIGHEST_TEMPERATURE = 1e6;

    /** @throws UsageException if a value is out of its range */
    public Sampling {
        if (maxNewTokens < 0) {
            throw new UsageException("max-new-tokens is " + maxNewTokens + "; a number of 0 or more was expected");
        }
        if (!(temperature == 0 || (float) temperature >= Float.MIN_NORMAL && temperature <= HIGHEST_TEMPERATURE)) {
            throw new UsageException("temperature is " + temperature + "; 0 (greedy) or a number from " + Float.MIN_NORMAL + " to "
                    + HIGHEST_TEMPERATURE + " was expected");
        }
        if (topK < 0) {
            throw new UsageException("top-k is " + topK + "; 0 (off) or the number of tokens to keep was expected");
        }
        if (!((float) topP >= Float.MIN_NORMAL && topP <= 1)) {
            throw new UsageException("top-p is " + topP + "; a probability from " + Float.MIN_NORMAL + " to 1 (off) was expected");
        }
    }

    /** From the whole law. */
    public Sampling(int maxNewTokens, double temperature, long seed) {
        this(maxNewTokens, temperature, 0, 1, seed);
    }

    /** The argmax at every position. */
    public static Sampling greedy(int maxNewTokens) {
        return new Sampling(maxNewTokens, 0, 0);
    }

    public boolean isGreedy() {
        return temperature == 0;
    }

    /** How prompt {@code sequence} draws in a step that begins at {@code position}. */
    Draw draw(int sequence, long position) {
        return new Draw(seed, position, sequence, (float) temperature, topK, (float) topP);
    }
}
