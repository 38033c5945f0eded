package adaspec.text;

/**
 * The character classes that tokenizers' patterns speak of, by code point: {@code \p{L}}, {@code \p{N}} and {@code \s} as Oniguruma has them,
 * and the {@code \w}, {@code \s} and {@code char::is_numeric} of Rust, which the {@code tokenizers} library uses for added tokens and digits.
 *
 * <p>JDK 25 carries Unicode 16, as Oniguruma in {@code tokenizers} 0.23 does; a test compares every code point with the library's classes, so a JDK
 * with another Unicode version cannot change ids in silence.
 */
final class UnicodeClasses {
    static final byte OTHER = 0;
    static final byte LETTER = 1;
    static final byte NUMBER = 2;
    static final byte SPACE = 3;
    /** In {@link #BMP} only: look at the whole code point. */
    private static final byte SURROGATE = 4;

    private static final byte[] BMP = new byte[0x10000];

    static {
        for (int c = 0; c < BMP.length; c++) {
            BMP[c] = Character.isSurrogate((char) c) ? SURROGATE : classify(c);
        }
    }

    private UnicodeClasses() {}

    /** One of {@link #OTHER}, {@link #LETTER}, {@link #NUMBER}, {@link #SPACE}. */
    static byte of(int codePoint) {
        return codePoint < 0x10000 ? BMP[codePoint] : classify(codePoint);
    }

    /** The class of the character that begins at {@code s[i]}; both halves of a pair lie before {@code end}. */
    static byte at(char[] s, int i) {
        byte k = BMP[s[i]];
        return k != SURROGATE ? k : classify(Character.toCodePoint(s[i], s[i + 1]));
    }

    /** The end of the run of class {@code k} that begins at {@code from}; {@code from} itself where there is none. */
    static int run(char[] s, int from, int end, byte k) {
        int i = from;
        while (i < end) {
            byte c = BMP[s[i]];
            if (c == k) {
                i++;
            } else if (c == SURROGATE && classify(Character.toCodePoint(s[i], s[i + 1])) == k) {
                i += 2;
            } else {
                break;
            }
        }
        return i;
    }

    private static byte classify(int c) {
        return switch (Character.getType(c)) {
            case Character.UPPERCASE_LETTER, Character.LOWERCASE_LETTER, Character.TITLECASE_LETTER, Character.MODIFIER_LETTER,
                    Character.OTHER_LETTER -> LETTER;
            case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> NUMBER;
            case Character.SPACE_SEPARATOR, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> SPACE;
            default -> c >= 9 && c <= 13 || c == 0x85 ? SPACE : OTHER;
        };
    }

    /** Property White_Space: the same 25 characters in Oniguruma's {@code \s}, Rust's {@code \s} and {@code char::is_whitespace}. */
    static boolean isSpace(int codePoint) {
        return of(codePoint) == SPACE;
    }

    /** Rust's {@code char::is_numeric}: {@code \p{N}} of Unicode 17, which is 13 digits more than Oniguruma's. */
    static boolean isNumeric(int c) {
        return of(c) == NUMBER || c >= 0x11DE0 && c <= 0x11DE9 || c >= 0x16FF4 && c <= 0x16FF6;
    }

    /** {@code \w} of Rust's {@code regex}: alphabetic, mark, decimal digit, connector punctuation, join control. */
    static boolean isWord(int c) {
        return Character.isAlphabetic(c) || c == 0x200C || c == 0x200D || switch (Character.getType(c)) {
            case Character.DECIMAL_DIGIT_NUMBER, Character.NON_SPACING_MARK, Character.COMBINING_SPACING_MARK, Character.ENCLOSING_MARK,
                    Character.CONNECTOR_PUNCTUATION -> true;
            default -> false;
        };
    }
}
