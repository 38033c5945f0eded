package adaspec.text;

/**
 * Decodes ids as they come. The concatenation of everything returned equals {@link Tokenizer#decode} of all ids. One timeline, one thread.
 */
public final class TokenStream {
    private final Tokenizer tokenizer;
    private final StringBuilder text = new StringBuilder();
    private TokenDecoder.Run run;

    TokenStream(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
        this.run = tokenizer.decoder().start(text);
    }

    /**
     * The text that {@code id} completes. What begins a character waits for the rest of it, and bytes of a byte fallback for the end of their
     * run. Empty if nothing is complete yet.
     */
    public String push(int id) {
        tokenizer.requireToken(id);
        run.push(id);
        return taken();
    }

    /** What is left: U+FFFD for a character that was never completed, a run of bytes; else the empty string. Afterwards a new text begins. */
    public String flush() {
        run.end();
        run = tokenizer.decoder().start(text);
        return taken();
    }

    private String taken() {
        String taken = text.toString();
        text.setLength(0);
        return taken;
    }
}
