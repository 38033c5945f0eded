package adaspec.text;

import adaspec.text.RegexNode.At;
import adaspec.text.RegexNode.Chars;
import adaspec.text.RegexNode.Concat;
import adaspec.text.RegexNode.Either;
import adaspec.text.RegexNode.Greed;
import adaspec.text.RegexNode.Place;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads a regular expression in Oniguruma's default syntax (Ruby's), as the {@code tokenizers} library takes it. What would need more than a
 * regular language (back references, recursion) and rarities whose meaning would have to be guessed are refused by name.
 */
final class RegexParser {
    private static final int DEEPEST = 100;
    private static final int LONGEST = 20_000;
    private static final int MOST_TIMES = 1_000;

    /** Sequences that one character can stand for where case does not count (ß, ﬁ, ﬆ, ...). */
    private static final String[] FOLDED = {"ff", "fi", "fl", "ss", "st"};

    private final int[] s;
    private int at;
    private int depth;
    private boolean anyCase;
    private boolean dotAll;

    private RegexParser(String regex) {
        s = regex.codePoints().toArray();
    }

    /** @throws RegexException with a part of a sentence if the expression is malformed or not known here */
    static RegexNode parse(String regex) {
        if (regex.length() > LONGEST) {
            throw new RegexException("is longer than " + LONGEST + " characters");
        }
        RegexParser parser = new RegexParser(regex);
        RegexNode node = parser.choices();
        if (parser.at < parser.s.length) {
            throw parser.bad("has a ')' without its '('");
        }
        return node;
    }

    private RegexException bad(String what) {
        return new RegexException(what + ", at character " + at);
    }

    private RegexNode choices() {
        if (++depth > DEEPEST) {
            throw bad("is nested more than " + DEEPEST + " deep");
        }
        boolean outerCase = anyCase;
        boolean outerDot = dotAll;
        List<RegexNode> choices = new ArrayList<>();
        choices.add(sequence());
        while (accept('|')) {
            choices.add(sequence());
        }
        anyCase = outerCase;
        dotAll = outerDot;
        depth--;
        return choices.size() == 1 ? choices.get(0) : new Either(choices);
    }

    private RegexNode sequence() {
        List<RegexNode> parts = new ArrayList<>();
        int previous = -1;
        while (at < s.length && s[at] != '|' && s[at] != ')') {
            int c = s[at];
            boolean literal = c < 0x80 && Character.isLetter(c);
            if (literal && anyCase && previous >= 0) {
                requireNotFolded(previous, c);
            }
            previous = literal ? Character.toLowerCase(c) : -1;
            RegexNode atom = atom();
            if (atom != null) {
                parts.add(quantified(atom));
            }
        }
        return parts.size() == 1 ? parts.get(0) : new Concat(parts);
    }

    private void requireNotFolded(int first, int second) {
        String pair = Character.toString(first) + Character.toString(Character.toLowerCase(second));
        for (String folded : FOLDED) {
            if (pair.equals(folded)) {
                throw bad("has '" + pair + "' without regard to case, which single characters match too");
            }
        }
    }

    private RegexNode quantified(RegexNode node) {
        RegexNode result = node;
        while (at < s.length) {
            int least;
            int most;
            boolean interval = s[at] == '{';
            if (interval) {
                int[] bounds = interval();
                if (bounds == null) {
                    return result;
                }
                least = bounds[0];
                most = bounds[1];
            } else if (s[at] == '*' || s[at] == '+' || s[at] == '?') {
                least = s[at] == '+' ? 1 : 0;
                most = s[at] == '?' ? 1 : RegexNode.UNLIMITED;
                at++;
            } else {
                return result;
            }
            Greed greed = Greed.GREEDY;
            if (!interval && accept('+')) {
                greed = Greed.POSSESSIVE;
            } else if (!(interval && least == most) && accept('?')) {
                greed = Greed.LAZY;
            }
            if (result.nullable() && most > 1) { // Oniguruma leaves such a loop early, at places that are its own
                throw bad("repeats what can match nothing");
            }
            result = new RegexNode.Repeat(result, least, most, greed);
        }
        return result;
    }

    /** The bounds of <code>{n,m}</code>, or null if this brace begins none and stands for itself. */
    private int[] interval() {
        int begin = at++;
        int least = number();
        int most = least;
        if (accept(',')) {
            most = number();
            most = most < 0 && least >= 0 ? RegexNode.UNLIMITED : most;
            least = Math.max(least, 0);
        }
        if (least < 0 || most < 0 || !accept('}')) {
            at = begin;
            return null;
        }
        if (most != RegexNode.UNLIMITED && (least > most || most > MOST_TIMES) || least > MOST_TIMES) {
            throw bad("has bounds of a repetition that are out of order or above " + MOST_TIMES);
        }
        return new int[] {least, most};
    }

