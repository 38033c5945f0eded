package adaspec.text.problems;

/**
 * The three parts of the data. Every (kind, numbers) belongs to exactly one of them by its hash, whatever the seed and the count, so no problem of
 * one part returns in another under new names.
 */
public enum Split {
    TRAIN,
    VALIDATION,
    TEST;

    private static final int BUCKETS = 16;

    /** The split that owns the problems of {@code kind} with these numbers: one sixteenth is VALIDATION's, one TEST's, the rest TRAIN's. */
    static Split of(String kind, Iterable<Integer> numbers) {
        long h = Draws.hash(kind.chars().asLongStream().toArray());
        for (int number : numbers) {
            h = Draws.hash(h, number);
        }
        return switch ((int) Long.remainderUnsigned(h, BUCKETS)) {
            case 0 -> VALIDATION;
            case 1 -> TEST;
            default -> TRAIN;
        };
    }
}
