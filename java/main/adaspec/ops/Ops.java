package adaspec.ops;

import adaspec.device.Device;
import adaspec.tensor.Tensor;
import java.util.List;

/**
 * The operations of the engine, one method each: the whole of what a device must be able to do.
 *
 * <p>Letters: N rows (tokens of ragged sequences, one after the other, no padding), C channels, H heads, K key-value heads, D head dimension,
 * V vocabulary, S sequences, P positions a cache can hold. Tensors are f32 unless said otherwise; "any float" means f32, bf16 or f16, widened
 * exactly when read. Accumulation is in f32 or wider. Every method checks types and shapes and throws {@link IllegalArgumentException} with a
 * sentence that names the operation and both shapes.
 *
 * <p>Outputs are overwritten; gradients of parameters and the {@code dx} of norms are <em>added to</em>. Outputs may not overlap inputs unless said.
 * Not-a-number and infinity pass through as IEEE arithmetic has them unless a method says otherwise. For a given device and input the result is
 * the same bits for any number of threads, {@link #linear} and its backward excepted: a GEMM library may split by the number of threads.
 *
 * <p>Instances may be used by one thread at a time.
 */
public interface Ops {

    /** The operations of an open device. */
    static Ops on(Device device) {
        return device.name().equals("cpu") ? new CpuOps(device) : new ReferenceOps();
    }

    /** The device in a word, as {@code --device} names it: {@code cpu} or {@code reference}. */
    String deviceName();

    // ------------------------------------------------------------------------------------------------ embedding

    /** out (N, C) = table[ids]; table (V, C) any float, ids (N) i32 in [0, V). */
    void embedding(Tensor out, Tensor table, Tensor ids);

    /** dTable (V, C) += sum of the rows of dOut (N, C) that have that id, in row order. */
    void embeddingBackward(Tensor dTable, Tensor dOut, Tensor ids);

    // ------------------------------------------------------------------------------------------------ norms

    /** out (N, C) = (x - mean) * rstd * gain + bias by row, rstd = 1 / sqrt(variance + eps), variance over C; mean, rstd (N) are kept for the backward. */
    void layerNorm(Tensor out, Tensor mean, Tensor rstd, Tensor x, Tensor gain, Tensor bias, float eps);

    /** dx (N, C) += the gradient by x; dGain (C) += sum of dOut * xhat; dBias (C) += sum of dOut, rows in order. */
    void layerNormBackward(Tensor dx, Tensor dGain, Tensor dBias, Tensor dOut, Tensor x, Tensor mean, Tensor rstd, Tensor gain);

    /** out (N, C) = x * rstd * gain by row, rstd = 1 / sqrt(mean of x^2 + eps); rstd (N) is kept for the backward (Zhang and Sennrich, 2019). */
    void rmsNorm(Tensor out, Tensor rstd, Tensor x, Tensor gain, float eps);

    /** dx (N, C) += the gradient by x; dGain (C) += sum of dOut * x * rstd, rows in order. */
    void rmsNormBackward(Tensor dx, Tensor dGain, Tensor dOut, Tensor x, Tensor rstd, Tensor gain);

    // ------------------------------------------------------------------------------------------------ linear maps

    /**
     * out (N, O) = x (N, I) weight(O, I)^T + bias(O), bias may be null. For throughput: the order of summation over I is the library's own and may
     * depend on N. Row strides of out, x and weight are respected. x and weight are both f32, or both bf16 (their products are exact in f32), or x is
     * f32 and weight is a narrow type that is widened.
     */
    void linear(Tensor out, Tensor x, Tensor weight, Tensor bias);

    /** dx (N, I) = dOut (N, O) weight(O, I); with {@code accumulate} added to dx. dOut and weight are both f32 or both bf16. */
    void linearBackwardInput(Tensor dx, Tensor dOut, Tensor weight, boolean accumulate);

    /** dWeight (O, I) += dOut(N, O)^T x(N, I); dOut and x are both f32 or both bf16. */
    void linearBackwardWeight(Tensor dWeight, Tensor dOut, Tensor x);

    /** dBias (O) += sum of the rows of dOut (N, O) in order. */
    void biasBackward(Tensor dBias, Tensor dOut);

    /**
     * As {@link #linear}, with weight any float, and a promise: the bits of a row of out depend on that row of x alone, not on N, on its neighbours or
     * on the number of threads. Everything that writes a key-value cache or verifies drafts goes through here.
     */
    void linearRows(Tensor out, Tensor x, Tensor weight, Tensor bias);

    // ------------------------------------------------------------------------------------------------ rotary and attention

