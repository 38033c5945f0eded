package adaspec.ops;

/**
 * Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * <p>A number is a function of (seed, sequence, position, purpose), so neither batching nor resuming nor the draft length changes what a position draws.
 * The native kernels compute the same bits.
 */
public final class Philox {
    /** Purposes: what a number at a position is for. */
    public static final int DRAFT = 0;

    public static final int ACCEPT = 1;
    public static final int NEXT = 2;
    public static final int INIT = 3;
    public static final int ORDER = 4;
    public static final int SELECT = 5;

    private static final int MULTIPLIER_0 = 0xD2511F53;
    private static final int MULTIPLIER_1 = 0xCD9E8D57;
    private static final int WEYL_0 = 0x9E3779B9;
    private static final int WEYL_1 = 0xBB67AE85;

    private Philox() {}

    /** Uniform in [0, 1) with 53 bits: words 0 and 1 of the block with key = seed and counter = (position, sequence, purpose). */
    public static double uniform(long seed, int sequence, long position, int purpose) {
        int[] block = block(seed, position, sequence, purpose);
        long bits = ((block[0] & 0xffffffffL) << 32) | (block[1] & 0xffffffffL);
        return (bits >>> 11) * 0x1.0p-53;
    }

    /** The four words of the block with key (seed low, seed high) and counter (position low, position high, sequence, purpose). */
    public static int[] block(long seed, long position, int sequence, int purpose) {
        int c0 = (int) position;
        int c1 = (int) (position >>> 32);
        int c2 = sequence;
        int c3 = purpose;
        int k0 = (int) seed;
        int k1 = (int) (seed >>> 32);
        for (int round = 0; round < 10; round++) {
            long product0 = (MULTIPLIER_0 & 0xffffffffL) * (c0 & 0xffffffffL);
            long product1 = (MULTIPLIER_1 & 0xffffffffL) * (c2 & 0xffffffffL);
            int high0 = (int) (product0 >>> 32);
            int high1 = (int) (product1 >>> 32);
            c0 = high1 ^ c1 ^ k0;
            c2 = high0 ^ c3 ^ k1;
            c1 = (int) product1;
            c3 = (int) product0;
            k0 += WEYL_0;
            k1 += WEYL_1;
        }
        return new int[] {c0, c1, c2, c3};
    }
}
