package adaspec.common;

/**
 * Something the user gave cannot be used: a file, a value, a device.
 *
 * <p>The message is one clear sentence: what is wrong, where (file and line, or option), what was expected, and how to mend it.
 * The command line prints it and ends with exit code 1.
 */
public class InputException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public InputException(String sentence) {
        super(sentence);
    }

    public InputException(String sentence, Throwable cause) {
        super(sentence, cause);
    }
}
