package adaspec.text;

import java.nio.CharBuffer;
import java.text.Normalizer.Form;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Unicode normalization form C, with the way back to the text it came from, equal to what the {@code tokenizers} library computes.
 *
 * <p>The library's tables are of Unicode 9. Characters that were given a combining class or a composition later are plain there: text is cut
 * around them.
 */
final class Nfc implements Normalizer {
    static final Nfc FORM = new Nfc();

    /** Characters before this one are unchanged by NFC unless a combining mark follows. */
    private static final char FIRST_COMBINING = 0x300;

    /** The JDK inserts each mark into the run before it, quadratic in the run: longer clusters are put in order first. */
    private static final int LONG_CLUSTER = 128;

    /** First and last code points that JDK 25 reorders or composes and the library does not; a test compares all code points. */
    private static final int[] LATER = {
        0x7FD, 0x7FD, 0x897, 0x89F, 0x8CA, 0x8D3, 0x9FE, 0x9FE, 0xC3C, 0xC3C, 0xD3B, 0xD3C, 0xEBA, 0xEBA, 0x1715, 0x1715, 0x1ABF, 0x1ACE,
        0x1DF6, 0x1DFA, 0xA82C, 0xA82C, 0x105C9, 0x105C9, 0x105D2, 0x105D2, 0x105DA, 0x105DA, 0x105E4, 0x105E4, 0x10D24, 0x10D27,
        0x10D69, 0x10D6D, 0x10EAB, 0x10EAC, 0x10EFD, 0x10EFF, 0x10F46, 0x10F50, 0x10F82, 0x10F85, 0x11070, 0x11070, 0x1133B, 0x1133B,
        0x11382, 0x11385, 0x1138B, 0x1138B, 0x1138E, 0x1138E, 0x11390, 0x11391, 0x113B8, 0x113B8, 0x113BB, 0x113BB, 0x113C2, 0x113C2,
        0x113C5, 0x113C5, 0x113C7, 0x113C9, 0x113CE, 0x113D0, 0x1145E, 0x1145E, 0x11839, 0x1183A, 0x11930, 0x11930, 0x11935, 0x11935,
        0x11938, 0x11938, 0x1193D, 0x1193E, 0x11943, 0x11943, 0x119E0, 0x119E0, 0x11A34, 0x11A34, 0x11A47, 0x11A47, 0x11A99, 0x11A99,
        0x11D42, 0x11D42, 0x11D44, 0x11D45, 0x11D97, 0x11D97, 0x11F41, 0x11F42, 0x1611E, 0x16129, 0x1612F, 0x1612F, 0x16D63, 0x16D63,
        0x16D67, 0x16D6A, 0x16FF0, 0x16FF1, 0x1E08F, 0x1E08F, 0x1E130, 0x1E136, 0x1E2AE, 0x1E2AE, 0x1E2EC, 0x1E2EF, 0x1E4EC, 0x1E4EF,
        0x1E5EE, 0x1E5EF,
    };

    private Nfc() {}

    @Override
    public AlignedText normalize(AlignedText text, int from, int to) {
        char[] s = text.chars;
        int i = from;
        while (i < to && s[i] < FIRST_COMBINING) {
            i++;
        }
        // A part of NFC text is NFC, so what the JDK calls normal is normal between the later characters too.
        if (i == to || !hasLongCluster(s, i, to) && java.text.Normalizer.isNormalized(CharBuffer.wrap(s, from, to - from), Form.NFC)) {
            return null;
        }
        var out = new AlignedText.Builder(text, to - from);
        int cluster = from;
        for (int j = from; j < to; ) {
            int c = Character.codePointAt(s, j, to);
            int width = Character.charCount(c);
            if (isLater(c)) {
                cluster(text, cluster, j, out);
                out.copy(j, j + width);
                cluster = j + width;
            } else if (beginsCluster(c)) {
                cluster(text, cluster, j, out);
                cluster = j;
            }
            j += width;
        }
        cluster(text, cluster, to, out);
        return out.build();
    }

    private static void cluster(AlignedText text, int from, int to, AlignedText.Builder out) {
        if (to - from == 1 && text.chars[from] < FIRST_COMBINING || from == to) {
            out.copy(from, to);
            return;
        }
        String source = new String(text.chars, from, to - from);
        String normal = java.text.Normalizer.normalize(source.length() > LONG_CLUSTER ? ordered(source) : source, Form.NFC);
        if (normal.equals(source)) {
            out.copy(from, to);
        } else {
            out.put(normal, from, to);
        }
    }

    /**
     * Whether no character before {@code c} can reorder or compose with it: it is no mark (all combining classes but 0 are marks) and no
     * vowel or final jamo.
     */
    private static boolean beginsCluster(int c) {
        if (c < FIRST_COMBINING) {
            return true;
        }
        int type = Character.getType(c);
        boolean mark = type == Character.NON_SPACING_MARK || type == Character.COMBINING_SPACING_MARK || type == Character.ENCLOSING_MARK;
        return !mark && !(c >= 0x1160 && c <= 0x11FF);
    }

    private static boolean hasLongCluster(char[] s, int from, int to) {
        int begin = from;
        for (int i = from; i < to; ) {
            int c = Character.codePointAt(s, i, to);
            if (beginsCluster(c)) {
                begin = i;
            }
            i += Character.charCount(c);
            if (i - begin > LONG_CLUSTER) {
                return true;
            }
        }
        return false;
    }

    private static boolean isLater(int c) {
        if (c < LATER[0]) {
            return false;
        }
        int at = Arrays.binarySearch(LATER, c);
        return at >= 0 || (-at - 1) % 2 == 1;
    }

    /** {@code cluster} decomposed, every run of marks stably sorted by combining class. */
    private static String ordered(String cluster) {
        StringBuilder decomposed = new StringBuilder(cluster.length());
        cluster.codePoints().forEach(c -> decomposed.append(java.text.Normalizer.normalize(Character.toString(c), Form.NFD)));
        int[] points = decomposed.codePoints().toArray();
        // The JDK tells no combining class, but shows the order of two: marks of class 0 move for none, U+0345 alone has the highest.
        List<Integer> marks = new ArrayList<>(Arrays.stream(points).distinct().filter(c -> c == 0x345 || moves(0x345, c)).boxed().toList());
        marks.sort((a, b) -> moves(a, b) ? 1 : moves(b, a) ? -1 : 0);
        Map<Integer, Integer> order = new HashMap<>();
        for (int i = 0; i < marks.size(); i++) {
            boolean same = i > 0 && !moves(marks.get(i), marks.get(i - 1));
            order.put(marks.get(i), same ? order.get(marks.get(i - 1)) : Integer.valueOf(i));
        }
        StringBuilder sorted = new StringBuilder(decomposed.length());
        for (int from = 0; from < points.length; ) {
            int to = from;
            while (to < points.length && order.containsKey(points[to])) {
                to++;
            }
            Arrays.stream(points, from, to).boxed().sorted(Comparator.comparing(order::get)).forEach(sorted::appendCodePoint);
            if (to < points.length) {
                sorted.appendCodePoint(points[to++]);
            }
            from = to;
        }
        return sorted.toString();
    }

    /** Whether {@code b} moves before {@code a}: {@code 0 < class of b < class of a}. */
    private static boolean moves(int a, int b) {
        return java.text.Normalizer.normalize(Character.toString(a) + Character.toString(b), Form.NFD).codePointAt(0) != a;
    }
}
