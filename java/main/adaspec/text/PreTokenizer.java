package adaspec.text;

import java.util.List;

/**
 * Cuts text into words; no token crosses a cut. A step sees one span {@code text[from .. to)} that is never empty and hands on its parts in
 * order; it may hand on other text. Immutable; safe for many threads.
 */
interface PreTokenizer {
    void split(AlignedText text, int from, int to, Sink next);

    /** Every word of a scanner apart. */
    static PreTokenizer words(WordPattern pattern) {
        return new Split(new TextPattern.Words(pattern), Behavior.ISOLATED, false);
    }

    /** Takes a span {@code text[from .. to)}, {@code from < to}. */
    @FunctionalInterface
    interface Sink {
        void accept(AlignedText text, int from, int to);
    }

    /** What becomes of a delimiter that a {@link Split} finds. */
    enum Behavior {
        REMOVED,
        ISOLATED,
        MERGED_WITH_PREVIOUS,
        MERGED_WITH_NEXT,
        CONTIGUOUS
    }

    /** One step after another. */
    record Sequence(List<PreTokenizer> steps) implements PreTokenizer {
        @Override
        public void split(AlignedText text, int from, int to, Sink next) {
            Sink sink = next;
            for (int i = steps.size() - 1; i > 0; i--) {
                PreTokenizer step = steps.get(i);
                Sink after = sink;
                sink = (t, a, b) -> step.split(t, a, b, after);
            }
            if (steps.isEmpty()) {
                sink.accept(text, from, to);
            } else {
                steps.get(0).split(text, from, to, sink);
            }
        }
    }

    /** Digits apart from the rest: each alone, or runs of them. */
    record Digits(boolean individual) implements PreTokenizer {
        @Override
        public void split(AlignedText text, int from, int to, Sink next) {
            int begin = from;
            boolean digits = false;
            for (int i = from; i < to; ) {
                int c = Character.codePointAt(text.chars, i, to);
                boolean digit = UnicodeClasses.isNumeric(c);
                if (i > begin && (digit != digits || digit && individual)) {
                    next.accept(text, begin, i);
                    begin = i;
                }
                digits = digit;
                i += Character.charCount(c);
            }
            next.accept(text, begin, to);
        }
    }

    /** A space before every span that does not begin with one. */
    record PrefixSpace() implements PreTokenizer {
        @Override
        public void split(AlignedText text, int from, int to, Sink next) {
            if (text.chars[from] == ' ') {
                next.accept(text, from, to);
                return;
            }
            var out = new AlignedText.Builder(text, to - from + 1);
            out.put(" ", from, from);
            out.copy(from, to);
            AlignedText spaced = out.build();
            next.accept(spaced, 0, spaced.length());
        }
    }

    /** Every byte of the text's UTF-8 as the character that spells it. */
    record SpellBytes() implements PreTokenizer {
        @Override
        public void split(AlignedText text, int from, int to, Sink next) {
            var out = new AlignedText.Builder(text, to - from);
            byte[] utf8 = new byte[4];
            for (int i = from; i < to; ) {
                int c = Character.codePointAt(text.chars, i, to);
                int last = i + Character.charCount(c) - 1;
                int n = ByteAlphabet.utf8(c, utf8);
                for (int b = 0; b < n; b++) {
                    out.add(ByteAlphabet.charOf(utf8[b] & 0xFF), text.start(i), text.end(last));
                }
                i = last + 1;
            }
            AlignedText spelled = out.build();
            next.accept(spelled, 0, spelled.length());
        }
    }

    /** When a {@link Metaspace} puts its mark before a span that does not begin with one. */
    enum PrependScheme {
        ALWAYS,
        FIRST,
        NEVER
    }

