package adaspec.bench;

/**
 * The extents that operations are timed at.
 *
 * @param vocabulary V
 * @param rows       of logits; also the length of a sequence in attention, of which there are four
 * @param hidden     C, a multiple of 32: heads are 128 wide where there are at least four such, else 16; four query heads share a key head
 * @param context    positions in the cache of a decoding step
 */
public record KernelShapes(int vocabulary, int rows, int hidden, int context) {
    private static final int WIDE_HEAD = 128;
    private static final int NARROW_HEAD = 16;
    private static final int QUERIES_PER_KEY = 4;

    int headDim() {
        return hidden % (QUERIES_PER_KEY * WIDE_HEAD) == 0 ? WIDE_HEAD : NARROW_HEAD;
    }

    int queryHeads() {
        return hidden / headDim();
    }

    int keyHeads() {
        return Math.max(1, queryHeads() / QUERIES_PER_KEY);
    }

    /** Rows of hidden states in the operations of a model's body: so many that no cache holds them at the default extents. */
    long tokens() {
        return 16L * rows;
    }

    /** Of a row of queries, keys and values. */
    int rowWidth() {
        return (queryHeads() + 2 * keyHeads()) * headDim();
    }
}
