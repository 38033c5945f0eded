package adaspec.decode;

import adaspec.common.InputException;
import java.util.function.IntConsumer;

/** Continues prompts, one at a time, on one thread. */
public interface Decoder {
    /**
     * Continues {@code prompt} until an end token, {@link Sampling#maxNewTokens}, the target's last position, or the listener's wish.
     *
     * @param prompt   token ids, at least one and at most as many as the target has positions
     * @param sequence the index of the prompt, which enters the random numbers
     * @throws InputException if the prompt cannot be continued, or a model's logits are not finite
     */
    Completion decode(int[] prompt, Sampling sampling, int sequence, TextListener listener);

    /** As {@link #decode(int[], Sampling, int, TextListener)}; {@code listener} hears every token as it is emitted, the end token included. */
    default Completion decode(int[] prompt, Sampling sampling, int sequence, IntConsumer listener) {
        return decode(prompt, sampling, sequence, TextListener.of(listener));
    }
}
