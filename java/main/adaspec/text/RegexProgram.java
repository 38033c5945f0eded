package adaspec.text;

import adaspec.text.RegexNode.At;
import adaspec.text.RegexNode.Atomic;
import adaspec.text.RegexNode.Chars;
import adaspec.text.RegexNode.Concat;
import adaspec.text.RegexNode.Either;
import adaspec.text.RegexNode.Greed;
import adaspec.text.RegexNode.Look;
import adaspec.text.RegexNode.Repeat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A regular expression as instructions for {@link RegexMatcher}. Immutable. */
final class RegexProgram {
    private static final int LONGEST = 20_000;

    /** What an instruction does; {@code a}, {@code b}, {@code c} are its numbers in {@link #code}. */
    enum Op {
        /** One character of set {@code a}. */
        CHARS,
        /** {@code b} to {@code c} characters of set {@code a}, as many as possible. */
        RUN,
        /** The same, without giving back. */
        POSSESSIVE_RUN,
        /** Goes on at {@code a}, and if that fails at {@code b}; where {@code c >= 0}, {@code a} begins with a character of set {@code c}. */
        SPLIT,
        /** Goes on at {@code a}. */
        JUMP,
        /** What follows must match the program at {@code b}; goes on at {@code a}. */
        AHEAD,
        NOT_AHEAD,
        /** One of {@link #behind} number {@code c} must match and end here; goes on at {@code a}. */
        BEHIND,
        NOT_BEHIND,
        /** The first match of the program at {@code b}, then {@code a}. */
        ATOMIC,
        /** Place number {@code a}. */
        PLACE,
        MATCH
    }

    /** One alternative of a look behind: so many characters back, the program at {@code start}. */
    record Behind(int width, int start) {}

    final List<Op> ops = new ArrayList<>();
    final List<int[]> code = new ArrayList<>();
    final List<List<Behind>> behind = new ArrayList<>();

    /** By set and class of character. */
    final boolean[][] members;

    /** Set of characters that a match begins with; -1 if it can be empty. */
    final int first;

    /** How far back a match can look at most, in UTF-16 units. */
    final int farthestBehind;

    /** Class of each character of the first plane, then of the ranges of code points that begin at {@code upperStarts}. */
    final char[] classes = new char[0x10000];
    final int[] upperStarts;
    final char[] upperClasses;

    private final Map<CodePoints, Integer> numbers = new HashMap<>();
    private final List<CodePoints> sets = new ArrayList<>();

    RegexProgram(RegexNode root) {
        emit(root);
        add(Op.MATCH, 0, 0, 0);
        farthestBehind = 2 * behind.stream().flatMap(List::stream).mapToInt(Behind::width).sum();
        CodePoints beginnings = root.first();
        first = beginnings == null ? -1 : set(beginnings);

        int[] bounds = sets.stream().flatMapToInt(set -> {
            int[] ranges = set.ranges();
            return java.util.stream.IntStream.range(0, ranges.length).map(i -> i % 2 == 0 ? ranges[i] : ranges[i] + 1);
        }).filter(c -> c <= Character.MAX_CODE_POINT).sorted().distinct().toArray();
        int[] starts = new int[bounds.length + 2];
        starts[0] = 0;
        starts[1] = 0x10000;
        System.arraycopy(bounds, 0, starts, 2, bounds.length);
        starts = Arrays.stream(starts).sorted().distinct().toArray();
        Map<java.util.BitSet, Character> known = new HashMap<>();
        char[] classOf = new char[starts.length];
        for (int i = 0; i < starts.length; i++) {
            java.util.BitSet in = new java.util.BitSet();
            for (int n = 0; n < sets.size(); n++) {
                in.set(n, sets.get(n).contains(starts[i]));
            }
            char next = (char) known.size();
            Character k = known.putIfAbsent(in, next);
            classOf[i] = k == null ? next : k;
        }
        members = new boolean[sets.size()][known.size()];
        known.forEach((in, k) -> in.stream().forEach(n -> members[n][k] = true));
        int upper = Arrays.binarySearch(starts, 0x10000);
        for (int i = 0; i < upper; i++) {
            Arrays.fill(classes, starts[i], starts[i + 1], classOf[i]);
        }
        upperStarts = Arrays.copyOfRange(starts, upper, starts.length);
        upperClasses = Arrays.copyOfRange(classOf, upper, starts.length);
    }

