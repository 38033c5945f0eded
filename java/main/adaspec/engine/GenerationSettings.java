package adaspec.engine;

import adaspec.common.UsageException;
import adaspec.decode.FinishReason;
import adaspec.decode.Sampling;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/**
 * What is asked of one generation: how to draw, and where to end.
 *
 * <p>A generation ends with the first of these, at the token that brings it about:
 * <ul>
 * <li>an end token of the target: it is the last of the ids and not in the text; {@link FinishReason#STOP};
 * <li>a stop string: the ids go up to and including the token that completed it, the text ends before it; {@link FinishReason#STOP}. Of several stop
 *     strings the one counts that is complete first, and of those complete at the same character the longest, wherever tokens begin and end;
 * <li>{@link Sampling#maxNewTokens} tokens: {@link FinishReason#LENGTH}. With 0 nothing is emitted, though the prompt must be a right one;
 * <li>prompt and continuation together fill the target's positions: {@link FinishReason#LENGTH}. A prompt that fills them has an empty continuation.
 *     A draft with fewer positions than the target stops proposing at its own last one, and the target goes on alone;
 * <li>it is cancelled, the engine or its session is closed, or its thread is interrupted (and stays so): {@link FinishReason#CANCELLED}. The ids and the
 *     text up to then are returned. It is looked for before every step, between emitted tokens, and every 64 tokens of a prompt that is read.
 * </ul>
 * Equal settings give equal ids, whatever else runs and whatever a session has read before; with the exception that a draft length chosen while it runs
 * ({@link adaspec.decode.DraftLength}) keeps the law of sampled texts and not the texts themselves.
 *
 * <p>A prompt without tokens, or with more of them than the target has positions, cannot be continued: an {@link adaspec.common.InputException}.
 *
 * @param sampling  how to draw, and the most tokens
 * @param stop      stop strings; none by default
 * @param index     of the prompt, which enters the random numbers: equal prompts of different index are sampled differently; 0 by default
 * @param cancelled asked on the thread that generates; a generation ends when it is true, whoever made it so
 */
public record GenerationSettings(Sampling sampling, List<String> stop, int index, BooleanSupplier cancelled) {
    /** @throws UsageException if a stop string is empty or has half a surrogate pair, which no text has */
    public GenerationSettings {
        Objects.requireNonNull(sampling, "sampling");
        Objects.requireNonNull(cancelled, "cancelled");
        stop = List.copyOf(stop);
        for (String text : stop) {
            if (text.isEmpty()) {
                throw new UsageException("a stop string is empty; at least one character was expected");
            }
            if (text.codePoints().anyMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE)) {
                throw new UsageException("the stop string \"" + text + "\" has half a surrogate pair; whole characters were expected");
            }
        }
    }

    /** No stop strings, index 0, never cancelled. */
    public static GenerationSettings of(Sampling sampling) {
        return new GenerationSettings(sampling, List.of(), 0, () -> false);
    }

    public GenerationSettings withStop(String... strings) {
        return withStop(List.of(strings));
    }

    public GenerationSettings withStop(List<String> strings) {
        return new GenerationSettings(sampling, strings, index, cancelled);
    }

    public GenerationSettings withIndex(int value) {
        return new GenerationSettings(sampling, stop, value, cancelled);
    }

    /** For example {@code cancelledWhen(flag::get)} with an {@link java.util.concurrent.atomic.AtomicBoolean} that any thread sets. */
    public GenerationSettings cancelledWhen(BooleanSupplier value) {
        return new GenerationSettings(sampling, stop, index, value);
    }
}
