package adaspec.text;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Cuts a dataset into batches. Which samples batch {@code i} of an epoch has is a function of (seed, epoch, i) alone, so that a resumed run sees
 * the same data without having saved anything. The last batch of an epoch may be smaller. Immutable but for the last epoch's order; thread-safe.
 *
 * <p>Batches are ragged, so samples of unlike length waste nothing beside each other. Grouping by length ({@link Grouping#LENGTH}) makes the batches
 * themselves unlike: each has sequences of about one length. It is fair in that every sample is in exactly one batch of an epoch and long batches
 * come as often early as late; but where a step's loss is the mean over its tokens, a token in a batch of short samples weighs more than one in a
 * batch of long ones.
 */
public final class Batcher {
    /** How the shuffled samples of an epoch become batches. */
    public enum Grouping {
        /** In their order. */
        NONE,
        /**
         * Windows of {@value #WINDOW} batches are sorted by length, cut, and all whole batches of the epoch shuffled. The rest that makes no whole
         * batch is set apart before, whatever its lengths, and comes last.
         */
        LENGTH
    }

    /** Batches of a window within which samples are sorted by length: enough for batches of one length, few enough that windows stay unlike. */
    static final int WINDOW = 64;

    private record Epoch(int number, int[] order) {}

    private final List<Sample> samples;
    private final int batchSize;
    private final long seed;
    private final Grouping grouping;
    private volatile Epoch last;

    /** Samples in their shuffled order. */
    public Batcher(List<Sample> samples, int batchSize, long seed) {
        this(samples, batchSize, seed, Grouping.NONE);
    }

    /** @param batchSize samples a batch, at least 1 */
    public Batcher(List<Sample> samples, int batchSize, long seed, Grouping grouping) {
        if (samples.isEmpty() || batchSize < 1) {
            throw new IllegalArgumentException(samples.size() + " samples in batches of " + batchSize);
        }
        this.samples = List.copyOf(samples);
        this.batchSize = batchSize;
        this.seed = seed;
        this.grouping = grouping;
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
            int[] shuffled = permutation(samples.size(), seed, epoch);
            known = new Epoch(epoch, grouping == Grouping.LENGTH ? grouped(shuffled, epoch) : shuffled);
            last = known;
        }
        return known.order;
    }

    /** The whole batches of {@code shuffled} made of samples of like length, in a shuffled order; then the rest. */
    private int[] grouped(int[] shuffled, int epoch) {
        int[] sorted = shuffled.clone();
        int batches = shuffled.length / batchSize;
        for (int first = 0; first < batches; first += WINDOW) {
            sortByLength(sorted, first * batchSize, Math.min(first + WINDOW, batches) * batchSize);
        }
        int[] order = sorted.clone();
        // The seed's complement keys an order of its own: with the seed itself the batches would follow the samples' shuffle.
        int[] place = permutation(batches, ~seed, epoch);
        for (int i = 0; i < batches; i++) {
            System.arraycopy(sorted, i * batchSize, order, place[i] * batchSize, batchSize);
        }
        return order;
    }

    /** Ties keep their shuffled order. */
    private void sortByLength(int[] order, int from, int to) {
        int[] window = Arrays.stream(order, from, to).boxed()
                .sorted(Comparator.comparingInt(sample -> samples.get(sample).ids().length))
                .mapToInt(Integer::intValue)
                .toArray();
        System.arraycopy(window, 0, order, from, window.length);
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
