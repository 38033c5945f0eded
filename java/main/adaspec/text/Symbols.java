package adaspec.text;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * The symbols that merging begins with: one for each character that the vocabulary has; of a character without one, its bytes' tokens
 * ({@code byte_fallback}), else the unknown token, else nothing. Byte-level tokenizers take every byte of a character as the character that
 * spells it. Immutable; safe for many threads.
 */
final class Symbols {
    private static final int NONE = -1;

    private final boolean byteLevel;
    private final int[] ofByte = new int[256];
    private final int[] ofChar = new int[0x10000];
    private final Map<Integer, Integer> ofSupplementary = new HashMap<>();
    private final int[] bytes;
    private final int unknown;
    private final boolean fuse;

    /**
     * @param byteLevel whether the text's bytes are spelled, or its characters taken as they are
     * @param vocabulary ids by token
     * @param byteTokens (256) ids for {@code byte_fallback}, -1 where the vocabulary has none; null without
     * @param unknown the unknown token, or -1; {@code fuse} makes one of neighbours
     */
    Symbols(boolean byteLevel, Map<String, Integer> vocabulary, int[] byteTokens, int unknown, boolean fuse) {
        this.byteLevel = byteLevel;
        this.bytes = byteTokens;
        this.unknown = unknown;
        this.fuse = fuse;
        Arrays.fill(ofChar, NONE);
        vocabulary.forEach((token, id) -> {
            if (token.length() == 1) {
                ofChar[token.charAt(0)] = id;
            } else if (token.length() == 2 && Character.isHighSurrogate(token.charAt(0))) {
                ofSupplementary.put(token.codePointAt(0), id);
            }
        });
        for (int b = 0; b < 256; b++) {
            ofByte[b] = ofChar[ByteAlphabet.charOf(b)];
        }
    }

    boolean byteLevel() {
        return byteLevel;
    }

    /** Whether the vocabulary has {@code c} itself; not for byte-level text. */
    boolean has(int c) {
        return of(c) != NONE;
    }

    private int of(int c) {
        return c < 0x10000 ? ofChar[c] : ofSupplementary.getOrDefault(c, NONE);
    }

    /** The symbols of {@code s[from .. to)}; places are counted from {@code from}. */
    SymbolRun read(char[] s, int from, int to) {
        var reader = new Reader(to - from);
        for (int i = from; i < to; ) {
            char c = s[i];
            if (c < 0x80) {
                reader.symbol(byteLevel ? ofByte[c] : ofChar[c], byteLevel ? ByteAlphabet.charOf(c) : c, i - from, i + 1 - from);
                i++;
                continue;
            }
            int codePoint = Character.codePointAt(s, i, to);
            int end = i + Character.charCount(codePoint);
            if (byteLevel) {
                int n = ByteAlphabet.utf8(codePoint, reader.utf8);
                for (int k = 0; k < n; k++) {
                    int b = reader.utf8[k] & 0xFF;
                    reader.symbol(ofByte[b], ByteAlphabet.charOf(b), i - from, end - from);
                }
            } else {
                reader.symbol(of(codePoint), codePoint, i - from, end - from);
            }
            i = end;
        }
        return reader.finish();
    }

    /** Follows the library step by step: an unknown token waits for the next symbol, but not for bytes. */
    private final class Reader {
        private final byte[] utf8 = new byte[4];
        private final byte[] fallback = new byte[4];
        private final SymbolRun run;
        private boolean waits;
        private int start;
        private int end;

        Reader(int capacity) {
            run = new SymbolRun(capacity);
        }

        void symbol(int id, int c, int from, int to) {
            if (id != NONE) {
                flush();
                run.add(id, from, to);
            } else if (!asBytes(c, from, to) && unknown != NONE) {
                if (!waits || !fuse) {
                    flush();
                    start = from;
                }
                waits = true;
                end = to;
            }
        }

        private boolean asBytes(int c, int from, int to) {
            if (bytes == null) {
                return false;
            }
            int n = ByteAlphabet.utf8(c, fallback);
            for (int k = 0; k < n; k++) {
                if (bytes[fallback[k] & 0xFF] == NONE) {
                    return false;
                }
            }
            for (int k = 0; k < n; k++) {
                run.add(bytes[fallback[k] & 0xFF], from, to);
            }
            return true;
        }

        private void flush() {
            if (waits) {
                run.add(unknown, start, end);
                waits = false;
            }
        }

        SymbolRun finish() {
            flush();
            return run;
        }
    }
}
