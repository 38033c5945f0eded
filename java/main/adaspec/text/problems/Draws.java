package adaspec.text.problems;

/**
 * Counter-based random numbers: the n-th draw is a function of (seed, split, index, attempt, n) alone, so a problem does not depend on which others
 * were made. The mixing function is SplitMix64's (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
 */
final class Draws {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private final long key;
    private long drawn;

    /** The draws of one attempt at the problem {@code index} of a split. */
    Draws(long seed, Split split, long index, int attempt) {
        key = hash(seed, split.ordinal(), index, attempt);
    }

    /** Uniform in 0 .. n-1, {@code n >= 1}; the bias is below n / 2^64. */
    int below(int n) {
        return (int) Math.unsignedMultiplyHigh(mix(key + ++drawn * GOLDEN), n);
    }

    /** 64 well mixed bits of a list of numbers; the order counts. */
    static long hash(long... values) {
        long h = values.length;
        for (long value : values) {
            h = mix(h + GOLDEN ^ mix(value + GOLDEN));
        }
        return h;
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
