package adaspec.text;

import java.util.Arrays;
import java.util.List;

/**
 * Cuts a dataset into batches. Which samples batch {@code i} of an epoch has is a function of (seed, epoch, i) alone, so that a resumed run sees
 * the same data without having saved anything. The last batch of an epoch may be smaller. Immutable but for the last epoch's order; thread-safe.
 */
public final class Batcher {
    private record Epoch(int number, int[] order) {}

    private final List<Sample> samples;
    private final int batchSize;
    private final long seed;
    private volatile Epoch last;

    /** @param batchSize samples a batch, at least 1 */
    public Batcher(List<Sample> samples, int batchSize, long seed) {
        if (samples.isEmpty() || batchSize < 1) {
            throw new IllegalArgumentException(samples.size() + " samples in batches of " + batchSize);
        }
        this.samples = List.copyOf(samples);
        this.batchSize = batchSize;
        this.seed = seed;
    }

    public int batchesPerEpoch() {
        return Math.ceilDiv(samples.size(), batchSize);
    }

    /** Batch {@code index} of {@code epoch}, both from 0. */
    public Batch batch(int epoch, int index) {
        if (epoch < 0 || index < 0 || index >= batchesPerEpoch()) {
            throw new IndexOutOfBoundsException("batch " + index + " of epoch " + epoch + " with " + batchesPerEpoch() + " batches");
        }
        int[] order = order(epoch);
        int from = index * batchSize;
        return Batch.of(samples, Arrays.copyOfRange(order, from, Math.min(from + batchSize, order.length)));
    }

    /** Batch {@code index} counted from the beginning of training, through all epochs. */
    public Batch batch(long index) {
        return batch(Math.toIntExact(index / batchesPerEpoch()), (int) (index % batchesPerEpoch()));
    }

    private int[] order(int epoch) {
        Epoch known = last;
        if (known == null || known.number != epoch) {
            known = new Epoch(epoch, permutation(samples.size(), seed, epoch));
            last = known;
        }
        return known.order;
    }

    /** Fisher and Yates's shuffle with the i-th number of a counter-based generator (SplitMix64's output function) keyed by seed and epoch. */
    static int[] permutation(int n, long seed, int epoch) {
        long key = mix(mix(seed) + epoch);
        int[] order = new int[n];
        for (int i = 0; i < n; i++) {
            // Of 64 random bits the high word of the product with i + 1 is uniform on 0 .. i but for less than one part in 2^32.
            int j = (int) Math.unsignedMultiplyHigh(mix(key + i * 0x9E3779B97F4A7C15L), i + 1L);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    private static long mix(long value) {
        long z = value + 0x9E3779B97F4A7C15L;
        z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return z ^ z >>> 31;
    }
}
