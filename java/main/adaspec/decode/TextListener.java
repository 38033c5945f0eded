package adaspec.decode;

import java.util.function.IntConsumer;

/** Whoever a decoder works for: it hears the tokens and may end the text. Called on the decoder's thread; what it throws comes out as it is. */
public interface TextListener {
    /** Hears a token as it is emitted, an end token included; false: the text ends with it, and the reason is {@link FinishReason#STOP}. */
    boolean emitted(int token);

    /**
     * Whether to end the text where it is, for the reason {@link FinishReason#CANCELLED}: asked before every step, between the tokens of a step, and
     * between the chunks in which a prompt is read.
     */
    boolean cancelled();

    /** Hears every token and ends nothing. */
    static TextListener of(IntConsumer tokens) {
        return new TextListener() {
            @Override
            public boolean emitted(int token) {
                tokens.accept(token);
                return true;
            }

            @Override
            public boolean cancelled() {
                return false;
            }
        };
    }
}
