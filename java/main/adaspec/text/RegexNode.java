package adaspec.text;

import java.util.List;

/** A regular expression as a tree. */
sealed interface RegexNode {
    /** No limit to a {@link Repeat}. */
    int UNLIMITED = Integer.MAX_VALUE;

    /** One character of a set. */
    record Chars(CodePoints set) implements RegexNode {}

    /** One after another; empty: nothing. */
    record Concat(List<RegexNode> parts) implements RegexNode {}

    /** The first that leads to a match. */
    record Either(List<RegexNode> choices) implements RegexNode {}

    /** {@code least} to {@code most} times: as often as possible (greedy), as seldom (lazy), or without giving back (possessive). */
    record Repeat(RegexNode body, int least, int most, Greed greed) implements RegexNode {}

    /** What follows ({@code ahead}) or precedes matches {@code body}, or, negated, does not. */
    record Look(RegexNode body, boolean ahead, boolean negated) implements RegexNode {}

    /** The body's first way to match, and no other. */
    record Atomic(RegexNode body) implements RegexNode {}

    /** A place between characters. */
    record At(Place place) implements RegexNode {}

    enum Greed {
        GREEDY,
        LAZY,
        POSSESSIVE
    }

    enum Place {
        TEXT_START,
        TEXT_END,
        TEXT_END_OR_LAST_NEWLINE,
        LINE_START,
        LINE_END,
        WORD_BOUNDARY,
        NO_WORD_BOUNDARY
    }

    /** Whether it can match without a character. */
    default boolean nullable() {
        return switch (this) {
            case Chars c -> false;
            case Concat c -> c.parts.stream().allMatch(RegexNode::nullable);
            case Either e -> e.choices.stream().anyMatch(RegexNode::nullable);
            case Repeat r -> r.least == 0 || r.body.nullable();
            case Atomic a -> a.body.nullable();
            case Look l -> true;
            case At a -> true;
        };
    }

    /** A superset of the characters that a match can begin with; null if it can match without one. */
    default CodePoints first() {
        return switch (this) {
            case Chars c -> c.set;
            case Concat c -> {
                CodePoints first = CodePoints.NONE;
                for (RegexNode part : c.parts) {
                    if (part instanceof Look || part instanceof At) {
                        continue;
                    }
                    first = first.or(part.beginnings());
                    if (!part.nullable()) {
                        yield first;
                    }
                }
                yield null;
            }
            case Either e -> nullable() ? null : beginnings();
            case Repeat r -> nullable() ? null : r.body.first();
            case Atomic a -> a.body.first();
            case Look l -> null;
            case At a -> null;
        };
    }

    /** What its first character, if it has one, can be. */
    private CodePoints beginnings() {
        return switch (this) {
            case Chars c -> c.set;
            case Concat c -> {
                CodePoints all = CodePoints.NONE;
                for (RegexNode part : c.parts) {
                    all = all.or(part.beginnings());
                    if (!part.nullable()) {
                        break;
                    }
                }
                yield all;
            }
            case Either e -> e.choices.stream().map(RegexNode::beginnings).reduce(CodePoints.NONE, CodePoints::or);
            case Repeat r -> r.body.beginnings();
            case Atomic a -> a.body.beginnings();
            case Look l -> CodePoints.NONE;
            case At a -> CodePoints.NONE;
        };
    }

    /** No width that is worth knowing. */
    int WIDEST = 10_000;

    /** How many characters it matches, always; -1 if that varies or is above {@link #WIDEST}. */
    default int width() {
        return switch (this) {
            case Chars c -> 1;
            case Concat c -> {
                int sum = 0;
                for (RegexNode part : c.parts) {
                    int width = part.width();
                    if (width < 0 || (sum += width) > WIDEST) {
                        yield -1;
                    }
                }
                yield sum;
            }
            case Either e -> {
                int width = e.choices.get(0).width();
                yield e.choices.stream().allMatch(choice -> choice.width() == width) ? width : -1;
            }
            case Repeat r -> {
                int width = r.body.width();
                yield r.least == r.most && width >= 0 && (long) width * r.least <= WIDEST ? width * r.least : -1;
            }
            case Atomic a -> a.body.width();
            case Look l -> 0;
            case At a -> 0;
        };
    }
}
