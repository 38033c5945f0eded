package adaspec.text;

/**
 * One text on its way to tokens: added tokens are cut out, the rest is normalized, added tokens are cut out again, words are cut, pairs merged.
 * Used once, by one thread.
 */
final class Encoder {
    private final Tokenizer.Parts parts;
    private final char[] source;
    private final IntList ids;
    private final IntList starts;
    private final IntList ends;
    private byte[] utf8 = new byte[192];

    /** The normal form in hand and its way back to the source; null where it is the source. */
    private Nfc.Normalized normalized;

    Encoder(Tokenizer.Parts parts, char[] source) {
        this.parts = parts;
        this.source = source;
        this.ids = new IntList(source.length / 3);
        this.starts = new IntList(source.length / 3);
        this.ends = new IntList(source.length / 3);
    }

    Encoding encoding() {
        return new Encoding(ids.toArray(), starts.toArray(), ends.toArray());
    }

    void special(int[] specialIds, int at) {
        for (int id : specialIds) {
            emit(id, at, at);
        }
    }

    void text() {
        int from = 0;
        for (AddedTokens.Match match : parts.rawTokens().find(source, 0, source.length)) {
            piece(from, match.from());
            emit(match.token().id(), match.from(), match.to());
            from = match.to();
        }
        piece(from, source.length);
    }

    /** {@code source[from .. to)}, which holds no raw added token. */
    private void piece(int from, int to) {
        if (from >= to) {
            return;
        }
        normalized = parts.nfc() ? Nfc.normalize(source, from, to) : null;
        char[] s = normalized == null ? source : normalized.chars();
        int begin = normalized == null ? from : 0;
        int end = normalized == null ? to : s.length;
        for (AddedTokens.Match match : parts.normalTokens().find(s, begin, end)) {
            span(s, begin, match.from());
            emit(match.token().id(), sourceStart(match.from()), sourceEnd(match.to()));
            begin = match.to();
        }
        span(s, begin, end);
    }

    /** {@code s[from .. to)} of the normal form, which holds no added token. */
    private void span(char[] s, int from, int to) {
        if (from < to) {
            parts.preTokenizer().split(s, from, to, this::byteLevel);
        }
    }

    private void byteLevel(char[] s, int from, int to) {
        if (parts.prefixSpace() && s[from] != ' ') {
            char[] spaced = new char[to - from + 1];
            spaced[0] = ' ';
            System.arraycopy(s, from, spaced, 1, to - from);
            words(spaced, 0, spaced.length, from - 1, from);
        } else {
            words(s, from, to, 0, from);
        }
    }

    /** Index {@code i} of {@code s} is index {@code max(i + shift, least)} of the normal form. */
    private void words(char[] s, int from, int to, int shift, int least) {
        if (parts.pattern() == null) {
            word(s, from, to, shift, least);
            return;
        }
        for (int i = from; i < to; ) {
            int end = parts.pattern().next(s, i, to);
            word(s, i, end, shift, least);
            i = end;
        }
    }

    private void word(char[] s, int from, int to, int shift, int least) {
        int length = encodeUtf8(s, from, to);
        Bpe.Word word = parts.bpe().encode(utf8, 0, length);
        boolean ascii = length == to - from;
        int begin = 0; // first byte of the token
        int at = from; // the character that holds byte `begin`, which starts at byte `atByte`
        int atByte = 0;
        for (int k = 0; k < word.ids().length; k++) {
            int end = word.ends()[k];
            int start;
            int stop;
            if (ascii) {
                start = from + begin;
                stop = from + end;
            } else {
                while (atByte + bytes(s[at]) <= begin) {
                    atByte += bytes(s[at]);
                    at += chars(s[at]);
                }
                start = at;
                while (atByte + bytes(s[at]) < end) {
                    atByte += bytes(s[at]);
                    at += chars(s[at]);
                }
                stop = at + chars(s[at]);
            }
            start = Math.max(start + shift, least);
            stop = Math.max(stop + shift, least);
            emit(word.ids()[k], sourceStart(start), stop == start ? sourceStart(start) : sourceEnd(stop));
            begin = end;
        }
    }

    /** UTF-8 bytes of the character that begins with this unit. */
    private static int bytes(char c) {
        return c < 0x80 ? 1 : c < 0x800 ? 2 : Character.isHighSurrogate(c) ? 4 : 3;
    }

    private static int chars(char c) {
        return Character.isHighSurrogate(c) ? 2 : 1;
    }

    private int sourceStart(int at) {
        return normalized == null ? at : normalized.starts()[at];
    }

    private int sourceEnd(int at) {
        return normalized == null ? at : normalized.ends()[at - 1];
    }

    private void emit(int id, int start, int end) {
        ids.add(id);
        starts.add(start);
        ends.add(end);
    }

    /** Fills {@link #utf8}; surrogates are known to be paired. */
    private int encodeUtf8(char[] s, int from, int to) {
        int need = Math.multiplyExact(to - from, 3);
        if (need > utf8.length) {
            utf8 = new byte[Math.max(need, Math.addExact(utf8.length, utf8.length))];
        }
        byte[] out = utf8;
        int n = 0;
        for (int i = from; i < to; i++) {
            char c = s[i];
            if (c < 0x80) {
                out[n++] = (byte) c;
            } else if (c < 0x800) {
                out[n++] = (byte) (0xC0 | c >> 6);
                out[n++] = (byte) (0x80 | c & 0x3F);
            } else if (Character.isHighSurrogate(c)) {
                int codePoint = Character.toCodePoint(c, s[++i]);
                out[n++] = (byte) (0xF0 | codePoint >> 18);
                out[n++] = (byte) (0x80 | codePoint >> 12 & 0x3F);
                out[n++] = (byte) (0x80 | codePoint >> 6 & 0x3F);
                out[n++] = (byte) (0x80 | codePoint & 0x3F);
            } else {
                out[n++] = (byte) (0xE0 | c >> 12);
                out[n++] = (byte) (0x80 | c >> 6 & 0x3F);
                out[n++] = (byte) (0x80 | c & 0x3F);
            }
        }
        return n;
    }
}