    /** SentencePiece's way: spaces become a mark, which also begins every word. */
    record Metaspace(String mark, PrependScheme scheme, boolean cuts) implements PreTokenizer {
        @Override
        public void split(AlignedText text, int from, int to, Sink next) {
            AlignedText marked = text;
            int begin = from;
            int end = to;
            boolean prepends = scheme == PrependScheme.ALWAYS || scheme == PrependScheme.FIRST && text.start(from) == 0;
            prepends &= text.chars[from] != ' ' && !startsWith(text.chars, from, to, mark);
            if (prepends || mark.length() > 1 || contains(text.chars, from, to, ' ')) {
                var out = new AlignedText.Builder(text, to - from + 1);
                if (prepends) {
                    out.put(mark, from, from);
                }
                for (int i = from; i < to; i++) {
                    if (text.chars[i] == ' ') {
                        out.put(mark, i, i + 1);
                    } else {
                        out.copy(i, i + 1);
                    }
                }
                marked = out.build();
                begin = 0;
                end = marked.length();
            }
            if (!cuts) {
                next.accept(marked, begin, end);
                return;
            }
            for (int i = begin + 1; i < end; i++) {
                if (startsWith(marked.chars, i, end, mark)) {
                    next.accept(marked, begin, i);
                    begin = i;
                }
            }
            next.accept(marked, begin, end);
        }

        private static boolean contains(char[] s, int from, int to, char c) {
            for (int i = from; i < to; i++) {
                if (s[i] == c) {
                    return true;
                }
            }
            return false;
        }

        private static boolean startsWith(char[] s, int from, int to, String mark) {
            return s[from] == mark.charAt(0) && (mark.length() == 1 || from + 1 < to && s[from + 1] == mark.charAt(1));
        }
    }

    /** Cuts at every match of a pattern; {@code invert} swaps what is delimiter and what is between. */
    record Split(TextPattern pattern, Behavior behavior, boolean invert) implements PreTokenizer {
        @Override
        public void split(AlignedText text, int from, int to, Sink next) {
            if (behavior == Behavior.ISOLATED) {
                isolate(text, from, to, next);
                return;
            }
            Merger merger = new Merger(behavior, text, from, next);
            pattern.find(text.chars, from, to, (start, end) -> {
                if (start > merger.end) {
                    merger.part(start, invert);
                }
                merger.part(end, !invert);
            });
            if (merger.end < to) {
                merger.part(to, invert);
            }
            merger.finish();
        }

        /** Every match and everything between matches is a word of its own. */
        private void isolate(AlignedText text, int from, int to, Sink next) {
            int[] done = {from};
            pattern.find(text.chars, from, to, (start, end) -> {
                if (start > done[0]) {
                    next.accept(text, done[0], start);
                }
                if (end > start) {
                    next.accept(text, start, end);
                }
                done[0] = end;
            });
            if (done[0] < to) {
                next.accept(text, done[0], to);
            }
        }
    }

    /** Joins neighbouring parts by a {@link Behavior}; holds back at most one span. */
    final class Merger {
        private final Behavior behavior;
        private final AlignedText text;
        private final Sink next;
        private boolean holds;
        private int begin;
        private int end;
        private boolean lastWasDelimiter;

        Merger(Behavior behavior, AlignedText text, int from, Sink next) {
            this.behavior = behavior;
            this.text = text;
            this.begin = from;
            this.end = from;
            this.next = next;
        }

        /** The part from where the last one ended up to {@code to}; it may be empty, an empty match. */
        void part(int to, boolean delimiter) {
            int from = end;
            boolean joins = holds && switch (behavior) {
                case REMOVED, ISOLATED -> false;
                case MERGED_WITH_PREVIOUS -> delimiter && !lastWasDelimiter;
                case MERGED_WITH_NEXT -> !delimiter && lastWasDelimiter;
                case CONTIGUOUS -> delimiter == lastWasDelimiter;
            };
            if (!joins) {
                finish();
                begin = from;
            }
            holds = true;
            end = to;
            lastWasDelimiter = delimiter;
        }

        void finish() {
            if (end > begin && !(behavior == Behavior.REMOVED && lastWasDelimiter)) {
                next.accept(text, begin, end);
            }
            begin = end;
        }
    }
}
