package adaspec.text;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * Learns a byte-level BPE vocabulary: the most frequent pair of neighbouring tokens becomes a token, again and again (Sennrich et al. 2016, over
 * bytes as in GPT-2). Words are GPT-2's, with every digit a word of its own, so that numbers are spelt digit by digit.
 *
 * <p>Ids: {@value #END_OF_TEXT} is 0, the 256 bytes follow in the order of their symbols, then the merges as learnt. Deterministic: of equally
 * frequent pairs the one with the lowest ids is merged, so that the result depends on the counts alone (and equals that of the
 * {@code tokenizers} library with the same settings). Counts of pairs are kept up to date, not recounted. Used by one thread.
 */
public final class BpeTrainer {
    public static final String END_OF_TEXT = "<|endoftext|>";

    /** The end of text and the 256 bytes. */
    public static final int LEAST_VOCABULARY = 257;

    /** Far above any vocabulary in use; a limit keeps a slip of the finger from taking hours. */
    public static final int LARGEST_VOCABULARY = 1_000_000;

    /** A pair seen once tells nothing about the language. */
    private static final int LEAST_COUNT = 2;

    static final PreTokenizer WORDS =
            new PreTokenizer.Sequence(List.of(new PreTokenizer.Digits(true), PreTokenizer.words(WordPattern.GPT2)));

    private final AddedTokens endOfText = new AddedTokens(
            List.of(new AddedTokens.Added(0, END_OF_TEXT, false, false, false, false, true)), List.of(END_OF_TEXT));
    private final Map<String, long[]> wordCounts = new HashMap<>();
    private long bytesSeen;

    /** Adds a file: of one that ends in {@code .jsonl} all string values, each a text of its own; of any other the whole text. */
    public void addFile(Path file) {
        if (file.getFileName().toString().endsWith(".jsonl")) {
            JsonLines.read(file, JsonLines.Blank.SKIP, (value, line, where) -> addStrings(value));
            return;
        }
        try {
            if (Files.size(file) > Integer.MAX_VALUE - 16) {
                throw new InputException(file + " is larger than 2 GB; split it into several files");
            }
            add(Json.decodeUtf8(Files.readAllBytes(file), file.toString()));
        } catch (IOException e) {
            throw new InputException("cannot read " + file + ": " + AtomicFile.reason(e), e);
        }
    }

    private void addStrings(JsonNode value) {
        if (value.isTextual()) {
            add(value.asText());
        } else {
            value.forEach(this::addStrings);
        }
    }

    /** Adds a text. */
    public void add(String text) {
        char[] s = text.toCharArray();
        Tokenizer.requirePairs(s);
        int from = 0;
        AlignedText source = AlignedText.source(s);
        for (AddedTokens.Match match : endOfText.find(s, 0, s.length)) {
            count(source, from, match.from());
            from = match.to();
        }
        count(source, from, s.length);
    }

    private void count(AlignedText source, int from, int to) {
        if (from < to) {
            WORDS.split(source, from, to, (t, a, b) -> {
                wordCounts.computeIfAbsent(new String(t.chars, a, b - a), word -> new long[1])[0]++;
                bytesSeen += b - a;
            });
        }
    }

    /** Characters added so far, and how many different words they have. */
    public String summary() {
        return String.format(java.util.Locale.ROOT, "%,d characters, %,d different words", bytesSeen, wordCounts.size());
    }

    /**
     * Learns up to {@code vocabularySize} tokens; fewer where no pair is left that occurs twice.
     *
     * @param vocabularySize {@value #LEAST_VOCABULARY} to {@value #LARGEST_VOCABULARY}
     * @throws InputException if the size is out of range or no text was added
     */
    public TrainedBpe train(int vocabularySize) {
        if (vocabularySize < LEAST_VOCABULARY || vocabularySize > LARGEST_VOCABULARY) {
            throw new InputException("a vocabulary of " + vocabularySize + " is out of range; " + LEAST_VOCABULARY + " (" + END_OF_TEXT
                    + " and 256 bytes) to " + LARGEST_VOCABULARY + " tokens can be trained");
        }
        if (wordCounts.isEmpty()) {
            throw new InputException("the files have no text to train a tokenizer on");
        }
        return new Learner(wordCounts).learn(vocabularySize);
    }

    /** A pair of tokens: how often it occurs, and in which words it has been seen. */
    private static final class Pair {
        private final long key;
        private final IntList words = new IntList(4);
        private long count;

        Pair(long key) {
            this.key = key;
        }

        /** Lists may name a word twice or one that has lost the pair; merging there again changes nothing. */
        void seenIn(int word) {
            if (words.size() == 0 || words.get(words.size() - 1) != word) {
                words.add(word);
            }
        }
    }

    /** A pair as it was when it was queued; stale if the count has changed since. */
    private record Candidate(Pair pair, long count) {
        private static final Comparator<Candidate> ORDER =
                Comparator.comparingLong((Candidate c) -> -c.count).thenComparingLong(c -> c.pair.key);
    }

    private static final class Learner {
        private final int[][] words;
        private final long[] counts;
        private final List<String> tokens = new ArrayList<>();
        private final Map<String, Integer> ids = new HashMap<>();
        private final List<String> merges = new ArrayList<>();
        private final Map<Long, Pair> pairs = new HashMap<>();
        private final PriorityQueue<Candidate> queue = new PriorityQueue<>(Candidate.ORDER);

        Learner(Map<String, long[]> wordCounts) {
            token(END_OF_TEXT);
            char[] symbols = new char[256];
            for (int b = 0; b < 256; b++) {
                symbols[b] = ByteAlphabet.charOf(b);
            }
            char[] sorted = symbols.clone();
            Arrays.sort(sorted);
            for (char symbol : sorted) {
                token(String.valueOf(symbol));
            }
            words = new int[wordCounts.size()][];
            counts = new long[words.length];
            int w = 0;
            for (Map.Entry<String, long[]> entry : wordCounts.entrySet()) {
                byte[] bytes = entry.getKey().getBytes(StandardCharsets.UTF_8);
                int[] word = new int[bytes.length];
                for (int i = 0; i < word.length; i++) {
                    word[i] = ids.get(String.valueOf(symbols[bytes[i] & 0xFF]));
                }
                words[w] = word;
                counts[w++] = entry.getValue()[0];
            }
        }

        private int token(String token) {
            return ids.computeIfAbsent(token, t -> {
                tokens.add(t);
                return tokens.size() - 1;
            });
        }

        TrainedBpe learn(int vocabularySize) {
            for (int w = 0; w < words.length; w++) {
                for (int i = 0; i + 1 < words[w].length; i++) {
                    change(words[w][i], words[w][i + 1], counts[w], w);
                }
            }
            pairs.values().forEach(pair -> queue.add(new Candidate(pair, pair.count)));
            while (tokens.size() < vocabularySize && !queue.isEmpty()) {
                Candidate best = queue.poll();
                if (best.count != best.pair.count) {
                    if (best.pair.count < best.count && best.pair.count >= LEAST_COUNT) {
                        queue.add(new Candidate(best.pair, best.pair.count));
                    }
                    continue;
                }
                if (best.count < LEAST_COUNT) {
                    break;
                }
                merge(best.pair);
            }
            return new TrainedBpe(List.copyOf(tokens), List.copyOf(merges));
        }

        private void merge(Pair pair) {
            int left = (int) (pair.key >>> 32);
            int right = (int) pair.key;
            // The same token may be reached by two ways, such as ab+c and a+bc; the second is one more merge and no new token.
            int merged = token(tokens.get(left) + tokens.get(right));
            merges.add(tokens.get(left) + " " + tokens.get(right));
            Map<Long, Pair> grown = new HashMap<>();
            for (int k = 0, n = pair.words.size(); k < n; k++) {
                merge(pair.words.get(k), left, right, merged, grown);
            }
            pairs.remove(pair.key);
            grown.values().stream().filter(p -> p.count >= LEAST_COUNT).forEach(p -> queue.add(new Candidate(p, p.count)));
        }

        private void merge(int w, int left, int right, int merged, Map<Long, Pair> grown) {
            int[] word = words[w];
            int n = 0;
            for (int i = 0; i < word.length; i++) {
                if (word[i] != left || i + 1 == word.length || word[i + 1] != right) {
                    word[n++] = word[i];
                    continue;
                }
                change(left, right, -counts[w], w);
                if (n > 0) {
                    change(word[n - 1], left, -counts[w], w);
                    grow(word[n - 1], merged, w, grown);
                }
                if (i + 2 < word.length) {
                    change(right, word[i + 2], -counts[w], w);
                    grow(merged, word[i + 2], w, grown);
                }
                word[n++] = merged;
                i++;
            }
            if (n < word.length) {
                words[w] = Arrays.copyOf(word, n);
            }
        }

        private void grow(int left, int right, int w, Map<Long, Pair> grown) {
            Pair pair = change(left, right, counts[w], w);
            grown.put(pair.key, pair);
        }

        private Pair change(int left, int right, long by, int w) {
            long key = (long) left << 32 | right;
            Pair pair = pairs.computeIfAbsent(key, Pair::new);
            pair.count += by;
            if (by > 0) {
                pair.seenIn(w);
            }
            return pair;
        }
    }
}
