package adaspec.common;

/** The command line itself is wrong: an unknown option, a value out of its range. Exit code 2. */
public final class UsageException extends InputException {
    private static final long serialVersionUID = 1L;

    public UsageException(String sentence) {
        super(sentence);
    }
}
