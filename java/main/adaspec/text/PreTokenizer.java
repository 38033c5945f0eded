package adaspec.text;

import java.util.List;

/**
 * Cuts text into words; no token crosses a cut. A step sees one span {@code s[from .. to)} that is never empty and hands on its parts in order.
 */
interface PreTokenizer {
    void split(char[] s, int from, int to, Sink next);

    /** Takes a span {@code s[from .. to)}, {@code from < to}. */
    @FunctionalInterface
    interface Sink {
        void accept(char[] s, int from, int to);
    }

    /** What becomes of a delimiter that a {@link Literal} finds. */
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
        public void split(char[] s, int from, int to, Sink next) {
            split(0, s, from, to, next);
        }

        private void split(int step, char[] s, int from, int to, Sink next) {
            if (step == steps.size()) {
                next.accept(s, from, to);
            } else {
                steps.get(step).split(s, from, to, (t, a, b) -> split(step + 1, t, a, b, next));
            }
        }
    }

    /** Every match of the pattern is a word. */
    record Words(WordPattern pattern) implements PreTokenizer {
        @Override
        public void split(char[] s, int from, int to, Sink next) {
            for (int i = from; i < to; ) {
                int end = pattern.next(s, i, to);
                next.accept(s, i, end);
                i = end;
            }
        }
    }

    /** Digits apart from the rest: each alone, or runs of them. */
    record Digits(boolean individual) implements PreTokenizer {
        @Override
        public void split(char[] s, int from, int to, Sink next) {
            int begin = from;
            boolean digits = false;
            for (int i = from; i < to; ) {
                int c = Character.codePointAt(s, i, to);
                boolean digit = UnicodeClasses.isNumeric(c);
                if (i > begin && (digit != digits || digit && individual)) {
                    next.accept(s, begin, i);
                    begin = i;
                }
                digits = digit;
                i += Character.charCount(c);
            }
            next.accept(s, begin, to);
        }
    }

    /** Cuts at every occurrence of a fixed delimiter, leftmost first; {@code invert} swaps what is delimiter and what is between. */
    record Literal(char[] delimiter, Behavior behavior, boolean invert) implements PreTokenizer {
        @Override
        public void split(char[] s, int from, int to, Sink next) {
            Merger merger = new Merger(behavior, s, from, next);
            int begin = from;
            for (int i = from; i + delimiter.length <= to; ) {
                if (java.util.Arrays.equals(s, i, i + delimiter.length, delimiter, 0, delimiter.length)) {
                    if (i > begin) {
                        merger.part(i, invert);
                    }
                    i += delimiter.length;
                    begin = i;
                    merger.part(i, !invert);
                } else {
                    i++;
                }
            }
            if (begin < to) {
                merger.part(to, invert);
            }
            merger.finish();
        }
    }

    /** Joins neighbouring parts by a {@link Behavior}; holds back at most one span. */
    final class Merger {
        private final Behavior behavior;
        private final char[] s;
        private final Sink next;
        private int begin;
        private int end;
        private boolean lastWasDelimiter;

        Merger(Behavior behavior, char[] s, int from, Sink next) {
            this.behavior = behavior;
            this.s = s;
            this.begin = from;
            this.end = from;
            this.next = next;
        }

        /** The part from where the last one ended up to {@code to}. */
        void part(int to, boolean delimiter) {
            int from = end;
            boolean joins = end > begin && switch (behavior) {
                case REMOVED, ISOLATED -> false;
                case MERGED_WITH_PREVIOUS -> delimiter && !lastWasDelimiter;
                case MERGED_WITH_NEXT -> !delimiter && lastWasDelimiter;
                case CONTIGUOUS -> delimiter == lastWasDelimiter;
            };
            if (!joins) {
                finish();
                begin = from;
            }
            end = to;
            lastWasDelimiter = delimiter;
        }

        void finish() {
            if (end > begin && !(behavior == Behavior.REMOVED && lastWasDelimiter)) {
                next.accept(s, begin, end);
            }
            begin = end;
        }
    }
}
