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

    static String spell(byte[] bytes, int from, int to) {
        char[] spelled = new char[to - from];
        for (int i = from; i < to; i++) {
            spelled[i - from] = CHAR_OF_BYTE[bytes[i] & 0xFF];
        }
        return new String(spelled);
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
