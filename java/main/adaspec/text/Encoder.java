package adaspec.text;

/**
 * One text on its way to tokens: added tokens are cut out, the rest is normalized, added tokens are cut out again, words are cut, pairs merged.
 * Used once, by one thread.
 */
final class Encoder {
    private final Tokenizer.Parts parts;
    private final AlignedText source;
    private final IntList ids;
    private final IntList starts;
    private final IntList ends;

    /** The text that the word in hand is of. */
    private AlignedText text;

    Encoder(Tokenizer.Parts parts, char[] source) {
        this.parts = parts;
        this.source = AlignedText.source(source);
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
        for (AddedTokens.Match match : parts.rawTokens().find(source.chars, 0, source.length())) {
            piece(from, match.from());
            emit(match.token().id(), match.from(), match.to());
            from = match.to();
        }
        piece(from, source.length());
    }

    /** {@code source[from .. to)}, which holds no raw added token. */
    private void piece(int from, int to) {
        if (from >= to) {
            return;
        }
        AlignedText normalized = parts.normalizer().normalize(source, from, to);
        AlignedText t = normalized == null ? source : normalized;
        int begin = normalized == null ? from : 0;
        int end = normalized == null ? to : t.length();
        for (AddedTokens.Match match : parts.normalTokens().find(t.chars, begin, end)) {
            span(t, begin, match.from());
            emit(match.token().id(), t.start(match.from()), t.end(match.to() - 1));
            begin = match.to();
        }
        span(t, begin, end);
    }

    /** {@code t[from .. to)} of the normal form, which holds no added token. */
    private void span(AlignedText t, int from, int to) {
        if (from < to) {
            parts.preTokenizer().split(t, from, to, this::word);
        }
    }

    private void word(AlignedText t, int from, int to) {
        text = t;
        parts.bpe().encode(t.chars, from, to, this::tokens);
    }

    private void tokens(Bpe.Word word, int at) {
        int[] wordIds = word.ids();
        for (int k = 0; k < wordIds.length; k++) {
            emit(wordIds[k], text.start(at + word.starts()[k]), text.end(at + word.ends()[k] - 1));
        }
    }

    private void emit(int id, int start, int end) {
        ids.add(id);
        starts.add(start);
        ends.add(end);
    }
}