    private int number() {
        int value = -1;
        while (at < s.length && s[at] >= '0' && s[at] <= '9') {
            value = Math.min(Math.max(value, 0) * 10 + s[at++] - '0', 1_000_000);
        }
        return value;
    }

    /** One element without its quantifier; null for a comment. */
    private RegexNode atom() {
        int c = s[at++];
        return switch (c) {
            case '(' -> group();
            case '[' -> new Chars(characters());
            case '.' -> new Chars(dotAll ? CodePoints.ALL : CodePoints.of('\n').complement());
            case '^' -> new At(Place.LINE_START);
            case '$' -> new At(Place.LINE_END);
            case '\\' -> escape();
            case '*', '+', '?' -> throw bad("repeats nothing");
            default -> new Chars(folded(CodePoints.of(c)));
        };
    }

    private RegexNode group() {
        if (!accept('?')) {
            return closed(choices());
        }
        if (at == s.length) {
            throw bad("ends in a group");
        }
        int c = s[at++];
        switch (c) {
            case ':':
                return closed(choices());
            case '>':
                return closed(new RegexNode.Atomic(choices()));
            case '=', '!':
                return closed(new RegexNode.Look(choices(), true, c == '!'));
            case '#':
                while (at < s.length && s[at] != ')') {
                    at++;
                }
                closed(null);
                return null;
            case '<':
                if (accept('=')) {
                    return closed(new RegexNode.Look(choices(), false, false));
                }
                if (accept('!')) {
                    return closed(new RegexNode.Look(choices(), false, true));
                }
                while (at < s.length && (Character.isLetterOrDigit(s[at]) || s[at] == '_')) {
                    at++;
                }
                if (!accept('>')) {
                    throw bad("has a group whose name does not end");
                }
                return closed(choices());
            default:
                at--;
                return options();
        }
    }

    /** {@code (?i-m:...)}, or {@code (?i)}, which reaches to the end of the group around it, alternatives included. */
    private RegexNode options() {
        boolean outerCase = anyCase;
        boolean outerDot = dotAll;
        boolean on = true;
        while (at < s.length && s[at] != ')' && s[at] != ':') {
            switch (s[at++]) {
                case 'i' -> anyCase = on;
                case 'm' -> dotAll = on;
                case '-' -> on = false;
                default -> throw bad("has a kind of group that is not known here");
            }
        }
        boolean whole = accept(')');
        if (!whole && !accept(':')) {
            throw bad("ends in a group");
        }
        RegexNode body = choices();
        anyCase = outerCase;
        dotAll = outerDot;
        return whole ? body : closed(body);
    }

    private RegexNode closed(RegexNode node) {
        if (!accept(')')) {
            throw bad("has a '(' without its ')'");
        }
        return node;
    }

    private RegexNode escape() {
        if (at == s.length) {
            throw bad("ends in a backslash");
        }
        switch (s[at]) {
            case 'A':
                at++;
                return new At(Place.TEXT_START);
            case 'z':
                at++;
                return new At(Place.TEXT_END);
            case 'Z':
                at++;
                return new At(Place.TEXT_END_OR_LAST_NEWLINE);
            case 'b':
                at++;
                return new At(Place.WORD_BOUNDARY);
            case 'B':
                at++;
                return new At(Place.NO_WORD_BOUNDARY);
            default:
                return new Chars(folded(escaped(false)));
        }
    }

    /** What stands after a backslash, in a class or outside. */
    private CodePoints escaped(boolean inClass) {
        int c = s[at++];
        return switch (c) {
            case 't' -> CodePoints.of('\t');
            case 'n' -> CodePoints.of('\n');
            case 'r' -> CodePoints.of('\r');
            case 'f' -> CodePoints.of('\f');
            case 'v' -> CodePoints.of(0x0B);
            case 'a' -> CodePoints.of(7);
            case 'e' -> CodePoints.of(0x1B);
            case 'x' -> accept('{') ? hex(1, 8, true) : hex(1, 2, false);
            case 'u' -> hex(4, 4, false);
            case 'p', 'P' -> property(c == 'P', inClass);
            case 'd', 's', 'w', 'h' -> UnicodeProperties.shorthand(c, inClass);
            case 'D', 'S', 'W', 'H' -> UnicodeProperties.shorthand(Character.toLowerCase(c), inClass).complement();
            default -> {
                if (c < 0x80 && Character.isLetterOrDigit(c)) {
                    throw bad("has \\" + Character.toString(c) + ", which is not known here");
                }
                yield CodePoints.of(c);
            }
        };
    }

