package adaspec.text;

/**
 * GPT-2's bijection between the 256 bytes and 256 printable characters, in which {@code tokenizer.json} spells byte-level tokens:
 * {@code '!'..'~'}, {@code U+00A1..U+00AC} and {@code U+00AE..U+00FF} stand for themselves, the other 68 bytes for {@code U+0100..U+0143} in order.
 */
final class ByteAlphabet {
    private static final char[] CHAR_OF_BYTE = new char[256];
    private static final short[] BYTE_OF_CHAR = new short[0x144];

    static {
        java.util.Arrays.fill(BYTE_OF_CHAR, (short) -1);
        char next = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean itself = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            CHAR_OF_BYTE[b] = itself ? (char) b : next++;
            BYTE_OF_CHAR[CHAR_OF_BYTE[b]] = (short) b;
        }
    }

    private ByteAlphabet() {}

    static char charOf(int unsignedByte) {
        return CHAR_OF_BYTE[unsignedByte];
    }

    /** The UTF-8 of {@code text} in this spelling. */
    static String spell(char[] text, int from, int to) {
        StringBuilder spelled = new StringBuilder(to - from);
        byte[] utf8 = new byte[4];
        for (int i = from; i < to; ) {
            int c = Character.codePointAt(text, i, to);
            int n = utf8(c, utf8);
            for (int b = 0; b < n; b++) {
                spelled.append(CHAR_OF_BYTE[utf8[b] & 0xFF]);
            }
            i += Character.charCount(c);
        }
        return spelled.toString();
    }

    /** Writes the UTF-8 of a code point that is no surrogate; returns how many bytes it has. */
    static int utf8(int c, byte[] out) {
        if (c < 0x80) {
            out[0] = (byte) c;
            return 1;
        }
        if (c < 0x800) {
            out[0] = (byte) (0xC0 | c >> 6);
            out[1] = (byte) (0x80 | c & 0x3F);
            return 2;
        }
        if (c < 0x10000) {
            out[0] = (byte) (0xE0 | c >> 12);
            out[1] = (byte) (0x80 | c >> 6 & 0x3F);
            out[2] = (byte) (0x80 | c & 0x3F);
            return 3;
        }
        out[0] = (byte) (0xF0 | c >> 18);
        out[1] = (byte) (0x80 | c >> 12 & 0x3F);
        out[2] = (byte) (0x80 | c >> 6 & 0x3F);
        out[3] = (byte) (0x80 | c & 0x3F);
        return 4;
    }

    /** The bytes that {@code token} spells, or null if a character of it stands for no byte. */
    static byte[] bytesOrNull(String token) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            char c = token.charAt(i);
            if (c >= BYTE_OF_CHAR.length || BYTE_OF_CHAR[c] < 0) {
                return null;
            }
            bytes[i] = (byte) BYTE_OF_CHAR[c];
        }
        return bytes;
    }
}
