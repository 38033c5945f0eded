package adaspec.text;

import java.util.List;

/** One step of a tokenizer's normalizer. Immutable; safe for many threads. */
interface Normalizer {
    /** What {@code text[from .. to)} becomes, or null if it stays as it is. */
    AlignedText normalize(AlignedText text, int from, int to);

    /** The whole of {@code text}. */
    default String normalize(String text) {
        AlignedText normalized = text.isEmpty() ? null : normalize(AlignedText.source(text.toCharArray()), 0, text.length());
        return normalized == null ? text : new String(normalized.chars);
    }

    /** One after another. */
    record Sequence(List<Normalizer> steps) implements Normalizer {
        @Override
        public AlignedText normalize(AlignedText text, int from, int to) {
            AlignedText result = null;
            for (Normalizer step : steps) {
                AlignedText next = result == null ? step.normalize(text, from, to) : step.normalize(result, 0, result.length());
                result = next == null ? result : next;
            }
            return result;
        }
    }

    /** Puts a text before every text that is not empty. */
    record Prepend(String content) implements Normalizer {
        @Override
        public AlignedText normalize(AlignedText text, int from, int to) {
            if (from == to) {
                return null;
            }
            var out = new AlignedText.Builder(text, to - from + content.length());
            out.put(content, from, from);
            out.copy(from, to);
            return out.build();
        }
    }

    /** Puts a text in the place of every match. */
    record Replace(TextPattern pattern, String content) implements Normalizer {
        @Override
        public AlignedText normalize(AlignedText text, int from, int to) {
            if (from == to) {
                return null;
            }
            var replacement = new Object() {
                private AlignedText.Builder out;
                private int copied = from;

                void match(int start, int end) {
                    if (out == null) {
                        out = new AlignedText.Builder(text, to - from);
                    }
                    out.copy(copied, start);
                    out.put(content, start, end);
                    copied = end;
                }
            };
            pattern.find(text.chars, from, to, replacement::match);
            if (replacement.out == null) {
                return null;
            }
            replacement.out.copy(replacement.copied, to);
            return replacement.out.build();
        }
    }
}
