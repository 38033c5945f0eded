package adaspec.text;

import java.util.Arrays;
import java.util.function.IntPredicate;

/** A set of code points: {@code ranges} holds first and last of each range, ascending, with gaps between them. Immutable. */
final class CodePoints {
    static final CodePoints NONE = new CodePoints(new int[0]);
    static final CodePoints ALL = range(0, Character.MAX_CODE_POINT);

    private final int[] ranges;

    private CodePoints(int[] ranges) {
        this.ranges = ranges;
    }

    static CodePoints range(int first, int last) {
        return new CodePoints(new int[] {first, last});
    }

    static CodePoints of(int codePoint) {
        return range(codePoint, codePoint);
    }

    static CodePoints where(IntPredicate member) {
        IntList ranges = new IntList(64);
        boolean inside = false;
        for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
            boolean is = member.test(c);
            if (is != inside) {
                ranges.add(is ? c : c - 1);
                inside = is;
            }
        }
        if (inside) {
            ranges.add(Character.MAX_CODE_POINT);
        }
        return new CodePoints(ranges.toArray());
    }

    /** First and last code points of the ranges; not to be changed. */
    int[] ranges() {
        return ranges;
    }

    boolean contains(int codePoint) {
        int at = Arrays.binarySearch(ranges, codePoint);
        return at >= 0 || (-at - 1) % 2 == 1;
    }

    CodePoints complement() {
        IntList out = new IntList(ranges.length + 2);
        int next = 0;
        for (int i = 0; i < ranges.length; i += 2) {
            if (ranges[i] > next) {
                out.add(next);
                out.add(ranges[i] - 1);
            }
            next = ranges[i + 1] + 1;
        }
        if (next <= Character.MAX_CODE_POINT) {
            out.add(next);
            out.add(Character.MAX_CODE_POINT);
        }
        return new CodePoints(out.toArray());
    }

    CodePoints or(CodePoints other) {
        IntList out = new IntList(ranges.length + other.ranges.length);
        int i = 0;
        int j = 0;
        int first = -1;
        int last = -2;
        while (i < ranges.length || j < other.ranges.length) {
            boolean mine = j == other.ranges.length || i < ranges.length && ranges[i] <= other.ranges[j];
            int a = mine ? ranges[i] : other.ranges[j];
            int b = mine ? ranges[i + 1] : other.ranges[j + 1];
            i += mine ? 2 : 0;
            j += mine ? 0 : 2;
            if (a <= last + 1 && last >= 0) {
                last = Math.max(last, b);
                continue;
            }
            if (last >= 0) {
                out.add(first);
                out.add(last);
            }
            first = a;
            last = b;
        }
        if (last >= 0) {
            out.add(first);
            out.add(last);
        }
        return new CodePoints(out.toArray());
    }

    CodePoints and(CodePoints other) {
        return complement().or(other.complement()).complement();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof CodePoints set && Arrays.equals(ranges, set.ranges);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(ranges);
    }
}
