package adaspec.text;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.OptionalInt;

/**
 * One text to train on.
 *
 * @param ids (length) tokens, special and end-of-text tokens included, cut at the maximum length
 * @param answerStart index of the first answer token, at least 1: the loss counts the predictions of {@code ids[answerStart ..]}
 * @param textHash SHA-256 of prompt and completion in hexadecimal, which decides what is held out
 * @param cutAnswerTokens answer tokens that the maximum length has cut off
 */
public record Sample(int[] ids, int answerStart, DatasetFormat.Text text, String textHash, int cutAnswerTokens, Path file, int line) {
    /**
     * Encodes prompt and completion as one text. A token belongs to the answer iff it starts at or after the end of the prompt: one that straddles
     * the border belongs to the prompt, since the model that answers the prompt alone is never asked for it. Of a sample without prompt the
     * first token is not an answer token, since nothing predicts it.
     *
     * @param endOfText appended, unless the tokenizer's own template ends with it or a completion spells it; a trained position
     */
    static Sample of(DatasetFormat.Text text, Tokenizer tokenizer, OptionalInt endOfText, int maxLength, Path file, int line) {
        String whole = text.prompt() + text.completion();
        Encoding encoding = tokenizer.encode(whole, true);
        int n = encoding.length();
        int answerStart = 0;
        while (answerStart < n && encoding.starts()[answerStart] < text.prompt().length()) {
            answerStart++;
        }
        int[] ids = encoding.ids();
        if (endOfText.isPresent() && !endsWith(endOfText.getAsInt(), encoding, text)) {
            ids = Arrays.copyOf(ids, n + 1);
            ids[n] = endOfText.getAsInt();
        }
        answerStart = Math.max(answerStart, 1);
        int cut = Math.max(ids.length - Math.max(answerStart, maxLength), 0);
        return new Sample(ids.length > maxLength ? Arrays.copyOf(ids, maxLength) : ids, answerStart, text, sha256(whole), cut, file, line);
    }

    /**
     * Whether the text has its end already: the tokenizer's template adds it (a token of no characters), or the completion ends with it, spelled out.
     * What plain text spells is text.
     */
    private static boolean endsWith(int endOfText, Encoding encoding, DatasetFormat.Text text) {
        int last = encoding.length() - 1;
        return last >= 0
                && encoding.ids()[last] == endOfText
                && (encoding.starts()[last] == encoding.ends()[last] || !text.prompt().isEmpty() && !text.completion().isEmpty());
    }

    /** Whether its end was cut off at the maximum length. */
    public boolean truncated() {
        return cutAnswerTokens > 0;
    }

    /** Tokens that the loss counts; may be 0 after truncation. */
    public int answerTokens() {
        return Math.max(ids.length - answerStart, 0);
    }

    /**
     * What a model is asked in evaluation: the prompt, encoded alone; of a text without prompt its first half, at most
     * {@value Prompt#TEXT_TOKENS} tokens.
     */
    public Prompt evaluationPrompt(Tokenizer tokenizer) {
        return text.prompt().isEmpty()
                ? Prompt.firstHalf(text.completion(), tokenizer, file, line)
                : Prompt.of(text.prompt(), tokenizer, file, line);
    }

    private static String sha256(String text) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}
