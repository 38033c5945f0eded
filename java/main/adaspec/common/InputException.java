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

    private static final int MOST_QUOTED = 100;

    public InputException(String sentence) {
        super(tidy(sentence));
    }

    public InputException(String sentence, Throwable cause) {
        super(tidy(sentence), cause);
    }

    /** The beginning of a value that a sentence quotes, so that there is room for the rest of it. */
    public static String excerpt(Object value) {
        String text = String.valueOf(value);
        return text.length() <= MOST_QUOTED ? text : text.substring(0, MOST_QUOTED) + "...";
    }

    /** On one line, and without what would change a terminal: names and values in a sentence come from files. */
    private static String tidy(String sentence) {
        StringBuilder tidied = new StringBuilder();
        withoutMiddle(sentence).strip().replaceAll("\\s*\\R\\s*", "; ").codePoints().forEach(c -> {
            boolean turnsText = c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069;
            boolean printable = !Character.isISOControl(c) && Character.getType(c) != Character.SURROGATE && !turnsText;
            tidied.append(printable ? Character.toString(c) : String.format("\\u%04x", c));
        });
        // Six letters stand for each that was not printable.
        return withoutMiddle(tidied.toString());
    }

    private static String withoutMiddle(String text) {
        if (text.length() <= MOST_LETTERS) {
            return text;
        }
        int left = MOST_LETTERS / 2;
        int right = text.length() - left;
        // Half of a character of two is none.
        left -= Character.isHighSurrogate(text.charAt(left - 1)) ? 1 : 0;
        right += Character.isLowSurrogate(text.charAt(right)) ? 1 : 0;
        return text.substring(0, left) + " ... " + text.substring(right);
    }
}
