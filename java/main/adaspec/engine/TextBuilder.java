package adaspec.engine;

import adaspec.decode.TextListener;
import adaspec.text.StopStrings;
import adaspec.text.TokenStream;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.IntPredicate;

/** Makes text of tokens as they come, tells what becomes certain, and ends the text at a stop string. One text. */
final class TextBuilder implements TextListener {
    private final TokenStream stream;
    private final StopStrings stops;
    private final IntPredicate endTokens;
    private final BooleanSupplier cancelled;
    private final Consumer<Token> listener;
    private final StringBuilder text = new StringBuilder();

    TextBuilder(TokenStream stream, StopStrings stops, IntPredicate endTokens, BooleanSupplier cancelled, Consumer<Token> listener) {
        this.stream = stream;
        this.stops = stops;
        this.endTokens = endTokens;
        this.cancelled = cancelled;
        this.listener = listener;
    }

    @Override
    public boolean emitted(int token) {
        String piece = endTokens.test(token) ? "" : stops.push(stream.push(token));
        text.append(piece);
        listener.accept(new Token(token, piece));
        return !stops.reached();
    }

    @Override
    public boolean cancelled() {
        return cancelled.getAsBoolean();
    }

    /** Whether the text has come to a stop string. */
    boolean stopped() {
        return stops.reached();
    }

    /** The whole text: with what was held back, if the text has ended without a stop string. */
    String finish() {
        text.append(stops.push(stream.flush())).append(stops.flush());
        return text.toString();
    }
}
