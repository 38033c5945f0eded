package adaspec.text;

/**
 * Bytes to text, piece by piece. Ill-formed bytes become U+FFFD, one for each maximal subpart of a character (Unicode, section 3.9), exactly as
 * Rust's {@code String::from_utf8_lossy} does; an incomplete character at the end is held back until more bytes or {@link #flush} come.
 */
final class Utf8Decoder {
    private static final char REPLACEMENT = '\uFFFD';
    private final byte[] held = new byte[4];
    private int heldLength;

    /** Appends to {@code out} all that has become complete. */
    void push(byte[] bytes, StringBuilder out) {
        for (byte b : bytes) {
            if (heldLength == 0 && b >= 0) {
                out.append((char) b);
            } else {
                held[heldLength++] = b;
                settle(out);
            }
        }
    }

    /** Appends what an incomplete character at the end stands for: one U+FFFD. */
    void flush(StringBuilder out) {
        if (heldLength > 0) {
            out.append(REPLACEMENT);
            heldLength = 0;
        }
    }

    /** The bytes held before the last one were a well-formed beginning; looks at what the last one makes of it. */
    private void settle(StringBuilder out) {
        int last = held[heldLength - 1] & 0xFF;
        if (heldLength == 1) {
            if (length(last) == 0) {
                out.append(REPLACEMENT);
                heldLength = 0;
            }
            return;
        }
        int lead = held[0] & 0xFF;
        boolean fits = heldLength == 2 ? last >= leastSecond(lead) && last <= greatestSecond(lead) : last >= 0x80 && last <= 0xBF;
        if (!fits) {
            out.append(REPLACEMENT);
            heldLength = 0;
            if (last < 0x80) {
                out.append((char) last);
            } else {
                held[heldLength++] = (byte) last;
                settle(out);
            }
            return;
        }
        int length = length(lead);
        if (heldLength == length) {
            int codePoint = lead & (0x7F >> length);
            for (int i = 1; i < length; i++) {
                codePoint = codePoint << 6 | held[i] & 0x3F;
            }
            out.appendCodePoint(codePoint);
            heldLength = 0;
        }
    }

    /** Bytes of the character that {@code lead} begins; 0 if none can begin with it. */
    private static int length(int lead) {
        return lead >= 0xC2 && lead <= 0xDF ? 2 : lead >= 0xE0 && lead <= 0xEF ? 3 : lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
    }

    private static int leastSecond(int lead) {
        return lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    }

    private static int greatestSecond(int lead) {
        return lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    }
}
