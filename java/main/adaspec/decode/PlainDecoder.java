package adaspec.decode;

import adaspec.ops.Philox;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.Arrays;

/** The target alone, one token at a time. */
public final class PlainDecoder implements Decoder {
    private final Session target;
    private final int[] endTokens;
    private final Sampler sampler;

    /**
     * @param target    stays the caller's to close
     * @param endTokens ids that end a text
     */
    public PlainDecoder(Session target, int[] endTokens) {
        this.target = target;
        this.endTokens = endTokens.clone();
        this.sampler = new Sampler(target.model().ops());
    }

    @Override
    public Completion decode(int[] prompt, Sampling sampling, int sequence, TextListener listener) {
        target.requirePrompt(prompt);
        int limit = Math.min(sampling.maxNewTokens(), target.capacity() - prompt.length);
        Continuation text = new Continuation(prompt, limit, endTokens, listener);
        if (text.isOpen()) {
            target.begin(Arrays.copyOf(prompt, prompt.length - 1), text::isOpen);
        }
        while (text.isOpen()) {
            text.emit(next(target, sampler, text, sampling, sequence));
        }
        return text.completion(new AcceptanceStats(0));
    }

    /** One token from the target's own law, which has read all of {@code text} but its last id. */
    static int next(Session target, Sampler sampler, Continuation text, Sampling sampling, int sequence) {
        try (Workspace.Step step = target.workspace().begin()) {
            Tensor law = step.f32(1, target.vocabulary());
            target.advance(new int[] {text.last()}, law);
            int position = text.length();
            int token = sampler.sample(law, sampling.draw(sequence, position), Philox.NEXT, 0, step);
            if (token < 0) {
                target.requireFinite(law, position);
                throw new IllegalStateException("no token was drawn from finite logits");
            }
            return token;
        }
    }
}