    private int set(CodePoints set) {
        return numbers.computeIfAbsent(set, key -> {
            sets.add(key);
            return sets.size() - 1;
        });
    }

    private int add(Op op, int a, int b, int c) {
        if (ops.size() >= LONGEST) {
            throw new RegexException("becomes longer than " + LONGEST + " instructions");
        }
        ops.add(op);
        code.add(new int[] {a, b, c});
        return ops.size() - 1;
    }

    private int here() {
        return ops.size();
    }

    private void emit(RegexNode node) {
        switch (node) {
            case Chars chars -> add(Op.CHARS, set(chars.set()), 0, 0);
            case Concat concat -> concat.parts().forEach(this::emit);
            case Either either -> choices(either);
            case Repeat repeat -> repeat(repeat);
            case Look look -> look(look);
            case Atomic atomic -> atomic(atomic.body());
            case At at -> add(Op.PLACE, at.place().ordinal(), 0, 0);
        }
    }

    private void choices(Either either) {
        List<Integer> ends = new ArrayList<>();
        for (int i = 0; i < either.choices().size(); i++) {
            RegexNode choice = either.choices().get(i);
            boolean last = i + 1 == either.choices().size();
            int split = last ? -1 : split(choice);
            emit(choice);
            if (!last) {
                ends.add(add(Op.JUMP, 0, 0, 0));
                code.get(split)[1] = here();
            }
        }
        ends.forEach(end -> code.get(end)[0] = here());
    }

    /** Prefers {@code body}, which follows; where to go instead is filled in later. */
    private int split(RegexNode body) {
        CodePoints beginnings = body.first();
        return add(Op.SPLIT, here() + 1, 0, beginnings == null ? -1 : set(beginnings));
    }

    private void repeat(Repeat repeat) {
        RegexNode body = repeat.body();
        if (body instanceof Chars chars && repeat.greed() != Greed.LAZY) {
            add(repeat.greed() == Greed.GREEDY ? Op.RUN : Op.POSSESSIVE_RUN, set(chars.set()), repeat.least(), repeat.most());
            return;
        }
        if (repeat.greed() == Greed.POSSESSIVE) {
            atomic(new Repeat(body, repeat.least(), repeat.most(), Greed.GREEDY));
            return;
        }
        for (int i = 0; i < repeat.least(); i++) {
            emit(body);
        }
        boolean lazy = repeat.greed() == Greed.LAZY;
        boolean unlimited = repeat.most() == RegexNode.UNLIMITED;
        List<Integer> exits = new ArrayList<>();
        for (int i = unlimited ? 0 : repeat.least(); i < (unlimited ? 1 : repeat.most()); i++) {
            int split = lazy ? add(Op.SPLIT, 0, here() + 1, -1) : split(body);
            exits.add(split);
            emit(body);
            if (unlimited) {
                add(Op.JUMP, split, 0, 0);
            }
        }
        exits.forEach(split -> code.get(split)[lazy ? 0 : 1] = here());
    }

    private void atomic(RegexNode body) {
        int at = add(Op.ATOMIC, 0, here() + 1, 0);
        emit(body);
        add(Op.MATCH, 0, 0, 0);
        code.get(at)[0] = here();
    }

    private void look(Look look) {
        if (look.ahead()) {
            int at = add(look.negated() ? Op.NOT_AHEAD : Op.AHEAD, 0, here() + 1, 0);
            emit(look.body());
            add(Op.MATCH, 0, 0, 0);
            code.get(at)[0] = here();
            return;
        }
        int at = add(look.negated() ? Op.NOT_BEHIND : Op.BEHIND, 0, 0, behind.size());
        List<Behind> all = new ArrayList<>();
        behind.add(all);
        for (RegexNode choice : look.body() instanceof Either either ? either.choices() : List.of(look.body())) {
            if (choice.width() < 0) {
                throw new RegexException("looks behind for something of no fixed length");
            }
            all.add(new Behind(choice.width(), here()));
            emit(choice);
            add(Op.MATCH, 0, 0, 0);
        }
        code.get(at)[0] = here();
    }
}