    private CodePoints hex(int least, int most, boolean braced) {
        int value = 0;
        int digits = 0;
        while (at < s.length && digits < most && s[at] < 0x80 && Character.digit(s[at], 16) >= 0) {
            value = value << 4 | Character.digit(s[at++], 16);
            digits++;
        }
        if (digits < least || braced && !accept('}') || !Character.isValidCodePoint(value)) {
            throw bad("has a character's number that is malformed");
        }
        return CodePoints.of(value);
    }

    private CodePoints property(boolean negated, boolean inClass) {
        if (!accept('{')) {
            throw bad("has \\p without {...}");
        }
        boolean negative = negated ^ accept('^');
        StringBuilder name = new StringBuilder();
        while (at < s.length && s[at] != '}') {
            name.appendCodePoint(s[at++]);
        }
        if (!accept('}')) {
            throw bad("has \\p{ without its '}'");
        }
        CodePoints set = UnicodeProperties.named(name.toString(), inClass);
        if (set == null) {
            throw bad("has the property " + name + ", which is not known here");
        }
        return negative ? set.complement() : set;
    }

    /** A bracket class after its '['. */
    private CodePoints characters() {
        if (++depth > DEEPEST) {
            throw bad("is nested more than " + DEEPEST + " deep");
        }
        boolean negated = accept('^');
        CodePoints all = null;
        CodePoints set = CodePoints.NONE;
        boolean first = true;
        while (true) {
            if (at == s.length) {
                throw bad("has a '[' without its ']'");
            }
            int c = s[at++];
            if (c == ']' && !first) {
                break;
            }
            first = false;
            if (c == '&' && at < s.length && s[at] == '&') {
                at++;
                all = all == null ? set : all.and(set);
                set = CodePoints.NONE;
            } else if (c == '[' && at < s.length && s[at] == ':') {
                set = set.or(posix());
            } else if (c == '[') {
                set = set.or(characters());
            } else {
                set = set.or(element(c));
            }
        }
        depth--;
        all = folded(all == null ? set : all.and(set));
        return negated ? all.complement() : all;
    }

    /** A character, an escape or a range that begins with {@code c}. */
    private CodePoints element(int c) {
        CodePoints low = c != '\\' ? CodePoints.of(c) : classEscape();
        if (at + 1 >= s.length || s[at] != '-' || s[at + 1] == ']') {
            return low;
        }
        int[] ends = low.ranges();
        if (ends.length != 2 || ends[0] != ends[1] || s[at + 1] == '[' || s[at + 1] == '&') {
            throw bad("has a '-' in a class whose meaning is unclear; write \\-");
        }
        at++;
        int next = s[at++];
        int[] high = (next != '\\' ? CodePoints.of(next) : classEscape()).ranges();
        if (high.length != 2 || high[0] != high[1] || high[0] < ends[0]) {
            throw bad("has a range in a class that is out of order");
        }
        return CodePoints.range(ends[0], high[0]);
    }

    private CodePoints classEscape() {
        if (at == s.length) {
            throw bad("ends in a backslash");
        }
        if (s[at] == 'b') {
            at++;
            return CodePoints.of('\b');
        }
        return escaped(true);
    }

    /** {@code [:name:]} after its first bracket. */
    private CodePoints posix() {
        at++;
        boolean negated = accept('^');
        StringBuilder name = new StringBuilder();
        while (at < s.length && s[at] >= 'a' && s[at] <= 'z') {
            name.appendCodePoint(s[at++]);
        }
        CodePoints set = UnicodeProperties.posix(name.toString());
        if (set == null || !accept(':') || !accept(']')) {
            throw bad("has a class [:...:] that is not known here");
        }
        return negated ? set.complement() : set;
    }

    /** With the other cases of its letters, where case does not count. */
    private CodePoints folded(CodePoints set) {
        if (!anyCase) {
            return set;
        }
        CodePoints all = UnicodeProperties.anyCase(set);
        int[] ranges = set.ranges();
        if (!all.equals(set) && ranges[ranges.length - 1] >= 0x80) {
            throw bad("has letters beyond ASCII without regard to case, which is not known here");
        }
        return all;
    }

    private boolean accept(int c) {
        if (at < s.length && s[at] == c) {
            at++;
            return true;
        }
        return false;
    }
}
