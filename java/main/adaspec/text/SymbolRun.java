package adaspec.text;

import java.util.Arrays;

/** A word as symbols, merged in place by {@link Bpe}: {@code ids[i]} stands for the word's characters {@code starts[i] .. ends[i]}. */
final class SymbolRun {
    int[] ids;
    int[] starts;
    int[] ends;
    int length;

    SymbolRun(int capacity) {
        ids = new int[Math.max(capacity, 8)];
        starts = new int[ids.length];
        ends = new int[ids.length];
    }

    void add(int id, int start, int end) {
        if (length == ids.length) {
            int capacity = Math.multiplyExact(length, 2);
            ids = Arrays.copyOf(ids, capacity);
            starts = Arrays.copyOf(starts, capacity);
            ends = Arrays.copyOf(ends, capacity);
        }
        ids[length] = id;
        starts[length] = start;
        ends[length++] = end;
    }

    /** Symbol {@code at} takes in {@code right}, the one after it, as {@code id}; {@code right} is not removed. */
    void join(int at, int right, int id) {
        ids[at] = id;
        ends[at] = ends[right];
    }
}
