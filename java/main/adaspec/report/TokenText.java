package adaspec.report;

import adaspec.text.TokenStream;
import adaspec.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/**
 * A sample as its tokens: which were given, which were asked for, which of these were kept.
 *
 * @param where  the sample's file and line
 * @param before whether tokens before the first piece were left out
 * @param after  whether tokens after the last piece were left out
 */
public record TokenText(String where, List<Piece> pieces, boolean before, boolean after) {
    /** Longer samples are shown in part: the end of the prompt and the beginning of the answer. */
    static final int MOST_TOKENS = 300;

    private static final int MOST_PROMPT_TOKENS = 100;
    /** Stands for a token that only begins or continues a character; the character is shown at the token that ends it. */
    static final String PART = "\u22ef";

    /**
     * A token.
     *
     * @param text     what it adds to the text; empty where it does not end a character
     * @param spelling as in the tokenizer's file
     * @param given    whether it belongs to the prompt; then the rest means nothing
     * @param kept     whether the selection kept it
     */
    public record Piece(String text, String spelling, boolean given, float gap, float klDraft, float klReference, boolean kept) {}

    public TokenText {
        pieces = List.copyOf(pieces);
    }

    /** The numbers of a sample's answer tokens, each (ids.length - answerStart). */
    public record Scores(float[] gap, float[] klDraft, float[] klReference, boolean[] kept) {}

    public static TokenText of(String where, Tokenizer tokenizer, int[] ids, int answerStart, Scores scores) {
        int from = 0;
        int to = ids.length;
        if (ids.length > MOST_TOKENS) {
            from = Math.clamp(answerStart - MOST_PROMPT_TOKENS, 0, ids.length - MOST_TOKENS);
            to = from + MOST_TOKENS;
        }
        List<Piece> pieces = new ArrayList<>();
        TokenStream stream = tokenizer.stream();
        for (int i = 0; i < to; i++) {
            // Tokens before the first one that is shown may hold the beginning of its character.
            String text = stream.push(ids[i]) + (i == ids.length - 1 ? stream.flush() : "");
            if (i < from) {
                continue;
            }
            String spelling = tokenizer.tokenOf(ids[i]);
            int a = i - answerStart;
            pieces.add(a < 0
                    ? new Piece(text, spelling, true, 0, 0, 0, false)
                    : new Piece(text, spelling, false, scores.gap[a], scores.klDraft[a], scores.klReference[a], scores.kept[a]));
        }
        return new TokenText(where, pieces, from > 0, to < ids.length);
    }

    /** Writes the text; kept tokens are underlined, and coloured by {@code levels}. */
    void write(Markup out, GapLevels levels) {
        out.open("div", "class", "tokens", "dir", "auto");
        if (before) {
            out.leaf("span", "\u2026 ", "class", "given");
        }
        for (int i = 0; i < pieces.size(); ) {
            if (pieces.get(i).given) {
                // Prompt tokens have no numbers: one element for all of them.
                StringBuilder prompt = new StringBuilder();
                for (; i < pieces.size() && pieces.get(i).given; i++) {
                    prompt.append(pieces.get(i).text);
                }
                out.leaf("span", visible(prompt.toString()), "class", "given");
            } else {
                write(out, pieces.get(i++), levels);
            }
        }
        if (after) {
            out.leaf("span", " \u2026", "class", "given");
        }
        out.close().line();
    }

    private static void write(Markup out, Piece piece, GapLevels levels) {
        boolean part = piece.text.isEmpty();
        String style = (piece.kept ? "kept g" + levels.of(piece.gap) : "left") + (part ? " part" : "");
        String tip = (piece.kept ? "kept" : "not kept") + ": gap " + Numbers.significant(piece.gap) + " = draft " + Numbers.significant(piece.klDraft)
                + " - reference " + Numbers.significant(piece.klReference) + " nats; token " + piece.spelling
                + (part ? ", a part of a character" : "");
        out.leaf(piece.kept ? "b" : "span", part ? PART : visible(piece.text), "class", style, "title", tip);
    }

    /** A line break is seen, so that its colour is. */
    private static String visible(String text) {
        return text.replace("\n", "\u21b5\n");
    }
}
