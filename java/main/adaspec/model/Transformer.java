package adaspec.model;

import adaspec.ops.Gelu;
import adaspec.ops.HeadLayout;
import adaspec.ops.Ops;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;

/**
 * A decoder-only transformer: embedding, blocks of attention and MLP, final norm. The head is left to the caller ({@link #logits}).
 *
 * <p>Two ways through it. For training and scoring, {@link #forward} and {@link #backward} run whole ragged batches with the fastest GEMM.
 * For decoding, {@link #advance} appends to a {@link KvCache} through row-invariant operations only: the bits of a row's hidden state do not
 * depend on how many rows came with it. One thread at a time, as its {@link Ops}.
 */
public final class Transformer {
    private final Ops ops;
    private final Architecture architecture;
    private final Weights weights;
    private final HeadLayout heads;
    private final Rotary rotary;
    private final LinearMaps maps;
    private final Norms norms;

    /** @param allocator holds the rotary tables, which live as long as the allocator */
    public Transformer(Ops ops, Weights weights, Workspace.Allocator allocator) {
        this(ops, weights, allocator, DType.F32);
    }

    /**
     * @param operands  what {@link #forward}, {@link #backward} and the head round the operands of their products to: F32 (not at all) or BF16, for which
     *                  the matrices of {@code weights} must be BF16. Decoding rounds nothing.
     * @param allocator holds the rotary tables, which live as long as the allocator
     */
    public Transformer(Ops ops, Weights weights, Workspace.Allocator allocator, DType operands) {
        this.ops = ops;
        this.maps = new LinearMaps(ops, operands);
        this.weights = weights;
        this.architecture = weights.architecture();
        this.heads = architecture.headLayout();
        this.norms = new Norms(ops, architecture);
        this.rotary = new Rotary(architecture, allocator);
    }

    public Architecture architecture() {
        return architecture;
    }

    public Weights weights() {
        return weights;
    }

    public Ops ops() {
        return ops;
    }

    /** What the forward of a block leaves for its backward. N rows; each tensor f32, or what {@link LinearMaps#operand} made of it where said. */
    private record BlockActivations(
            Tensor input, // (N, C)
            Tensor mean1, // (N)
            Tensor rstd1, // (N)
            Tensor norm1, // (N, C), operand
            Tensor qkv, // (N, rowWidth), rotated
            Tensor attention, // (N, H * D)
            Tensor attentionOperand, // (N, H * D), operand
            Tensor lse, // (N, H)
            Tensor middle, // (N, C): what norm2 read; the block's input in parallel residual form
            Tensor mean2, // (N)
            Tensor rstd2, // (N)
            Tensor norm2, // (N, C), operand
            Tensor mlpPre, // (N, I), or (N, 2I) where it is gated
            Tensor mlpPost) {} // (N, I), operand

    /** Everything a backward needs; lives as long as the step it was made in. */
    public static final class Activations {
        private final Tensor ids;
        private final Tensor positions;
        private final Tensor starts;
        private final BlockActivations[] blocks;
        private final Tensor last; // (N, C): what the final norm read
        private final Tensor mean; // (N)
        private final Tensor rstd; // (N)
        private final Tensor hidden; // (N, C)

        private Activations(
                Tensor ids, Tensor positions, Tensor starts, BlockActivations[] blocks, Tensor last, Tensor mean, Tensor rstd, Tensor hidden) {
            this.ids = ids;
            this.positions = positions;
            this.starts = starts;
            this.blocks = blocks;
            this.last = last;
            this.mean = mean;
            this.rstd = rstd;
            this.hidden = hidden;
        }

        /** (N, C): the last hidden state, after the final norm. */
        public Tensor hidden() {
            return hidden;
        }
    }

    // ------------------------------------------------------------------------------------------------ training and scoring