    /**
     * Rotates, in place, the first R channels of each query and key head of qkv (N, rowWidth) by the angles of its position (Su et al., RoFormer, 2021;
     * half-split pairs (i, i + R/2) as GPT-NeoX and Llama have them). positions (N) i32; table (P, R): R/2 cosines, then R/2 sines.
     * {@code inverse} rotates back, which is the backward.
     */
    void rotary(Tensor qkv, HeadLayout layout, Tensor positions, Tensor table, boolean inverse);

    /**
     * Causal attention inside each sequence: out (N, H*D) = softmax(scale q k^T) v. qkv (N, rowWidth); starts (S + 1) i32, sequence s has rows
     * starts[s] to starts[s+1]; lse (N, H) is the log-sum-exp of each softmax row, kept for the backward. The bits of a sequence's rows, here and in
     * the backward, do not depend on the other sequences.
     */
    void attention(Tensor out, Tensor lse, Tensor qkv, HeadLayout layout, Tensor starts, float scale);

    /** dQkv (N, rowWidth) = the gradient by qkv (rotated as the forward saw it), given dOut, out and lse of the forward. */
    void attentionBackward(Tensor dQkv, Tensor dOut, Tensor out, Tensor lse, Tensor qkv, HeadLayout layout, Tensor starts, float scale);

    /** Copies the keys and values of qkv (M, rowWidth) into keys and values (K, P, D) at positions {@code position} to {@code position + M}. */
    void cacheAppend(Tensor keys, Tensor values, Tensor qkv, HeadLayout layout, long position);

    /**
     * Attention of M new rows over a cache that already holds their own keys and values: row m, at position {@code position + m}, sees cache rows
     * 0 to {@code position + m}. out (M, H*D), qkv (M, rowWidth), keys, values (K, P, D). A row's bits do not depend on M.
     */
    void attentionDecode(Tensor out, Tensor qkv, HeadLayout layout, Tensor keys, Tensor values, long position, float scale);

    // ------------------------------------------------------------------------------------------------ elementwise and rows

    /** out = gelu(x), any shape; out may be x. */
    void gelu(Tensor out, Tensor x, Gelu kind);

    /** dx = dOut * gelu'(x); dx may be dOut. */
    void geluBackward(Tensor dx, Tensor dOut, Tensor x, Gelu kind);

    /** out (N, C) = silu(gate) * up; a row of x (N, 2C) is C gates, then C ups (Shazeer, 2020); silu(g) = g / (1 + exp(-g)). */
    void swiGlu(Tensor out, Tensor x);

    /** dx (N, 2C) = the gradient by gates and ups, given dOut (N, C) and the forward's x. */
    void swiGluBackward(Tensor dx, Tensor dOut, Tensor x);

    /** out = a + b, any shape; out may be a or b. */
    void add(Tensor out, Tensor a, Tensor b);

    /** out = x in out's type, dense, of one shape and any float types: widened exactly, narrowed to nearest with ties to even. */
    void cast(Tensor out, Tensor x);

    /** out (k, C) = x[rows]; rows (k) i32 in [0, N); x any row stride. */
    void gatherRows(Tensor out, Tensor x, Tensor rows);

    /** x[rows] += d for distinct rows; x (N, C), d (k, C), rows (k) i32. */
    void scatterAddRows(Tensor x, Tensor d, Tensor rows);

    // ------------------------------------------------------------------------------------------------ losses over the vocabulary

    /**
     * Statistics of one streaming pass over the rows of target, draft and reference logits (N, V), each with its own row stride. With p, q, r their softmax:
     * <pre>
     *   statistics.loss = the divergence          statistics.meanSlope = sum q slope, slope_v = d loss / d q_v (0 for KL_DIV)
     *   statistics.klDraft = KL(p || q)           klRef = KL(p || r)
     *   gap = klDraft - klRef, computed directly: sum p (r_logit - q_logit) + lse_q - lse_r
     *   statistics.acceptance = sum_v min(p, q)   statistics.entropy = -sum q log q
     *   statistics.targetLse, draftLse: log-sum-exp of the rows
     * </pre>
     * {@code referenceLogits} may be null: then klRef is read instead of written if given (a cached value; gap = klDraft - klRef), and gap may be null.
     * klRef may be null. A logit of -inf where the other law has weight makes a divergence infinite as {@code adaspec.h} says at each loss, and else
     * contributes nothing; a row that holds NaN or +inf, or only -inf, gives NaN in every output of the row.
     */
    void distillForward(
            Divergence divergence,
            RowStatistics statistics,
            Tensor klRef,
            Tensor gap,
            Tensor targetLogits,
            Tensor draftLogits,
            Tensor referenceLogits);

