package adaspec.text;

import java.util.List;

/**
 * Lets text through up to the first stop string. What may be the beginning of one is held back until it is clear, so that nothing that was let through
 * has to be taken back. One timeline, one thread.
 */
public final class StopStrings {
    private final List<Matcher> matchers;
    private final StringBuilder held = new StringBuilder();
    private boolean reached;

    /** @param strings none of them empty */
    public StopStrings(List<String> strings) {
        matchers = strings.stream().map(Matcher::new).toList();
    }

    /**
     * The text that becomes certain with {@code more}. It ends before the stop string that is complete first, character by character and however the text
     * was cut into pieces; of those complete at the same character before the longest. After that it is empty.
     */
    public String push(String more) {
        var certain = new StringBuilder();
        for (int i = 0; i < more.length() && !reached; i++) {
            held.append(more.charAt(i));
            int begun = 0;
            int complete = 0;
            for (Matcher matcher : matchers) {
                int length = matcher.push(more.charAt(i));
                begun = Math.max(begun, length);
                complete = length == matcher.text.length() ? Math.max(complete, length) : complete;
            }
            reached = complete > 0;
            int freed = held.length() - (reached ? complete : begun);
            certain.append(held, 0, freed);
            held.delete(0, freed);
        }
        return certain.toString();
    }

    /** Whether a stop string has come. */
    public boolean reached() {
        return reached;
    }

    /** What was held back and is no stop string after all, the text having ended; empty if one was reached. */
    public String flush() {
        String rest = reached ? "" : held.toString();
        held.setLength(0);
        return rest;
    }

    /** How much of one string the text ends with (Knuth, Morris and Pratt, 1977). */
    private static final class Matcher {
        private final String text;
        /** [i]: characters of the longest beginning of {@code text}, itself aside, that its first i + 1 characters end with. */
        private final int[] shorter;

        private int length;

        Matcher(String text) {
            this.text = text;
            this.shorter = new int[text.length()];
            for (int i = 1, n = 0; i < shorter.length; i++) {
                n = extended(n, text.charAt(i));
                shorter[i] = n;
            }
        }

        /** Characters of the longest beginning of the string that the text ends with, now that {@code next} came. Not asked after the whole string. */
        int push(char next) {
            length = extended(length, next);
            return length;
        }

        private int extended(int matched, char next) {
            int n = matched;
            while (n > 0 && text.charAt(n) != next) {
                n = shorter[n - 1];
            }
            return text.charAt(n) == next ? n + 1 : n;
        }
    }
}
