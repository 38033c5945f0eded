package adaspec.decode;

import adaspec.ops.Draw;
import adaspec.ops.Ops;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.List;

/** Draws one token from one law. */
final class Sampler {
    private final Ops ops;

    Sampler(Ops ops) {
        this.ops = ops;
    }

    /**
     * @param logits  (1, v)
     * @param purpose of {@link adaspec.ops.Philox}
     * @param index   place of the token in its step
     * @return an id, or -1 if the law is not finite
     */
    int sample(Tensor logits, Draw draw, int purpose, int index, Workspace.Step step) {
        Tensor token = step.i32(0);
        ops.sample(token, null, logits, List.of(draw), purpose, index);
        return token.getInt(0);
    }
}
