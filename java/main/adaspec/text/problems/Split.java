package adaspec.text.problems;

import java.util.Collection;

/**
 * The three parts of the data. Every set of numbers belongs to exactly one of them by its hash, whatever the kind, the order, the seed and the
 * count, so the numbers of no problem of one part return in another.
 */
public enum Split {
    TRAIN,
    VALIDATION,
    TEST;

    private static final int BUCKETS = 16;

    /** The split that owns these numbers, in any order and however often each: one sixteenth is VALIDATION's, one TEST's, the rest TRAIN's. */
    static Split of(Collection<Integer> numbers) {
        long h = Draws.hash(numbers.stream().mapToLong(Integer::longValue).sorted().distinct().toArray());
        return switch ((int) Long.remainderUnsigned(h, BUCKETS)) {
            case 0 -> VALIDATION;
            case 1 -> TEST;
            default -> TRAIN;
        };
    }
}
