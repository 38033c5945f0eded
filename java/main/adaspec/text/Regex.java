package adaspec.text;

import adaspec.text.RegexNode.Place;
import adaspec.text.RegexProgram.Op;

/**
 * A regular expression with the matches that Oniguruma finds (leftmost, then by the order of alternatives), in time linear in the text whatever
 * the expression. {@code java.util.regex} would differ in classes and anchors, recurse once a character, and retry without end.
 *
 * <p>Immutable; safe for many threads.
 */
final class Regex implements TextPattern {
    private static final Place[] PLACES = Place.values();

    final Op[] ops;
    final int[] a;
    final int[] b;
    final int[] c;
    final RegexProgram program;

    private Regex(RegexProgram program) {
        this.program = program;
        int n = program.ops.size();
        ops = program.ops.toArray(new Op[0]);
        a = new int[n];
        b = new int[n];
        c = new int[n];
        for (int i = 0; i < n; i++) {
            int[] numbers = program.code.get(i);
            a[i] = numbers[0];
            b[i] = numbers[1];
            c[i] = numbers[2];
        }
    }

    /** @throws RegexException if the expression is malformed or not known here */
    static Regex of(String expression) {
        return new Regex(new RegexProgram(RegexParser.parse(expression)));
    }

    @Override
    public void find(char[] s, int from, int to, Matches matches) {
        RegexMatcher matcher = new RegexMatcher(this, s, from, to);
        int lastEnd = -1;
        for (int at = from; at <= to; ) {
            if (!matcher.search(at)) {
                return;
            }
            int start = matcher.start();
            int end = matcher.end();
            if (end == start && end == lastEnd) {
                at += at < to ? matcher.width(at) : 1;
                continue;
            }
            matches.match(start, end);
            at = end;
            lastEnd = end;
        }
    }

    /** Whether place number {@code place} is at {@code at} of {@code s[from .. to)}. */
    static boolean isAt(int place, char[] s, int from, int to, int at) {
        return switch (PLACES[place]) {
            case TEXT_START -> at == from;
            case TEXT_END -> at == to;
            case TEXT_END_OR_LAST_NEWLINE -> at == to || at == to - 1 && s[at] == '\n';
            case LINE_START -> at == from || s[at - 1] == '\n' && at < to;
            case LINE_END -> at == to || s[at] == '\n';
            case WORD_BOUNDARY -> wordBefore(s, from, at) != wordAfter(s, to, at);
            case NO_WORD_BOUNDARY -> wordBefore(s, from, at) == wordAfter(s, to, at);
        };
    }

    private static boolean wordBefore(char[] s, int from, int at) {
        return at > from && UnicodeProperties.isWord(Character.codePointBefore(s, at, from));
    }

    private static boolean wordAfter(char[] s, int to, int at) {
        return at < to && UnicodeProperties.isWord(Character.codePointAt(s, at, to));
    }
}
