package adaspec.text;

import java.util.Map;

/**
 * The regular expressions by which GPT-style tokenizers cut text into words, as hand-written scanners: linear, without recursion, and equal to
 * Oniguruma, match by match. Every character belongs to exactly one match.
 *
 * <p>{@link #GPT2}: {@code 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+}<br>
 * {@link #LLAMA3} (cl100k) and {@link #QWEN2}:
 * {@code (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+},
 * the latter with {@code \p{N}} for {@code \p{N}{1,3}}.
 */
enum WordPattern {
    GPT2(0),
    LLAMA3(3),
    QWEN2(1);

    private static final String CL100K_HEAD = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|";
    private static final String CL100K_TAIL = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final Map<String, WordPattern> BY_REGEX = Map.of(
            "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", GPT2,
            CL100K_HEAD + "\\p{N}{1,3}" + CL100K_TAIL, LLAMA3,
            CL100K_HEAD + "\\p{N}" + CL100K_TAIL, QWEN2);

    /** Longest run of digits that is one word; 0 for GPT-2's rules, which do not limit it. */
    private final int digits;

    WordPattern(int digits) {
        this.digits = digits;
    }

    /** The scanner for {@code regex}, or null if it is none of those known. */
    static WordPattern of(String regex) {
        return BY_REGEX.get(regex);
    }

    /** The end of the word that begins at {@code from}, where the text ends at {@code end > from}. */
    int next(char[] s, int from, int end) {
        return digits == 0 ? nextGpt2(s, from, end) : nextCl100k(s, from, end);
    }

    private static int nextGpt2(char[] s, int from, int end) {
        char c = s[from];
        if (c == '\'') {
            int contraction = contraction(s, from, end, false);
            if (contraction > 0) {
                return contraction;
            }
        }
        int i = c == ' ' && from + 1 < end ? from + 1 : from;
        byte k = UnicodeClasses.at(s, i);
        return k == UnicodeClasses.SPACE ? spaces(s, from, end) : UnicodeClasses.run(s, i, end, k);
    }

    private int nextCl100k(char[] s, int from, int end) {
        char c = s[from];
        if (c == '\'') {
            int contraction = contraction(s, from, end, true);
            if (contraction > 0) {
                return contraction;
            }
        }
        byte k = UnicodeClasses.at(s, from);
        int after = from + (Character.isHighSurrogate(c) ? 2 : 1);
        if (k == UnicodeClasses.LETTER) {
            return UnicodeClasses.run(s, from, end, k);
        }
        if (k == UnicodeClasses.NUMBER) {
            int i = after;
            for (int n = 1; n < digits && i < end && UnicodeClasses.at(s, i) == k; n++) {
                i += Character.isHighSurrogate(s[i]) ? 2 : 1;
            }
            return i;
        }
        if (c != '\r' && c != '\n' && after < end && UnicodeClasses.at(s, after) == UnicodeClasses.LETTER) {
            return UnicodeClasses.run(s, after, end, UnicodeClasses.LETTER);
        }
        boolean spaced = c == ' ' && after < end && UnicodeClasses.at(s, after) == UnicodeClasses.OTHER;
        if (k == UnicodeClasses.OTHER || spaced) {
            int i = UnicodeClasses.run(s, spaced ? after : from, end, UnicodeClasses.OTHER);
            while (i < end && (s[i] == '\r' || s[i] == '\n')) {
                i++;
            }
            return i;
        }
        int run = UnicodeClasses.run(s, from, end, UnicodeClasses.SPACE);
        for (int i = run; i > from; i--) {
            if (s[i - 1] == '\r' || s[i - 1] == '\n') {
                return i;
            }
        }
        return spaces(s, from, end);
    }

    /** {@code \s+(?!\S)|\s+}: a run of spaces leaves its last character to the word that follows, unless it has only one. */
    private static int spaces(char[] s, int from, int end) {
        int run = UnicodeClasses.run(s, from, end, UnicodeClasses.SPACE);
        return run < end && run - from > 1 ? run - 1 : run;
    }

    /** The end of {@code 's 't 're 've 'm 'll 'd} at {@code from}, or 0. Without case, U+017F (long s) is an s too. */
    private static int contraction(char[] s, int from, int end, boolean anyCase) {
        if (from + 1 >= end) {
            return 0;
        }
        char a = fold(s[from + 1], anyCase);
        if (a == 's' || a == 't' || a == 'm' || a == 'd') {
            return from + 2;
        }
        if (from + 2 >= end) {
            return 0;
        }
        char b = fold(s[from + 2], anyCase);
        return a == 'r' && b == 'e' || a == 'v' && b == 'e' || a == 'l' && b == 'l' ? from + 3 : 0;
    }

    private static char fold(char c, boolean anyCase) {
        if (!anyCase) {
            return c;
        }
        return c == '\u017F' ? 's' : c >= 'A' && c <= 'Z' ? (char) (c + 32) : c;
    }
}
