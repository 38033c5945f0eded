package adaspec.text;

import java.util.Arrays;

/** A sample made visible, so that a wrong template or mask is seen before it is trained on. */
public final class SampleView {
    private static final int SHOWN_CHARACTERS = 4000;

    private SampleView() {}

    /** Where the sample is from, then its text: lines behind {@code -} are given, lines behind {@code +} are learnt. Ends without a line break. */
    public static String of(Sample sample, Tokenizer tokenizer) {
        int[] ids = sample.ids();
        int border = Math.min(sample.answerStart(), ids.length);
        StringBuilder view = new StringBuilder();
        view.append(sample.file()).append(" line ").append(sample.line()).append(": ").append(ids.length).append(" tokens, ")
                .append(sample.answerTokens()).append(" of them learnt (+)").append(sample.truncated() ? ", truncated" : "");
        append(view, "  - ", tokenizer.decode(Arrays.copyOf(ids, border)));
        append(view, "  + ", tokenizer.decode(Arrays.copyOfRange(ids, border, ids.length)));
        return view.toString();
    }

    private static void append(StringBuilder view, String mark, String text) {
        String shown = text.length() <= SHOWN_CHARACTERS
                ? text
                : text.substring(0, SHOWN_CHARACTERS) + " ... (" + (text.length() - SHOWN_CHARACTERS) + " more characters)";
        for (String line : shown.split("\n", -1)) {
            view.append('\n').append(mark).append(printable(line));
        }
    }

    /** Control characters, which could steer a terminal, as their escapes. */
    private static String printable(String line) {
        StringBuilder out = new StringBuilder(line.length());
        line.codePoints().forEach(c -> {
            if (Character.isISOControl(c)) {
                out.append(String.format("\\u%04x", c));
            } else {
                out.appendCodePoint(c);
            }
        });
        return out.toString();
    }
}
