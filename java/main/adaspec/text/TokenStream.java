package adaspec.text;

import java.util.Objects;

/**
 * Decodes ids as they come. The concatenation of everything returned equals {@link Tokenizer#decode} of all ids. One timeline, one thread.
 */
public final class TokenStream {
    private final Tokenizer tokenizer;
    private final Utf8Decoder decoder = new Utf8Decoder();

    TokenStream(Tokenizer tokenizer) {
        this.tokenizer = Objects.requireNonNull(tokenizer);
    }

    /** The text that {@code id} completes; bytes that begin a character wait for the rest of it. Empty if nothing is complete yet. */
    public String push(int id) {
        StringBuilder text = new StringBuilder();
        decoder.push(tokenizer.bytesOf(id), text);
        return text.toString();
    }

    /** What is left: U+FFFD if a character was never completed, else the empty string. */
    public String flush() {
        StringBuilder text = new StringBuilder();
        decoder.flush(text);
        return text.toString();
    }
}
