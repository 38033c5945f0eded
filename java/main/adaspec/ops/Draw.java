package adaspec.ops;

/**
 * How the tokens of one sequence are drawn: the warp of its laws, in Hugging Face's order, and where its random numbers come from. The fields of
 * {@code struct adaspec_draw} in their order; {@code adaspec.h} says what ties do and why the number of a token depends on its step.
 *
 * @param seed        of the random numbers
 * @param position    of the first token of the step
 * @param sequence    index of the prompt
 * @param temperature 0: greedy; else logits are divided by it
 * @param topK        0: off; else logits below the k-th largest are dropped
 * @param topP        1: off; else what lies below the largest value that reaches this mass is dropped; above 0
 */
public record Draw(long seed, long position, int sequence, float temperature, int topK, float topP) {
    public Draw {
        if (!(temperature >= 0 && temperature < Float.POSITIVE_INFINITY) || topK < 0 || !(topP > 0 && topP <= 1)) {
            throw new IllegalArgumentException("temperature " + temperature + ", top-k " + topK + ", top-p " + topP);
        }
    }

    /** Without top-k and top-p. */
    public Draw(long seed, long position, int sequence, float temperature) {
        this(seed, position, sequence, temperature, 0, 1);
    }

    public boolean isGreedy() {
        return temperature == 0;
    }

    /** The uniform number of token {@code index} of the step, for {@code purpose}. */
    double uniform(int purpose, int index) {
        return Philox.uniform(seed, sequence, position + index, purpose + 256 * index);
    }
}