    /** The last hidden state (N, C), which outlives the memory of the layers: it is taken from {@code step} before anything else. */
    public Tensor forward(Sequences batch, Workspace workspace, Workspace.Step step) {
        rotary.cover(batch.longest());
        Tensor hidden = step.f32(batch.rows(), architecture.hiddenSize());
        Tensor ids = step.i32(batch.ids());
        Tensor positions = step.i32(batch.positions());
        Tensor starts = step.i32(batch.starts());
        try (var body = workspace.begin()) {
            Tensor x = body.f32(batch.rows(), architecture.hiddenSize());
            Tensor y = body.f32(batch.rows(), architecture.hiddenSize());
            ops.embedding(x, weights.embedding(), ids);
            for (int i = 0; i < architecture.layers(); i++) {
                try (var block = workspace.begin()) {
                    blockForward(weights.layer(i), x, y, positions, starts, block);
                }
                Tensor swap = x;
                x = y;
                y = swap;
            }
            norms.forward(hidden, body.f32(batch.rows()), body.f32(batch.rows()), x, weights.finalGain(), weights.finalBias());
        }
        return hidden;
    }

    /** As {@link #forward}, keeping in {@code step} what {@link #backward} needs. */
    public Activations forwardForTraining(Sequences batch, Workspace.Step step) {
        int rows = batch.rows();
        rotary.cover(batch.longest());
        Tensor ids = step.i32(batch.ids());
        Tensor positions = step.i32(batch.positions());
        Tensor starts = step.i32(batch.starts());
        BlockActivations[] blocks = new BlockActivations[architecture.layers()];
        Tensor x = step.f32(rows, architecture.hiddenSize());
        ops.embedding(x, weights.embedding(), ids);
        for (int i = 0; i < blocks.length; i++) {
            Tensor y = step.f32(rows, architecture.hiddenSize());
            blocks[i] = blockForward(weights.layer(i), x, y, positions, starts, step);
            x = y;
        }
        Tensor hidden = step.f32(rows, architecture.hiddenSize());
        Tensor mean = step.f32(rows);
        Tensor rstd = step.f32(rows);
        norms.forward(hidden, mean, rstd, x, weights.finalGain(), weights.finalBias());
        return new Activations(ids, positions, starts, blocks, x, mean, rstd, hidden);
    }

    /** y (N, C) = the block of x (N, C). */
    private BlockActivations blockForward(Weights.Layer layer, Tensor x, Tensor y, Tensor positions, Tensor starts, Workspace.Step step) {
        long rows = x.rows();
        int channels = architecture.hiddenSize();
        Tensor mean1 = step.f32(rows);
        Tensor rstd1 = step.f32(rows);
        Tensor norm1 = maps.operand(step, rows, channels, out -> norms.forward(out, mean1, rstd1, x, layer.norm1Gain(), layer.norm1Bias()));

        Tensor qkv = step.f32(rows, heads.rowWidth());
        layer.qkv().forward(ops, qkv, norm1);
        ops.rotary(qkv, heads, positions, rotary.table(), false);
        Tensor attention = step.f32(rows, heads.outputWidth());
        Tensor lse = step.f32(rows, heads.queryHeads());
        ops.attention(attention, lse, qkv, heads, starts, architecture.attentionScale());
        Tensor attentionOperand = maps.operand(step, attention);
        layer.attentionOut().forward(ops, y, attentionOperand);
        ops.add(y, y, x);

        Tensor middle = x;
        if (!architecture.parallelResidual()) {
            middle = step.f32(rows, channels);
            middle.copyFrom(y);
        }
        Tensor middleInput = middle;
        Tensor mean2 = step.f32(rows);
        Tensor rstd2 = step.f32(rows);
        Tensor norm2 = maps.operand(step, rows, channels, out -> norms.forward(
                out, mean2, rstd2, middleInput, layer.norm2Gain(), layer.norm2Bias()));
        Tensor mlpPre = step.f32(rows, architecture.mlpInWidth());
        layer.mlpIn().forward(ops, mlpPre, norm2);
        Tensor mlpPost = maps.operand(step, rows, architecture.intermediateSize(), out -> activate(out, mlpPre));
        Tensor mlp = step.f32(rows, channels);
        layer.mlpOut().forward(ops, mlp, mlpPost);
        ops.add(y, y, mlp);
        return new BlockActivations(
                x, mean1, rstd1, norm1, qkv, attention, attentionOperand, lse, middle, mean2, rstd2, norm2, mlpPre, mlpPost);
    }

