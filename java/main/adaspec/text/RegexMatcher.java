package adaspec.text;

import adaspec.text.RegexProgram.Behind;
import java.util.Arrays;

/**
 * Runs a {@link Regex} over one text: backtracking on a stack of its own. Two things keep it linear. A run of one class of characters remembers
 * where it ends and from where on nothing that follows it matches. And once there was much backtracking, every choice that is known to fail (or,
 * inside a look-around, to match) at a place is remembered and not tried again; what was learnt for one start holds for all.
 */
final class RegexMatcher {
    /** Backtracking beyond this, and this much a character, switches the memory of choices on. */
    private static final int FREE_RETRIES = 4096;
    private static final int FREE_RETRIES_A_CHARACTER = 32;

    private static final int FAILED = -1;

    /** Entries of the stack that are no runs: a choice with one left to try, and one whose last is being tried. */
    private static final int CHOICE = -1;
    private static final int LAST_CHOICE = -2;

    private final Regex regex;
    private final RegexProgram program;
    private final char[] s;
    private final int from;
    private final int to;
    private int start;
    private int end;

    /** Entries of four: instruction, place, and for a run the least place it can be cut to and its end; else the kind of entry. */
    private int[] stack = new int[256];
    private int top;
    private long retries;
    private PlaceMemory memory;

    /** By instruction, for runs without limit: the last run {@code runFrom .. runEnd}, and from where on what follows is known to fail. */
    private final int[] runFrom;
    private final int[] runEnd;
    private final int[] failsFrom;

    RegexMatcher(Regex regex, char[] s, int from, int to) {
        this.regex = regex;
        this.program = regex.program;
        this.s = s;
        this.from = from;
        this.to = to;
        this.runFrom = new int[regex.ops.length];
        this.runEnd = new int[regex.ops.length];
        this.failsFrom = new int[regex.ops.length];
        Arrays.fill(runEnd, -1);
    }

    int start() {
        return start;
    }

    int end() {
        return end;
    }

    /** Finds the first match that begins at {@code at} or later. */
    boolean search(int at) {
        if (memory != null) {
            memory.forgetBefore(at - program.farthestBehind);
        }
        for (int i = at; i <= to; i += i < to ? width(i) : 1) {
            if (program.first >= 0 && !is(program.first, i)) {
                continue;
            }
            start = i;
            int match = run(0, i, false);
            if (match >= 0) {
                end = match;
                return true;
            }
        }
        return false;
    }

    int width(int at) {
        return Character.isHighSurrogate(s[at]) ? 2 : 1;
    }

    private boolean is(int set, int at) {
        if (at >= to) {
            return false;
        }
        char c = s[at];
        return program.members[set][Character.isHighSurrogate(c) ? upperClass(at) : program.classes[c]];
    }

    private int upperClass(int at) {
        int i = Arrays.binarySearch(program.upperStarts, Character.toCodePoint(s[at], s[at + 1]));
        return program.upperClasses[i >= 0 ? i : -i - 2];
    }

    /** The end of the match from {@code start} on of the program at {@code entry}, or -1. {@code inner}: of a look-around or an atomic group. */
    private int run(int entry, int start, boolean inner) {
        int base = top;
        int pc = entry;
        int at = start;
        while (true) {
            boolean fails = false;
            switch (regex.ops[pc]) {
                case CHARS -> {
                    if (is(regex.a[pc], at)) {
                        at += width(at);
                        pc++;
                    } else {
                        fails = true;
                    }
                }
                case RUN -> {
                    int stop = beginRun(pc, at);
                    fails = stop < 0;
                    at = fails ? at : stop;
                    pc++;
                }
                case POSSESSIVE_RUN -> {
                    int least = least(pc, at);
                    fails = least < 0;
                    if (!fails) {
                        at = runEnd(pc, at);
                        pc++;
                    }
                }
                case SPLIT -> {
                    int known = PlaceMemory.UNKNOWN;
                    if (regex.c[pc] >= 0 && !is(regex.c[pc], at)) {
                        known = FAILED;
                    } else if (memory != null) {
                        int whole = memory.get(pc, at);
                        if (whole >= 0 && inner) {
                            return matched(base, whole, true);
                        }
                        fails = whole == FAILED;
                        known = memory.get(regex.a[pc], at);
                    }
                    if (known == FAILED) {
                        pushLast(pc, at);
                        pc = regex.b[pc];
                    } else {
                        push(pc, at, CHOICE, 0);
                        pc = regex.a[pc];
                    }
                }
                case JUMP -> pc = regex.a[pc];
                case AHEAD, NOT_AHEAD -> {
                    boolean is = run(regex.b[pc], at, true) >= 0;
                    fails = is != (regex.ops[pc] == RegexProgram.Op.AHEAD);
                    pc = fails ? pc : regex.a[pc];
                }
                case BEHIND, NOT_BEHIND -> {
                    fails = behind(regex.c[pc], at) != (regex.ops[pc] == RegexProgram.Op.BEHIND);
                    pc = fails ? pc : regex.a[pc];
                }
                case ATOMIC -> {
                    int stop = run(regex.b[pc], at, true);
                    fails = stop < 0;
                    at = fails ? at : stop;
                    pc = fails ? pc : regex.a[pc];
                }
                case PLACE -> {
                    fails = !Regex.isAt(regex.a[pc], s, from, to, at);
                    pc++;
                }
                case MATCH -> {
                    return matched(base, at, inner);
                }
            }
            if (fails) {
                if (memory == null && retries > FREE_RETRIES + FREE_RETRIES_A_CHARACTER * (long) (this.start - from)) {
                    memory = new PlaceMemory();
                }
                long next = retry(base);
                if (next < 0) {
                    return -1;
                }
                pc = (int) (next >>> 32);
                at = (int) next;
            }
        }
    }

