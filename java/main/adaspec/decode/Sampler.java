package adaspec.decode;

import adaspec.ops.Ops;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;

/** Draws one token from one law. */
final class Sampler {
    private final Ops ops;

    Sampler(Ops ops) {
        this.ops = ops;
    }

    /**
     * @param logits      (1, v)
     * @param temperature 0: argmax
     * @param sequence    index of the prompt
     * @param position    of the token drawn
     * @param purpose     of {@link adaspec.ops.Philox}
     * @return an id, or -1 if the law is not finite
     */
    int sample(Tensor logits, double temperature, long seed, int sequence, long position, int purpose, Workspace.Step step) {
        Tensor token = step.i32(0);
        ops.sample(token, logits, (float) temperature, seed, sequence, position, purpose);
        return token.getInt(0);
    }
}
