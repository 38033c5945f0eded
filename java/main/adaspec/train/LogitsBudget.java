package adaspec.train;

/**
 * How much memory the logits of a chunk may take.
 *
 * <p>Four matrices count, whether or not all are used: logits of target, draft and reference, and the gradient. So the chunks of a run do not
 * depend on whether a reference is there, and a run that keeps every token is the same bits with and without one.
 *
 * @param bytes for the four matrices of a chunk together
 */
public record LogitsBudget(long bytes) {
    private static final int MATRICES = 4;

    /** 512 MiB. */
    public static final LogitsBudget DEFAULT = new LogitsBudget(512L << 20);

    public LogitsBudget {
        if (bytes < 1) {
            throw new IllegalArgumentException("a logits budget of " + bytes + " bytes");
        }
    }

    /** Rows of a chunk over a vocabulary of V: at least one. */
    public int rows(long vocabulary) {
        return Math.clamp(bytes / (MATRICES * Float.BYTES * vocabulary), 1, Integer.MAX_VALUE);
    }
}