    /** Where to go on after a failure, as (instruction, place) in one number; -1 if nothing is left above {@code base}. */
    private long retry(int base) {
        while (top > base) {
            top -= 4;
            retries++;
            int pc = stack[top];
            int at = stack[top + 1];
            int least = stack[top + 2];
            if (least == LAST_CHOICE) {
                remember(pc, at);
                continue;
            }
            if (least == CHOICE) {
                remember(regex.a[pc], at);
                pushLast(pc, at);
                return resume(regex.b[pc], at);
            }
            int stop = stack[top + 3];
            int next = at > least ? before(at) : -1;
            if (regex.c[pc] == RegexNode.UNLIMITED && stop == runEnd[pc] && at >= runFrom[pc]) {
                failsFrom[pc] = Math.min(failsFrom[pc], at);
                next = failsFrom[pc] > least ? before(failsFrom[pc]) : -1;
            }
            if (next >= 0) {
                pushRun(pc, next, least, stop);
                return resume(pc + 1, next);
            }
        }
        return -1;
    }

    private static long resume(int pc, int at) {
        return (long) pc << 32 | at;
    }

    /** Drops what is left on the stack above {@code base}; all choices there led to this match. */
    private int matched(int base, int stop, boolean inner) {
        if (inner && memory != null) {
            for (int i = base; i < top; i += 4) {
                if (stack[i + 2] < 0) {
                    memory.put(stack[i], stack[i + 1], stop);
                }
            }
        }
        if (inner) {
            retries += top - base >> 2; // what such a match drops may be tried again from elsewhere
        }
        top = base;
        return stop;
    }

    private void remember(int pc, int at) {
        if (memory != null) {
            memory.put(pc, at, FAILED);
        }
    }

    /** Goes on at the last choice; worth an entry only where its failure will be remembered. */
    private void pushLast(int pc, int at) {
        if (memory != null) {
            push(pc, at, LAST_CHOICE, 0);
        }
    }

    private boolean behind(int number, int at) {
        for (Behind choice : program.behind.get(number)) {
            int i = at;
            int left = choice.width();
            while (left > 0 && i > from) {
                i -= Character.isLowSurrogate(s[i - 1]) ? 2 : 1;
                left--;
            }
            if (left == 0 && run(choice.start(), i, true) >= 0) {
                return true;
            }
        }
        return false;
    }

    /** The place after the least number of characters of the run, or -1 if there are fewer. */
    private int least(int pc, int at) {
        int i = at;
        for (int n = 0; n < regex.b[pc]; n++) {
            if (!is(regex.a[pc], i)) {
                return -1;
            }
            i += width(i);
        }
        return i;
    }

    private int runEnd(int pc, int at) {
        int set = regex.a[pc];
        int most = regex.c[pc];
        int i = at;
        if (most == RegexNode.UNLIMITED) {
            if (at >= runFrom[pc] && at <= runEnd[pc]) {
                return runEnd[pc];
            }
            boolean[] member = program.members[set];
            char[] classes = program.classes;
            int known = runEnd[pc] < 0 ? -1 : runFrom[pc];
            while (i < to) {
                if (i == known) {
                    runFrom[pc] = at;
                    return runEnd[pc];
                }
                char c = s[i];
                if (Character.isHighSurrogate(c)) {
                    if (!member[upperClass(i)]) {
                        break;
                    }
                    i += 2;
                } else if (member[classes[c]]) {
                    i++;
                } else {
                    break;
                }
            }
            runFrom[pc] = at;
            runEnd[pc] = i;
            failsFrom[pc] = Integer.MAX_VALUE;
            return i;
        }
        for (int n = 0; n < most && is(set, i); n++) {
            i += width(i);
        }
        return i;
    }

    /** The longest run from {@code at} after which the rest is not known to fail; -1 if there is none. */
    private int beginRun(int pc, int at) {
        int least = least(pc, at);
        if (least < 0) {
            return -1;
        }
        int stop = runEnd(pc, at);
        int last = stop;
        if (regex.c[pc] == RegexNode.UNLIMITED && failsFrom[pc] <= stop) {
            if (failsFrom[pc] <= least) {
                return -1;
            }
            last = before(failsFrom[pc]);
        }
        pushRun(pc, last, least, stop);
        return last;
    }

    /** A run that can still be cut, or whose failure is worth knowing. */
    private void pushRun(int pc, int at, int least, int stop) {
        if (at > least || regex.c[pc] == RegexNode.UNLIMITED) {
            push(pc, at, least, stop);
        }
    }

    private int before(int at) {
        return at - (Character.isLowSurrogate(s[at - 1]) ? 2 : 1);
    }

    private void push(int pc, int at, int least, int stop) {
        if (top + 4 > stack.length) {
            stack = Arrays.copyOf(stack, Math.multiplyExact(stack.length, 2));
        }
        stack[top] = pc;
        stack[top + 1] = at;
        stack[top + 2] = least;
        stack[top + 3] = stop;
        top += 4;
    }
}
