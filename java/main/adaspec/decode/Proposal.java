package adaspec.decode;

import adaspec.tensor.Tensor;
import java.util.Arrays;

/**
 * Tokens drafted for the next positions, and the laws they were drawn from.
 *
 * @param tokens (G) ids, G may be 0
 * @param logits (G, v): row i is the law that token i was drawn from, before temperature, top-k and top-p; null where q is 1 at each token
 */
public record Proposal(int[] tokens, Tensor logits) {
    public static final Proposal NONE = new Proposal(new int[0], null);

    /** The first {@code count} tokens of it. */
    Proposal first(int count) {
        return count == length() ? this : new Proposal(Arrays.copyOf(tokens, count), logits == null ? null : logits.rows(0, count));
    }

    /** G. */
    public int length() {
        return tokens.length;
    }
}