    /**
     * Adds to {@code gradient} the gradient of a loss whose gradient by {@link Activations#hidden} is {@code dHidden} (N, C).
     * The head's own gradient is the caller's ({@link #headBackward}).
     */
    public void backward(Activations activations, Tensor dHidden, Weights gradient, Workspace workspace) {
        long rows = dHidden.rows();
        try (var step = workspace.begin()) {
            Tensor dx = step.f32(rows, architecture.hiddenSize()).zero();
            norms.backward(
                    dx, gradient.finalGain(), gradient.finalBias(), dHidden, activations.last, activations.mean, activations.rstd,
                    weights.finalGain());
            for (int i = architecture.layers() - 1; i >= 0; i--) {
                try (var block = workspace.begin()) {
                    blockBackward(weights.layer(i), gradient.layer(i), activations.blocks[i], dx, activations.positions, activations.starts, block);
                }
            }
            ops.embeddingBackward(gradient.embedding(), dx, activations.ids);
        }
    }

    /** dx (N, C): the gradient by the block's output on entry, by its input on return. */
    private void blockBackward(
            Weights.Layer layer, Weights.Layer gradient, BlockActivations a, Tensor dx, Tensor positions, Tensor starts, Workspace.Step step) {
        long rows = dx.rows();
        int channels = architecture.hiddenSize();
        // The residual stream carries dx through unchanged; each branch adds its own part. In parallel form the attention branch must see the
        // gradient by the output, so a copy is kept; in sequential form it sees what the MLP branch has already added to.
        Tensor dAttentionBranch = dx;
        if (architecture.parallelResidual()) {
            dAttentionBranch = step.f32(rows, channels);
            dAttentionBranch.copyFrom(dx);
        }
        Tensor dMlp = step.f32(rows, architecture.intermediateSize());
        maps.backward(step, dMlp, gradient.mlpOut(), dx, layer.mlpOut(), a.mlpPost());
        Tensor dMlpIn = architecture.activation().isGated() ? step.f32(rows, architecture.mlpInWidth()) : dMlp;
        activateBackward(dMlpIn, dMlp, a.mlpPre());
        Tensor dNorm = step.f32(rows, channels);
        maps.backward(step, dNorm, gradient.mlpIn(), dMlpIn, layer.mlpIn(), a.norm2());
        norms.backward(dx, gradient.norm2Gain(), gradient.norm2Bias(), dNorm, a.middle(), a.mean2(), a.rstd2(), layer.norm2Gain());

        Tensor dAttention = step.f32(rows, heads.outputWidth());
        maps.backward(step, dAttention, gradient.attentionOut(), dAttentionBranch, layer.attentionOut(), a.attentionOperand());
        Tensor dQkv = step.f32(rows, heads.rowWidth());
        ops.attentionBackward(dQkv, dAttention, a.attention(), a.lse(), a.qkv(), heads, starts, architecture.attentionScale());
        ops.rotary(dQkv, heads, positions, rotary.table(), true);
        maps.backward(step, dNorm, gradient.qkv(), dQkv, layer.qkv(), a.norm1());
        norms.backward(dx, gradient.norm1Gain(), gradient.norm1Bias(), dNorm, a.input(), a.mean1(), a.rstd1(), layer.norm1Gain());
    }

    /** post (N, I) = the activation of the MLP of pre (N, I or 2I); it may be pre where it is not gated. */
    private void activate(Tensor post, Tensor pre) {
        switch (architecture.activation()) {
            case GELU -> ops.gelu(post, pre, Gelu.EXACT);
            case GELU_TANH -> ops.gelu(post, pre, Gelu.TANH);
            case SWIGLU -> ops.swiGlu(post, pre);
        }
    }

    /** dPre (N, I or 2I) = the gradient by pre; it may be dPost where it is not gated. */
    private void activateBackward(Tensor dPre, Tensor dPost, Tensor pre) {
        switch (architecture.activation()) {
            case GELU -> ops.geluBackward(dPre, dPost, pre, Gelu.EXACT);
            case GELU_TANH -> ops.geluBackward(dPre, dPost, pre, Gelu.TANH);
            case SWIGLU -> ops.swiGluBackward(dPre, dPost, pre);
        }
    }

