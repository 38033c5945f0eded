package adaspec.common;

/**
 * Something the user gave cannot be used: a file, a value, a device.
 *
 * <p>The message is one clear sentence: what is wrong, where (file and line, or option), what was expected, and how to mend it.
 * The command line prints it and ends with exit code 1.
 */
public class InputException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Of a sentence that is longer the middle is left out: a value from a damaged file can have millions of letters. */
    private static final int MOST_LETTERS = 1000;

    public InputException(String sentence) {
        super(tidy(sentence));
    }

    public InputException(String sentence, Throwable cause) {
        super(tidy(sentence), cause);
    }

    /** On one line, and without what would change a terminal: names and values in a sentence come from files. */
    private static String tidy(String sentence) {
        int half = MOST_LETTERS / 2;
        String shown = sentence.length() <= MOST_LETTERS
                ? sentence
                : sentence.substring(0, half) + " ... " + sentence.substring(sentence.length() - half);
        StringBuilder tidied = new StringBuilder();
        shown.strip().replaceAll("\\s*\\R\\s*", "; ").codePoints().forEach(c -> {
            boolean turnsText = c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069;
            boolean printable = !Character.isISOControl(c) && Character.getType(c) != Character.SURROGATE && !turnsText;
            tidied.append(printable ? Character.toString(c) : String.format("\\u%04x", c));
        });
        return tidied.toString();
    }
}
