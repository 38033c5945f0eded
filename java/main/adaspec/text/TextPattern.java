package adaspec.text;

/** What a {@code Split} or a {@code Replace} looks for. Immutable; safe for many threads. */
interface TextPattern {
    /**
     * Finds the matches in {@code s[from .. to)}, which is taken as a text of its own; leftmost first, none overlaps another. Matches may be
     * empty, but an empty one never follows another match at once.
     */
    void find(char[] s, int from, int to, Matches matches);

    /** Takes the matches in order. */
    @FunctionalInterface
    interface Matches {
        void match(int start, int end);
    }

    /** A fixed text. */
    record Literal(String text) implements TextPattern {
        @Override
        public void find(char[] s, int from, int to, Matches matches) {
            int n = text.length();
            for (int i = from; i + n <= to; ) {
                int k = 0;
                while (k < n && s[i + k] == text.charAt(k)) {
                    k++;
                }
                if (k == n) {
                    matches.match(i, i + n);
                    i += n;
                } else {
                    i++;
                }
            }
        }
    }

    /** The words of a hand-written scanner, which leave nothing between them. */
    record Words(WordPattern words) implements TextPattern {
        @Override
        public void find(char[] s, int from, int to, Matches matches) {
            for (int i = from; i < to; ) {
                int end = words.next(s, i, to);
                matches.match(i, end);
                i = end;
            }
        }
    }
}
