package adaspec.text;

import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Byte-pair encoding of one word: starts from the word's bytes and joins, again and again, the neighbouring pair that was learnt first
 * (leftmost where two are equal), until no neighbours are a known pair. Immutable but for a cache of words; safe for many threads.
 *
 * <p>Short words scan for the least rank; long ones keep a heap of candidates over a linked list, O(n log n).
 */
final class Bpe {
    /** Above this many symbols the heap is used; below it the quadratic scan is faster. */
    private static final int SCAN_LIMIT = 48;

    private static final int CACHED_BYTES = 64;
    private static final int CACHE_SIZE = 1 << 16;
    private static final int NONE = Integer.MAX_VALUE;

    /** A word and its tokens: token {@code i} covers bytes {@code ends[i-1] .. ends[i]}. Final fields make racy publication in the cache safe. */
    record Word(byte[] bytes, int[] ids, int[] ends) {}

    /** What a byte without a symbol becomes: {@code id}, or nothing at all where {@code id} is -1; {@code fuse} joins neighbours. */
    record Unknown(int id, boolean fuse) {}

    private final int[] symbolOfByte;
    private final Pairs pairs;
    private final Unknown unknown;
    private final Map<String, Integer> wholeWords;
    private final Word[] cache = new Word[CACHE_SIZE];

    /**
     * @param symbolOfByte (256) id of each byte's symbol, -1 if the vocabulary has none
     * @param merges (left, right, merged) in the order learnt
     * @param wholeWords token ids by spelling, for {@code ignore_merges}: a word that is a token is that token; null to always merge
     */
    Bpe(int[] symbolOfByte, List<int[]> merges, Unknown unknown, Map<String, Integer> wholeWords) {
        this.symbolOfByte = symbolOfByte;
        this.pairs = new Pairs(merges);
        this.unknown = unknown;
        this.wholeWords = wholeWords;
    }

    /** The tokens of {@code bytes[from .. to)}. */
    Word encode(byte[] bytes, int from, int to) {
        int length = to - from;
        if (length > CACHED_BYTES) {
            return compute(Arrays.copyOfRange(bytes, from, to));
        }
        int hash = 0;
        for (int i = from; i < to; i++) {
            hash = 31 * hash + bytes[i];
        }
        int slot = (hash * 0x9E3779B9) >>> 16 & CACHE_SIZE - 1;
        Word word = cache[slot];
        if (word == null || !Arrays.equals(word.bytes, 0, word.bytes.length, bytes, from, to)) {
            word = compute(Arrays.copyOfRange(bytes, from, to));
            cache[slot] = word;
        }
        return word;
    }

    private Word compute(byte[] word) {
        if (wholeWords != null) {
            Integer id = wholeWords.get(ByteAlphabet.spell(word, 0, word.length));
            if (id != null) {
                return new Word(word, new int[] {id}, new int[] {word.length});
            }
        }
        int[] ids = new int[word.length];
        int[] ends = new int[word.length];
        int n = 0;
        boolean fusing = false;
        for (int i = 0; i < word.length; i++) {
            int symbol = symbolOfByte[word[i] & 0xFF];
            if (symbol < 0 && unknown.id < 0) {
                continue;
            }
            if (symbol < 0 && fusing) {
                ends[n - 1] = i + 1;
                continue;
            }
            fusing = symbol < 0 && unknown.fuse;
            ids[n] = symbol < 0 ? unknown.id : symbol;
            ends[n++] = i + 1;
        }
        n = n <= SCAN_LIMIT ? mergeByScan(ids, ends, n) : mergeByHeap(ids, ends, n);
        return new Word(word, Arrays.copyOf(ids, n), Arrays.copyOf(ends, n));
    }

