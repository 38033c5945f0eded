package adaspec.text;

import java.util.Arrays;

/**
 * Text on its way through normalizers and pre-tokenizers, and the way back: character {@code i} came from {@code start(i) .. end(i)} of the
 * source. Text that is the source itself has no tables.
 */
final class AlignedText {
    final char[] chars;
    private final int[] starts;
    private final int[] ends;

    private AlignedText(char[] chars, int[] starts, int[] ends) {
        this.chars = chars;
        this.starts = starts;
        this.ends = ends;
    }

    static AlignedText source(char[] chars) {
        return new AlignedText(chars, null, null);
    }

    int length() {
        return chars.length;
    }

    /** Where character {@code i} begins in the source; every character has a place, so {@code i} is below {@link #length()}. */
    int start(int i) {
        return starts == null ? i : starts[i];
    }

    /** Where character {@code i} ends in the source. */
    int end(int i) {
        return ends == null ? i + 1 : ends[i];
    }

    /** Other characters, one for each of these. */
    AlignedText withChars(char[] others) {
        if (others.length != chars.length) {
            throw new IllegalArgumentException(others.length + " characters for " + chars.length);
        }
        return new AlignedText(others, starts, ends);
    }

    /** Writes a text made from another. */
    static final class Builder {
        private final AlignedText from;
        private char[] chars;
        private int[] starts;
        private int[] ends;
        private int length;

        Builder(AlignedText from, int capacity) {
            this.from = from;
            this.chars = new char[Math.max(capacity, 8)];
            this.starts = new int[chars.length];
            this.ends = new int[chars.length];
        }

        /** The characters {@code begin .. end} as they are. */
        void copy(int begin, int end) {
            for (int i = begin; i < end; i++) {
                add(from.chars[i], from.start(i), from.end(i));
            }
        }

        /** Characters in place of {@code begin .. end}, which may be empty: then they stand at its place without covering anything. */
        void put(CharSequence content, int begin, int end) {
            if (content.isEmpty()) {
                return;
            }
            int start;
            int stop;
            if (begin < end) {
                start = from.start(begin);
                stop = from.end(end - 1);
            } else {
                start = begin < from.length() ? from.start(begin) : from.end(begin - 1);
                stop = start;
            }
            for (int i = 0; i < content.length(); i++) {
                add(content.charAt(i), start, stop);
            }
        }

        void add(char c, int start, int end) {
            if (length == chars.length) {
                int capacity = Math.multiplyExact(length, 2);
                chars = Arrays.copyOf(chars, capacity);
                starts = Arrays.copyOf(starts, capacity);
                ends = Arrays.copyOf(ends, capacity);
            }
            chars[length] = c;
            starts[length] = start;
            ends[length++] = end;
        }

        AlignedText build() {
            return new AlignedText(Arrays.copyOf(chars, length), Arrays.copyOf(starts, length), Arrays.copyOf(ends, length));
        }
    }
}