    /** logits (n, v) = hidden (n, C) of the first v rows of the head. For throughput: not row-invariant. */
    public void logits(Tensor logits, Tensor hidden, Workspace workspace) {
        try (var step = workspace.begin()) {
            ops.linear(logits, maps.operand(step, hidden), weights.head().rows(0, logits.columns()), null);
        }
    }

    /** dHidden (n, C) = dLogits (n, v) by the head, whose gradient's first v rows are added to. */
    public void headBackward(Tensor dHidden, Tensor dLogits, Tensor hidden, Weights gradient, Workspace workspace) {
        try (var step = workspace.begin()) {
            maps.backward(
                    step, dHidden, gradient.head().rows(0, dLogits.columns()), null, dLogits, weights.head().rows(0, dLogits.columns()),
                    maps.operand(step, hidden));
        }
    }

    // ------------------------------------------------------------------------------------------------ decoding

    /**
     * Appends {@code ids} (M) to the cache and returns their last hidden states (M, C), taken from {@code step}.
     * The cache must have room for them.
     */
    public Tensor advance(KvCache cache, int[] ids, Workspace workspace, Workspace.Step step) {
        if (ids.length == 0 || cache.length() + ids.length > cache.capacity()) {
            throw new IllegalArgumentException(
                    "cannot append " + ids.length + " tokens at position " + cache.length() + " of a cache of " + cache.capacity());
        }
        int rows = ids.length;
        int channels = architecture.hiddenSize();
        int first = cache.length();
        rotary.cover(first + rows);
        Tensor hidden = step.f32(rows, channels);
        try (var body = workspace.begin()) {
            int[] at = new int[rows];
            for (int i = 0; i < rows; i++) {
                at[i] = first + i;
            }
            Tensor positions = body.i32(at);
            Tensor x = body.f32(rows, channels);
            Tensor norm = body.f32(rows, channels);
            Tensor branch = body.f32(rows, channels);
            Tensor qkv = body.f32(rows, heads.rowWidth());
            Tensor attention = body.f32(rows, heads.outputWidth());
            Tensor mlpIn = body.f32(rows, architecture.mlpInWidth());
            Tensor mlp = architecture.activation().isGated() ? body.f32(rows, architecture.intermediateSize()) : mlpIn;
            Tensor mean = body.f32(rows);
            Tensor rstd = body.f32(rows);
            ops.embedding(x, weights.embedding(), body.i32(ids));
            for (int i = 0; i < architecture.layers(); i++) {
                Weights.Layer layer = weights.layer(i);
                norms.forward(norm, mean, rstd, x, layer.norm1Gain(), layer.norm1Bias());
                layer.qkv().forwardRows(ops, qkv, norm);
                ops.rotary(qkv, heads, positions, rotary.table(), false);
                ops.cacheAppend(cache.keys(i), cache.values(i), qkv, heads, first);
                ops.attentionDecode(attention, qkv, heads, cache.keys(i), cache.values(i), first, architecture.attentionScale());
                layer.attentionOut().forwardRows(ops, branch, attention);
                if (architecture.parallelResidual()) {
                    norms.forward(norm, mean, rstd, x, layer.norm2Gain(), layer.norm2Bias());
                    ops.add(x, x, branch);
                } else {
                    ops.add(x, x, branch);
                    norms.forward(norm, mean, rstd, x, layer.norm2Gain(), layer.norm2Bias());
                }
                layer.mlpIn().forwardRows(ops, mlpIn, norm);
                activate(mlp, mlpIn);
                layer.mlpOut().forwardRows(ops, branch, mlp);
                ops.add(x, x, branch);
            }
            norms.forward(hidden, mean, rstd, x, weights.finalGain(), weights.finalBias());
        }
        cache.extend(rows);
        return hidden;
    }

    /** logits (n, v) = hidden (n, C) of the first v rows of the head, each row's bits its own. */
    public void logitsRows(Tensor logits, Tensor hidden) {
        ops.linearRows(logits, hidden, weights.head().rows(0, logits.columns()), null);
    }

    /** A cache for this model, its memory from {@code allocator}. */
    public KvCache newCache(int capacity, Workspace.Allocator allocator) {
        return new KvCache(architecture, capacity, allocator);
    }

    /** The type of the matrices: what decoding streams. */
    public DType weightType() {
        return weights.embedding().dtype();
    }
}