    /** Merges in place; returns how many symbols are left. */
    private int mergeByScan(int[] ids, int[] ends, int count) {
        int n = count;
        int[] ranks = new int[n];
        for (int i = 0; i + 1 < n; i++) {
            ranks[i] = pairs.rank(ids[i], ids[i + 1]);
        }
        while (n > 1) {
            int best = NONE;
            int at = -1;
            for (int i = 0; i + 1 < n; i++) {
                if (ranks[i] < best) {
                    best = ranks[i];
                    at = i;
                }
            }
            if (at < 0) {
                break;
            }
            ids[at] = pairs.merged(best);
            ends[at] = ends[at + 1];
            n--;
            System.arraycopy(ids, at + 2, ids, at + 1, n - at - 1);
            System.arraycopy(ends, at + 2, ends, at + 1, n - at - 1);
            System.arraycopy(ranks, at + 2, ranks, at + 1, n - at - 1);
            if (at + 1 < n) {
                ranks[at] = pairs.rank(ids[at], ids[at + 1]);
            }
            if (at > 0) {
                ranks[at - 1] = pairs.rank(ids[at - 1], ids[at]);
            }
        }
        return n;
    }

    /** The same result; an entry of the heap is (rank, position) and is stale if the pair there has another rank by now. */
    private int mergeByHeap(int[] ids, int[] ends, int n) {
        int[] next = new int[n];
        int[] previous = new int[n];
        LongHeap heap = new LongHeap(n);
        for (int i = 0; i < n; i++) {
            next[i] = i + 1 < n ? i + 1 : -1;
            previous[i] = i - 1;
            if (i + 1 < n) {
                offer(heap, ids[i], ids[i + 1], i);
            }
        }
        while (!heap.isEmpty()) {
            long candidate = heap.pop();
            int rank = (int) (candidate >>> 32);
            int at = (int) candidate;
            int right = next[at];
            if (ids[at] < 0 || right < 0 || pairs.rank(ids[at], ids[right]) != rank) {
                continue;
            }
            ids[at] = pairs.merged(rank);
            ends[at] = ends[right];
            ids[right] = -1;
            next[at] = next[right];
            if (next[at] >= 0) {
                previous[next[at]] = at;
                offer(heap, ids[at], ids[next[at]], at);
            }
            if (previous[at] >= 0) {
                offer(heap, ids[previous[at]], ids[at], previous[at]);
            }
        }
        int left = 0;
        for (int i = 0; i >= 0; i = next[i]) {
            ids[left] = ids[i];
            ends[left++] = ends[i];
        }
        return left;
    }

    private void offer(LongHeap heap, int left, int right, int at) {
        int rank = pairs.rank(left, right);
        if (rank != NONE) {
            heap.push((long) rank << 32 | at);
        }
    }

    /** (left, right) -> rank by open addressing, and rank -> merged id. */
    private static final class Pairs {
        private final long[] keys;
        private final int[] ranks;
        private final int[] merged;
        private final int mask;

        Pairs(List<int[]> merges) {
            int capacity = Integer.highestOneBit(Math.max(merges.size(), 8)) * 4;
            keys = new long[capacity];
            ranks = new int[capacity];
            merged = new int[merges.size()];
            mask = capacity - 1;
            Arrays.fill(keys, -1);
            for (int rank = 0; rank < merges.size(); rank++) {
                int[] merge = merges.get(rank);
                int slot = slot(key(merge[0], merge[1]));
                keys[slot] = key(merge[0], merge[1]);
                ranks[slot] = rank; // of a pair that is listed twice the later rank counts, as in the library
                merged[rank] = merge[2];
            }
        }

        int rank(int left, int right) {
            int slot = slot(key(left, right));
            return keys[slot] < 0 ? NONE : ranks[slot];
        }

        int merged(int rank) {
            return merged[rank];
        }

        private static long key(int left, int right) {
            return (long) left << 32 | right;
        }

        private int slot(long key) {
            long h = key * 0x9E3779B97F4A7C15L;
            int slot = (int) (h ^ h >>> 32) & mask;
            while (keys[slot] >= 0 && keys[slot] != key) {
                slot = slot + 1 & mask;
            }
            return slot;
        }
    }
}
