package adaspec.ops;

/**
 * Where the heads of queries, keys and values lie in a row of the projection's output. All numbers count elements.
 *
 * <p>Head h of the queries starts at {@code queryOffset + h * queryHeadStride}; head g of keys and values at
 * {@code keyOffset + g * kvHeadStride} and {@code valueOffset + g * kvHeadStride}. Query head h reads key head {@code h * kvHeads / queryHeads}.
 *
 * @param queryHeads H
 * @param kvHeads    K, divides H (K = H: multi-head; less: grouped-query attention)
 * @param headDim    D
 * @param rowWidth   length of a row, (H + 2K) * D
 */
public record HeadLayout(
        int queryHeads,
        int kvHeads,
        int headDim,
        int queryOffset,
        int keyOffset,
        int valueOffset,
        int queryHeadStride,
        int kvHeadStride,
        int rowWidth) {

    /** GPT-NeoX: each head's query, key and value side by side: (H, 3, D). */
    public static HeadLayout interleaved(int heads, int headDim) {
        return new HeadLayout(heads, heads, headDim, 0, headDim, 2 * headDim, 3 * headDim, 3 * headDim, 3 * heads * headDim);
    }

    /** All queries, then all keys, then all values: (H, D), (K, D), (K, D). */
    public static HeadLayout stacked(int queryHeads, int kvHeads, int headDim) {
        int queries = queryHeads * headDim;
        int keys = kvHeads * headDim;
        return new HeadLayout(queryHeads, kvHeads, headDim, 0, queries, queries + keys, headDim, headDim, queries + 2 * keys);
    }

    /** Width of the attention's output row, H * D. */
    public int outputWidth() {
        return queryHeads * headDim;
    }

    /** Where query head {@code h} starts in a row. */
    public int queryAt(int h) {
        return queryOffset + h * queryHeadStride;
    }

    /** Where key head {@code g} starts in a row. */
    public int keyAt(int g) {
        return keyOffset + g * kvHeadStride;
    }

    /** Where value head {@code g} starts in a row. */
    public int valueAt(int g) {
        return valueOffset + g * kvHeadStride;
    }

    /** The key and value head that query head {@code h} reads. */
    public int kvHeadOf(int h) {
        return (int) ((long) h * kvHeads / queryHeads);
    }
}
