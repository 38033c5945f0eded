package adaspec.text;

/** What is wrong with a regular expression, as the part of a sentence that follows its name. */
final class RegexException extends RuntimeException {
    private static final long serialVersionUID = 1;

    RegexException(String what) {
        super(what);
    }
}
