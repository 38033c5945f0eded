package adaspec.train;

import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.tensor.Workspace;

/**
 * AdamW over the arena of a model's weights, with the arithmetic of torch.optim.AdamW and the clipping of torch.nn.utils.clip_grad_norm_.
 *
 * <p>As in Hugging Face's Trainer, only matrices decay; biases and the gains and biases of norms do not.
 */
public final class AdamWOptimizer {
    /** @param maxGradNorm the global norm that gradients are clipped to; 0 or less: not clipped */
    public record Settings(float beta1, float beta2, float eps, float weightDecay, float maxGradNorm) {
        /** The defaults of torch.optim.AdamW with the weight decay and clipping of the published runs. */
        public static Settings of(double weightDecay, double maxGradNorm) {
            return new Settings(0.9f, 0.999f, 1e-8f, (float) weightDecay, (float) maxGradNorm);
        }
    }

    private final Ops ops;
    private final Weights parameters;
    private final Weights firstMoment;
    private final Weights secondMoment;
    private final Settings settings;
    private long steps;

    /** @param allocator holds the two moments, as large as the parameters each */
    public AdamWOptimizer(Ops ops, Weights parameters, Settings settings, Workspace.Allocator allocator) {
        this.ops = ops;
        this.parameters = parameters;
        this.settings = settings;
        this.firstMoment = Weights.zeros(parameters.architecture(), allocator);
        this.secondMoment = Weights.zeros(parameters.architecture(), allocator);
    }

    /** The 2-norm of the whole gradient. */
    public double norm(Weights gradient) {
        return Math.sqrt(ops.sumOfSquares(gradient.arena()));
    }

    /**
     * One step along {@code gradient}, which is left as it is. What the model computes with follows ({@link Weights#refresh}).
     *
     * @param scale multiplies the gradient before it is clipped
     * @param norm  {@link #norm} of the gradient, before {@code scale}
     */
    public void step(Weights gradient, double scale, double norm, float learningRate) {
        steps++;
        // torch clips by max_norm / (norm + 1e-6) where that is below 1.
        double clip = settings.maxGradNorm > 0 ? Math.min(1, settings.maxGradNorm / (norm * scale + 1e-6)) : 1;
        float gradScale = (float) (scale * clip);
        ops.adamw(
                parameters.arenaMatrices(),
                gradient.arenaMatrices(),
                firstMoment.arenaMatrices(),
                secondMoment.arenaMatrices(),
                gradScale,
                learningRate,
                settings.beta1,
                settings.beta2,
                settings.eps,
                settings.weightDecay,
                steps);
        ops.adamw(
                parameters.arenaVectors(),
                gradient.arenaVectors(),
                firstMoment.arenaVectors(),
                secondMoment.arenaVectors(),
                gradScale,
                learningRate,
                settings.beta1,
                settings.beta2,
                settings.eps,
                0,
                steps);
        parameters.refresh(ops);
    }

    /** Counts on from {@code taken} steps, whose moments were put back. */
    void resumeAt(long taken) {
        steps = taken;
    }

    /** Steps taken. */
    public long steps() {
        return steps;
    }

    /** The running mean of gradients (exp_avg). */
    public Weights firstMoment() {
        return firstMoment;
    }

    /** The running mean of squared gradients (exp_avg_sq). */
    public Weights secondMoment() {
        return secondMoment;
    }
}
