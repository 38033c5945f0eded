package adaspec.text;

import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Byte-pair encoding of one word: starts from the word's {@link Symbols} and joins, again and again, the neighbouring pair that was learnt first
 * (leftmost where two are equal), until no neighbours are a known pair. Immutable but for a cache of words; safe for many threads.
 *
 * <p>Short words scan for the least rank; long ones keep a heap of candidates over a linked list, O(n log n). A long text that is one word, as
 * SentencePiece has it, is first cut where no merge can join.
 */
final class Bpe {
    /** Above this many symbols the heap is used; below it the quadratic scan is faster. */
    private static final int SCAN_LIMIT = 48;

    private static final int CACHED_CHARS = 64;
    private static final int CACHE_SIZE = 1 << 16;
    private static final int NONE = Integer.MAX_VALUE;

    /**
     * A word and its tokens: token {@code i} stands for characters {@code starts[i] .. ends[i]} of the word. Final fields make racy
     * publication in the cache safe.
     */
    record Word(char[] chars, int[] ids, int[] starts, int[] ends) {}

    /** Takes the tokens of the text from {@code at} on. */
    @FunctionalInterface
    interface Sink {
        void accept(Word word, int at);
    }

    private final Symbols symbols;
    private final Pairs pairs;
    private final Map<String, Integer> wholeWords;
    private final int longestWord;
    private final Joints joints;
    private final Word[] cache = new Word[CACHE_SIZE];

    /**
     * @param merges (left, right, merged) in the order learnt
     * @param joints where merges may join characters; null if long words are not to be cut
     * @param wholeWords token ids by spelling, for {@code ignore_merges}: a word that is a token is that token; null to always merge
     */
    Bpe(Symbols symbols, List<int[]> merges, Joints joints, Map<String, Integer> wholeWords) {
        this.symbols = symbols;
        this.pairs = new Pairs(merges);
        this.joints = wholeWords == null ? joints : null;
        this.wholeWords = wholeWords;
        this.longestWord = wholeWords == null ? 0 : wholeWords.keySet().stream().mapToInt(String::length).max().orElse(0);
    }

    /** The tokens of {@code s[from .. to)}, a word or, of a long one, part after part. */
    void encode(char[] s, int from, int to, Sink sink) {
        if (to - from <= CACHED_CHARS || joints == null) {
            sink.accept(word(s, from, to), from);
            return;
        }
        int begin = from;
        int left = Character.codePointAt(s, from, to);
        for (int i = from + Character.charCount(left); i < to; ) {
            int right = Character.codePointAt(s, i, to);
            if (!joints.mayJoin(left, right)) {
                sink.accept(word(s, begin, i), begin);
                begin = i;
            }
            left = right;
            i += Character.charCount(right);
        }
        sink.accept(word(s, begin, to), begin);
    }

    private Word word(char[] s, int from, int to) {
        if (to - from > CACHED_CHARS) {
            return compute(s, from, to);
        }
        int hash = 0;
        for (int i = from; i < to; i++) {
            hash = 31 * hash + s[i];
        }
        int slot = (hash * 0x9E3779B9) >>> 16 & CACHE_SIZE - 1;
        Word word = cache[slot];
        if (word == null || !Arrays.equals(word.chars, 0, word.chars.length, s, from, to)) {
            word = compute(s, from, to);
            cache[slot] = word;
        }
        return word;
    }

    private Word compute(char[] s, int from, int to) {
        int length = to - from;
        char[] kept = length > CACHED_CHARS ? new char[0] : Arrays.copyOfRange(s, from, to);
        if (wholeWords != null && length <= longestWord) {
            Integer id = wholeWords.get(symbols.byteLevel() ? ByteAlphabet.spell(s, from, to) : new String(s, from, length));
            if (id != null) {
                return new Word(kept, new int[] {id}, new int[] {0}, new int[] {length});
            }
        }
        SymbolRun run = symbols.read(s, from, to);
        int n = run.length <= SCAN_LIMIT ? mergeByScan(run) : mergeByHeap(run);
        return new Word(kept, Arrays.copyOf(run.ids, n), Arrays.copyOf(run.starts, n), Arrays.copyOf(run.ends, n));
    }

    /** Merges in place; returns how many symbols are left. */
    private int mergeByScan(SymbolRun run) {
        int n = run.length;
        int[] ids = run.ids;
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
            run.join(at, at + 1, pairs.merged(best));
            n--;
            System.arraycopy(ids, at + 2, ids, at + 1, n - at - 1);
            System.arraycopy(run.starts, at + 2, run.starts, at + 1, n - at - 1);
            System.arraycopy(run.ends, at + 2, run.ends, at + 1, n - at - 1);
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
    private int mergeByHeap(SymbolRun run) {
        int n = run.length;
        int[] ids = run.ids;
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
            run.join(at, right, pairs.merged(rank));
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
        for (int i = 0; i >= 0 && i < n; i = next[i]) {
            ids[left] = ids[i];
            run.starts[left] = run.starts[i];
            run.ends[left++] = run.ends[i];
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
