package adaspec.text;

import adaspec.common.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * What a model is to continue.
 *
 * @param ids as {@code tokenize} gives them; no end token is added
 */
public record Prompt(String text, int[] ids, Path file, int line) {
    /** Most tokens that a text of the {@code text} format gives as its prompt. */
    static final int TEXT_TOKENS = 64;

    /** Encodes {@code text}, which may come from nowhere ({@code file} null). An empty encoding is an error: there is nothing to continue. */
    public static Prompt of(String text, Tokenizer tokenizer, Path file, int line) {
        int[] ids = tokenizer.encode(Objects.requireNonNull(text, "prompt"), true).ids();
        if (ids.length == 0) {
            throw new InputException("the prompt is empty; at least one token was expected");
        }
        return new Prompt(text, ids, file, line);
    }

    static Prompt firstHalf(String text, Tokenizer tokenizer, Path file, int line) {
        Prompt all = of(text, tokenizer, file, line);
        int[] ids = Arrays.copyOf(all.ids, Math.clamp(all.ids.length / 2, 1, TEXT_TOKENS));
        return new Prompt(tokenizer.decode(ids), ids, file, line);
    }

    /** Reads {@code {"prompt": ...}} a line; other fields are ignored. */
    public static List<Prompt> readFile(Path file, Tokenizer tokenizer) {
        List<Prompt> prompts = new ArrayList<>();
        JsonLines.read(file, JsonLines.Blank.SKIP, (value, line, where) -> prompts.add(of(JsonLines.text(value, "prompt"), tokenizer, file, line)));
        return prompts;
    }
}