    /**
     * dLogits (k, V), row i: the gradient of scale * the divergence of logits row rows[i] by the draft's logits. rows (k) i32, or null for all rows in
     * order; {@code statistics} (N) from {@link #distillForward}. With rows null, dLogits may be draftLogits.
     */
    void distillBackward(
            Divergence divergence, Tensor dLogits, Tensor targetLogits, Tensor draftLogits, RowStatistics statistics, Tensor rows, float scale);

    /** As {@link #distillForward(Divergence, RowStatistics, Tensor, Tensor, Tensor, Tensor, Tensor)} for KL(p || q) alone; acceptance may be null. */
    default void distillForward(
            Tensor klDraft,
            Tensor klRef,
            Tensor gap,
            Tensor acceptance,
            Tensor targetLse,
            Tensor draftLse,
            Tensor targetLogits,
            Tensor draftLogits,
            Tensor referenceLogits) {
        var statistics = new RowStatistics(null, null, klDraft, acceptance, null, targetLse, draftLse);
        distillForward(Divergence.KL_DIV, statistics, klRef, gap, targetLogits, draftLogits, referenceLogits);
    }

    /** loss (N) = lse - logits[target]; lse (N) kept for the backward; logits (N, V), targets (N) i32 in [0, V). */
    void crossEntropy(Tensor loss, Tensor lse, Tensor logits, Tensor targets);

    /** dLogits (N, V) = scale * (softmax(logits) - onehot(target)); dLogits may be logits. */
    void crossEntropyBackward(Tensor dLogits, Tensor logits, Tensor lse, Tensor targets, float scale);

    /**
     * The rows of largest gap (n), n &gt;= 1, k in [0, 1], written ascending to keptRows (n) i32; returns how many. Any NaN keeps nothing.
     * QUANTILE: gap &gt;= torch.quantile(gap, 1 - k), rank = f32(f32(1-k) * (n-1)) where 1-k is taken in double before it is rounded (f32(1 - 0.4) is not
     * 1f - 0.4f), two-branch lerp between the neighbours; ties at the threshold are all kept. COUNT: exactly ceil(k n), of ties those with lower index; a
     * product k n that rounding alone takes past a whole number counts as that number.
     */
    int select(Tensor keptRows, Tensor gap, double k, SelectionRule rule);

    // ------------------------------------------------------------------------------------------------ optimiser

    /** The sum of squares of x in double, in an order that depends on the size only. */
    double sumOfSquares(Tensor x);

    /**
     * One step of decoupled weight decay Adam (Loshchilov and Hutter, 2019) exactly as torch.optim.AdamW orders it, on dense vectors of one size:
     * g = grad * gradScale; param *= 1 - lr * weightDecay; m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
     * param -= lr / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + eps). step counts from 1.
     */
    void adamw(
            Tensor param, Tensor grad, Tensor m, Tensor v, float gradScale, float lr, float beta1, float beta2, float eps, float weightDecay, long step);

    // ------------------------------------------------------------------------------------------------ decoding

    /**
     * One token from each row of logits (B, V): by inverse distribution function in id order from the law of {@code draws} (B), with the uniform
     * {@link Philox} number of (position + index, index, purpose). token (B) i32. probability (B), null for none: that of the token in its law, at
     * temperature 0 in softmax(logits). Rows with NaN or +inf, or only -inf, give -1 and NaN.
     *
     * @param index place of the token in its step of speculation; 0 without
     */
    void sample(Tensor token, Tensor probability, Tensor logits, List<Draw> draws, int purpose, int index);

    /**
     * Verification of one draft per sequence, as {@code adaspec_verify} in {@code adaspec.h} defines it.
     *
     * @param accepted     (B) i32, how many drafted tokens stand, from the first
     * @param next         (B) i32, the target's own token after them; -1 where a row that was read is not finite
     * @param targetLogits (rows, at least vocabulary): sequence b's rows, one more than it drafted, begin at firstRows[b]
     * @param firstRows    (B) i32; null: b * (G + 1)
     * @param draftLogits  (B * G, at least vocabulary): row b * G + i is what token i was drafted from; null where one-hot
     * @param draftTokens  (B * G) i32
     * @param draftLengths (B) i32 in [0, G]
     * @param vocabulary   the first columns, which both laws are taken over
     * @param draws        (B); their position is that of draft token 0
     * @param oneHotDraft  q is 1 at the draft token (greedy drafting)
     */
    void verify(
            Tensor accepted,
            Tensor next,
            Tensor targetLogits,
            Tensor firstRows,
            Tensor draftLogits,
            Tensor draftTokens,
            Tensor draftLengths,
            long vocabulary,
            List<Draw> draws,
            Verification verification,
            boolean oneHotDraft);
}
