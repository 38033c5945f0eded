package adaspec.common;

import java.util.List;

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

    private static final String OMITTED = " ... ";

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
        if (text.length() <= MOST_QUOTED) {
            return text;
        }
        boolean inHalf = Character.isHighSurrogate(text.charAt(MOST_QUOTED - 1));
        return text.substring(0, inHalf ? MOST_QUOTED - 1 : MOST_QUOTED) + "...";
    }

    /** On one line, and without what would change a terminal: names and values in a sentence come from files. */
    private static String tidy(String sentence) {
        // More than can be shown, so that where this cuts is cut out below.
        int most = 4 * MOST_LETTERS;
        String text = sentence.length() <= most
                ? sentence
                : sentence.substring(0, most / 2) + OMITTED + sentence.substring(sentence.length() - most / 2);
        return withoutMiddle(text.strip().replaceAll("\\s*\\R\\s*", "; ").codePoints().mapToObj(InputException::printable).toList());
    }

    private static String printable(int c) {
        boolean turnsText = c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069;
        boolean printable = !Character.isISOControl(c) && Character.getType(c) != Character.SURROGATE && !turnsText;
        return printable ? Character.toString(c) : String.format("\\u%04x", c);
    }

    /** @param characters as they are shown: one that is escaped has six letters, and is shown whole or not at all */
    private static String withoutMiddle(List<String> characters) {
        if (characters.stream().mapToInt(String::length).sum() <= MOST_LETTERS) {
            return String.join("", characters);
        }
        return String.join("", fitting(characters)) + OMITTED + String.join("", fitting(characters.reversed()).reversed());
    }

    /** The first of {@code characters}, as many as half a sentence has room for. */
    private static List<String> fitting(List<String> characters) {
        int letters = 0;
        int count = 0;
        while (letters + characters.get(count).length() <= MOST_LETTERS / 2) {
            letters += characters.get(count++).length();
        }
        return characters.subList(0, count);
    }
}
