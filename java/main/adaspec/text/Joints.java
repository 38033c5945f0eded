package adaspec.text;

import java.util.Arrays;
import java.util.List;

/**
 * Which neighbouring characters a merge can ever bring into one token: those that stand side by side in a token that a merge makes. Between all
 * others text can be cut before merging and gives the same tokens. Characters without a symbol of their own (unknown ones may fuse, bytes may
 * merge) are never cut from their neighbours. Immutable.
 */
final class Joints {
    /** ASCII and SentencePiece's mark have a table of their own. */
    private static final int FAST = 0x81;

    private static final char MARK = '\u2581';

    private final Symbols symbols;
    private final boolean[] fast = new boolean[FAST * FAST];
    private final long[] pairs;
    private final int mask;

    /** @param made the tokens that merges make */
    Joints(Symbols symbols, List<String> made) {
        this.symbols = symbols;
        long[] all = made.stream().flatMapToLong(token -> {
            int[] points = token.codePoints().toArray();
            return java.util.stream.IntStream.range(1, points.length).mapToLong(i -> key(points[i - 1], points[i]));
        }).sorted().distinct().toArray();
        pairs = new long[Integer.highestOneBit(Math.max(all.length, 8)) * 4];
        mask = pairs.length - 1;
        Arrays.fill(pairs, -1);
        for (long pair : all) {
            pairs[slot(pair)] = pair;
        }
        for (int i = 0; i < fast.length; i++) {
            fast[i] = search(character(i / FAST), character(i % FAST));
        }
    }

    boolean mayJoin(int left, int right) {
        int row = left == MARK ? FAST - 1 : left;
        int column = right == MARK ? FAST - 1 : right;
        return row < FAST && column < FAST && left != FAST - 1 && right != FAST - 1 ? fast[row * FAST + column] : search(left, right);
    }

    private static int character(int index) {
        return index == FAST - 1 ? MARK : index;
    }

    private boolean search(int left, int right) {
        return !symbols.has(left) || !symbols.has(right) || pairs[slot(key(left, right))] >= 0;
    }

    private static long key(int left, int right) {
        return (long) left << 32 | right;
    }

    private int slot(long key) {
        long h = key * 0x9E3779B97F4A7C15L;
        int slot = (int) (h ^ h >>> 32) & mask;
        while (pairs[slot] >= 0 && pairs[slot] != key) {
            slot = slot + 1 & mask;
        }
        return slot;
    }
}
