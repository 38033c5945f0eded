/*
 * The C ABI of the AdaSPEC engine: the only door to its native code. Plain C11. cuda/examples calls it from C and from PyTorch.
 *
 * Two libraries implement it: libadaspec_cpu.so (a processor) and libadaspec_cuda.so (an NVIDIA GPU). Names, arguments and results are the same;
 * pointers are host memory for the first and device memory for the second (but `layout`, which the call itself reads: host memory).
 *
 * Every function returns 0 on success, else a status; adaspec_last_error() then has a sentence for the calling thread. Nothing allocates behind the
 * caller's back, nothing throws across this line. `stream` is a cudaStream_t, NULL for the default stream; the processor ignores it and returns when
 * the work is done.
 *
 * Letters: n rows (tokens of ragged sequences one after the other, no padding), c channels, v vocabulary. Matrices are row-major; ld_x is the number
 * of elements from one row of x to the next. Float pointers are f32; `void*` with a `_type` is f32, bf16 or f16 and is widened exactly when read.
 * Accumulation is f32 or wider. A result is the same bits for any number of threads; a row's result never depends on the other rows.
 * Outputs are overwritten; "+=" marks those that are added to. Outputs may not overlap inputs unless said. NaN and infinities follow IEEE arithmetic
 * unless said.
 */
#ifndef ADASPEC_H
#define ADASPEC_H

#include <stdint.h>

#if defined(__GNUC__)
#define ADASPEC_API __attribute__((visibility("default")))
#else
#define ADASPEC_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Status codes. */
#define ADASPEC_OK 0
#define ADASPEC_INVALID_ARGUMENT 1
#define ADASPEC_DEVICE_ERROR 2

/* Element types, as in `_type` arguments. */
#define ADASPEC_F32 0
#define ADASPEC_BF16 1
#define ADASPEC_F16 2

/* ---------------------------------------------------------------------------------------------------------------- the library */

/* The sentence of the calling thread's last failure; "" if there was none. Valid until the thread's next call. */
ADASPEC_API const char* adaspec_last_error(void);

/* What runs: "cpu avx512", "cpu avx2", "cpu baseline", "cuda sm_90", ... */
ADASPEC_API const char* adaspec_backend(void);

/* Threads that operations called from any thread may use (processor only; the GPU ignores it). Results do not depend on it. threads >= 1. */
ADASPEC_API int32_t adaspec_set_threads(int32_t threads);

/* ---------------------------------------------------------------------------------------------------------------- embedding */

/* out (n, c) = table[ids]; table (v, c) of table_type; ids (n) in [0, v), else ADASPEC_INVALID_ARGUMENT (processor) or undefined (GPU). */
ADASPEC_API int32_t adaspec_embedding_forward(
    float* out, const void* table, int32_t table_type, const int32_t* ids, int64_t n, int64_t c, int64_t v, void* stream);

/* dtable (v, c) += the rows of dout (n, c) with that id, in row order. */
ADASPEC_API int32_t adaspec_embedding_backward(
    float* dtable, const float* dout, const int32_t* ids, int64_t n, int64_t c, int64_t v, void* stream);

/* ---------------------------------------------------------------------------------------------------------------- norms */

/* out (n, c) = (x - mean) * rstd * gain + bias, rstd = 1 / sqrt(var + eps); mean (n) and rstd (n) are kept for the backward. */
ADASPEC_API int32_t adaspec_layernorm_forward(
    float* out, float* mean, float* rstd, const float* x, const float* gain, const float* bias, float eps, int64_t n, int64_t c, void* stream);

/* dx (n, c) +=, dgain (c) +=, dbias (c) +=; rows are summed in an order that depends on n and c only. */
ADASPEC_API int32_t adaspec_layernorm_backward(
    float* dx, float* dgain, float* dbias, const float* dout, const float* x, const float* mean, const float* rstd, const float* gain,
    int64_t n, int64_t c, void* stream);

/*
 * sum (n, c) = x + residual, and out, mean, rstd = layer norm of sum: the bits of adaspec_add and adaspec_layernorm_forward, x and residual read once. sum may
 * be x or residual. The gradient by x and by residual is that by sum: adaspec_layernorm_backward of sum, which adds to the gradient that sum has from where
 * else it goes.
 */
ADASPEC_API int32_t adaspec_add_layernorm_forward(
    float* out, float* sum, float* mean, float* rstd, const float* x, const float* residual, const float* gain, const float* bias, float eps,
    int64_t n, int64_t c, void* stream);

/* out (n, c) = x * rstd * gain, rstd = 1 / sqrt(mean of x^2 + eps); rstd (n) is kept for the backward. */
ADASPEC_API int32_t adaspec_rmsnorm_forward(
    float* out, float* rstd, const float* x, const float* gain, float eps, int64_t n, int64_t c, void* stream);

/* dx (n, c) +=, dgain (c) +=; rows are summed in an order that depends on n and c only. */
ADASPEC_API int32_t adaspec_rmsnorm_backward(
    float* dx, float* dgain, const float* dout, const float* x, const float* rstd, const float* gain, int64_t n, int64_t c, void* stream);

/* sum (n, c) = x + residual, and out, rstd = root mean square norm of sum: as adaspec_add_layernorm_forward. */
ADASPEC_API int32_t adaspec_add_rmsnorm_forward(
    float* out, float* sum, float* rstd, const float* x, const float* residual, const float* gain, float eps, int64_t n, int64_t c, void* stream);

/* ---------------------------------------------------------------------------------------------------------------- linear, row by row */

/*
 * out (m, n) = x (m, k) weight(n, k)^T + bias (n), bias may be NULL; weight of weight_type. The order of summation over k depends on k alone: the
 * bits of a row of out depend on that row of x only, for any m and any number of threads. On a GPU products with bf16 and f16 weights are summed by matrix
 * units, exact products in f32 that are cut rather than rounded, 256 columns at a time; of an |x| below 2^-110 what is below 2^-133 is lost.
 */
ADASPEC_API int32_t adaspec_linear_rows(
    float* out, int64_t ld_out, const float* x, int64_t ld_x, const void* weight, int32_t weight_type, int64_t ld_weight, const float* bias,
    int64_t m, int64_t n, int64_t k, void* stream);

/* out (n, c) += bias (c) by row. */
ADASPEC_API int32_t adaspec_bias_add(float* out, int64_t ld_out, const float* bias, int64_t n, int64_t c, void* stream);

/* sum (c) += the rows of x (n, c), in an order that depends on n and c only. */
ADASPEC_API int32_t adaspec_column_sum(float* sum, const float* x, int64_t ld_x, int64_t n, int64_t c, void* stream);

/* ---------------------------------------------------------------------------------------------------------------- rotary and attention */

/*
 * Where heads lie in a row of qkv, in elements: query head h at query_offset + h * query_head_stride, key head g at key_offset + g * kv_head_stride,
 * value head g at value_offset + g * kv_head_stride; each is head_dim long. Query head h reads key head h * kv_heads / query_heads.
 */
typedef struct adaspec_head_layout {
    int32_t query_heads;
    int32_t kv_heads;
    int32_t head_dim;
    int32_t query_offset;
    int32_t key_offset;
    int32_t value_offset;
    int32_t query_head_stride;
    int32_t kv_head_stride;
    int32_t row_width;
} adaspec_head_layout;

/*
 * In place: rotates the first `rotary` channels of each query and key head of qkv (n, row_width) by table row positions[row]: rotary/2 cosines, then
 * rotary/2 sines. table (p, rotary). Pair i is (i, i + rotary/2) as GPT-NeoX and Hugging Face's Llama have it, where interleaved != 0 (2i, 2i + 1) as
 * RoFormer and GPT-J do. inverse != 0 rotates back (the backward).
 */
ADASPEC_API int32_t adaspec_rotary(
    float* qkv, const adaspec_head_layout* layout, const int32_t* positions, const float* table, int64_t table_rows, int32_t rotary,
    int32_t interleaved, int32_t inverse, int64_t n, void* stream);

/*
 * Causal attention inside each sequence s of rows starts[s] .. starts[s+1]: out (n, query_heads * head_dim) = softmax(scale q k^T) v;
 * lse (n, query_heads) is the log-sum-exp of each row of scores. starts (sequences + 1), starts[0] = 0, starts[sequences] = n.
 */
ADASPEC_API int32_t adaspec_attention_forward(
    float* out, float* lse, const float* qkv, const adaspec_head_layout* layout, const int32_t* starts, int64_t sequences, float scale,
    int64_t n, void* stream);

/* dqkv (n, row_width) = the gradient by qkv as the forward saw it (rotated). */
ADASPEC_API int32_t adaspec_attention_backward(
    float* dqkv, const float* dout, const float* out, const float* lse, const float* qkv, const adaspec_head_layout* layout, const int32_t* starts,
    int64_t sequences, float scale, int64_t n, void* stream);

/* Copies keys and values of qkv (m, row_width) to keys, values (kv_heads, capacity, head_dim) at positions position .. position + m. */
ADASPEC_API int32_t adaspec_cache_append(
    float* keys, float* values, const float* qkv, const adaspec_head_layout* layout, int64_t position, int64_t capacity, int64_t m, void* stream);

/* Row r of m attends to cache positions 0 .. position + r (its own key is already there). A row's bits do not depend on m. */
ADASPEC_API int32_t adaspec_attention_decode(
    float* out, const float* qkv, const adaspec_head_layout* layout, const float* keys, const float* values, int64_t position, int64_t capacity,
    float scale, int64_t m, void* stream);

/*
 * The same for sequences of different lengths at once. Sequence s has rows starts[s] .. starts[s+1] of qkv, the first of them at positions[s], and the
 * cache keys + slots[s] * slot_stride, values + slots[s] * slot_stride, each (kv_heads, capacity, head_dim); slots NULL: slot s. A sequence may have no rows;
 * two with rows may not have one slot. starts (sequences + 1), starts[0] = 0, starts[sequences] = m; positions (sequences); slots (sequences). What does
 * not fit its cache: ADASPEC_INVALID_ARGUMENT (processor) or undefined (GPU). Bits are those of the operations above on one sequence alone.
 */
ADASPEC_API int32_t adaspec_cache_append_batch(
    float* keys, float* values, const float* qkv, const adaspec_head_layout* layout, const int32_t* starts, const int32_t* positions,
    const int32_t* slots, int64_t sequences, int64_t slot_stride, int64_t capacity, int64_t m, void* stream);

ADASPEC_API int32_t adaspec_attention_decode_batch(
    float* out, const float* qkv, const adaspec_head_layout* layout, const float* keys, const float* values, const int32_t* starts,
    const int32_t* positions, const int32_t* slots, int64_t sequences, int64_t slot_stride, int64_t capacity, float scale, int64_t m, void* stream);

/* ---------------------------------------------------------------------------------------------------------------- elementwise and rows */

/* out = gelu(x) over n elements; tanh_form != 0: the tanh approximation, else the error function. out may be x. */
ADASPEC_API int32_t adaspec_gelu_forward(float* out, const float* x, int32_t tanh_form, int64_t n, void* stream);

/* dx = dout * gelu'(x), at an infinite x by the limit of the slope, 0 or 1; dx may be dout. */
ADASPEC_API int32_t adaspec_gelu_backward(float* dx, const float* dout, const float* x, int32_t tanh_form, int64_t n, void* stream);

/* out (n, c) = silu(gate) * up, where a row of x (n, 2c) is c gates, then c ups; silu(g) = g / (1 + exp(-g)). */
ADASPEC_API int32_t adaspec_swiglu_forward(float* out, const float* x, int64_t n, int64_t c, void* stream);

/* dx (n, 2c) = the gradient by gates and ups, given dout (n, c) and the forward's x. */
ADASPEC_API int32_t adaspec_swiglu_backward(float* dx, const float* dout, const float* x, int64_t n, int64_t c, void* stream);

/* out = a + b over n elements; out may be a or b. */
ADASPEC_API int32_t adaspec_add(float* out, const float* a, const float* b, int64_t n, void* stream);

/*
 * out (n) of out_type = x (n) of x_type: widened exactly, narrowed to nearest, ties to even; to f16 numbers beyond 65519 become infinite. NaN stays NaN.
 */
ADASPEC_API int32_t adaspec_cast(void* out, int32_t out_type, const void* x, int32_t x_type, int64_t n, void* stream);

/* out (k, c) = x[rows], rows (k). */
ADASPEC_API int32_t adaspec_gather_rows(float* out, const float* x, int64_t ld_x, const int32_t* rows, int64_t k, int64_t c, void* stream);

/* x[rows] (.., c) += d (k, c) for distinct rows. */
ADASPEC_API int32_t adaspec_scatter_add_rows(float* x, int64_t ld_x, const float* d, const int32_t* rows, int64_t k, int64_t c, void* stream);

/* ---------------------------------------------------------------------------------------------------------------- losses over the vocabulary */

/*
 * Losses between the target's law p and the draft's law q of a row, and slope_v = d loss / d q_v, from which follows the gradient by the draft's
 * logits, q_v (slope_v - sum q slope):
 *   KL_DIV     KL(p||q)                                     gradient q - p
 *   RKL        KL(q||p)                                     slope log(q/p)
 *   JSD        (KL(p||m) + KL(q||m)) / 2, m = (p + q) / 2   slope log(q/m) / 2
 *   TV         sum |p - q| / 2                              slope sign(q - p) / 2
 *   NLA        -log a, a = sum min(p, q), at least 1e-5     slope of TV / a: where a is below 1e-5 the gradient goes on
 *   LK_HYBRID  l KL_DIV + (1 - l) TV, l = exp(-3 a)         l is a constant in the gradient
 * A row with NaN or +inf, or only -inf, in any of its logits gives NaN throughout. Logits of -inf:
 *   a target's where q = 0 adds nothing to any loss; where q > 0, RKL is +inf and its gradient not finite, the others are finite;
 *   a draft's where p = 0 adds nothing; where p > 0, KL_DIV and LK_HYBRID are +inf with a finite gradient, the others are finite.
 */
#define ADASPEC_LOSS_KL_DIV 0
#define ADASPEC_LOSS_RKL 1
#define ADASPEC_LOSS_JSD 2
#define ADASPEC_LOSS_TV 3
#define ADASPEC_LOSS_NLA 4
#define ADASPEC_LOSS_LK_HYBRID 5

/*
 * One streaming pass over target, draft and reference logits (n, v) of logits_type; p, q, r are their softmax. The three may be padded to different
 * widths, each with its own row stride: v is their common vocabulary, and nothing beyond it is looked at. Per row:
 *   loss of loss_kind, mean_slope = sum q slope (TV's for NLA and LK_HYBRID, 0 for KL_DIV), kl_draft = KL(p||q), kl_ref = KL(p||r),
 *   gap = kl_draft - kl_ref computed directly (sum p (r - q) + lse_q - lse_r in logits, no difference of two sums),
 *   acceptance = sum_v min(p, q), entropy = -sum q log q, target_lse, draft_lse = log-sum-exp.
 * reference may be NULL: then kl_ref, if not NULL, is read (a cached value) and gap = kl_draft - kl_ref. loss, mean_slope, kl_ref, gap, acceptance
 * and entropy may be NULL. A reference logit of -inf where p > 0 gives kl_ref = +inf; a row with NaN or +inf, or only -inf, gives NaN in every output
 * of the row: NaN in kl_draft is the flag of a row that is not finite.
 */
ADASPEC_API int32_t adaspec_distill_forward(
    float* loss, float* mean_slope, float* kl_draft, float* kl_ref, float* gap, float* acceptance, float* entropy, float* target_lse,
    float* draft_lse, const void* target, int64_t ld_target, const void* draft, int64_t ld_draft, const void* reference, int64_t ld_reference,
    int32_t logits_type, int32_t loss_kind, int64_t n, int64_t v, void* stream);

/*
 * dlogits (k, v) of logits_type, as are target and draft; row i = scale * the gradient of the loss of row rows[i] (rows NULL: row i) by the draft's
 * logits, from the forward's statistics (n), rounded once, to nearest even. v as in the forward: dlogits beyond v are not written. mean_slope is not
 * read, and may be NULL, for KL_DIV; acceptance is read for NLA and LK_HYBRID only. With rows NULL dlogits may be draft (pointer and stride).
 */
ADASPEC_API int32_t adaspec_distill_backward(
    void* dlogits, int64_t ld_dlogits, const void* target, int64_t ld_target, const void* draft, int64_t ld_draft, int32_t logits_type,
    const float* target_lse, const float* draft_lse, const float* mean_slope, const float* acceptance, const int32_t* rows, int32_t loss_kind,
    float scale, int64_t k, int64_t v, void* stream);

/*
 * The forward without a reference, then the backward of all rows, in one step: dlogits (n, v) of logits_type = scale * the gradient of each row's loss by
 * the draft's logits, and per row what the forward says of loss, kl_draft, acceptance, target_lse and draft_lse, each of which may be NULL. dlogits may
 * be draft (pointer and stride). A row that is not finite has NaN in them and in its gradient. Where a row fits into the caches or, on a GPU with
 * clusters, on chip, logits are read once. On a processor every number has the bits of a forward and a backward.
 */
ADASPEC_API int32_t adaspec_distill_forward_backward(
    void* dlogits, int64_t ld_dlogits, float* loss, float* kl_draft, float* acceptance, float* target_lse, float* draft_lse, const void* target,
    int64_t ld_target, const void* draft, int64_t ld_draft, int32_t logits_type, int32_t loss_kind, float scale, int64_t n, int64_t v, void* stream);

/* loss (n) = lse - logits[targets]; lse (n) is kept for the backward. */
ADASPEC_API int32_t adaspec_cross_entropy_forward(
    float* loss, float* lse, const float* logits, int64_t ld_logits, const int32_t* targets, int64_t n, int64_t v, void* stream);

/* dlogits (n, v) = scale * (softmax(logits) - onehot(targets)); dlogits may be logits. */
ADASPEC_API int32_t adaspec_cross_entropy_backward(
    float* dlogits, int64_t ld_dlogits, const float* logits, int64_t ld_logits, const float* lse, const int32_t* targets, float scale, int64_t n,
    int64_t v, void* stream);

/* Which rows are kept. */
#define ADASPEC_SELECT_QUANTILE 0
#define ADASPEC_SELECT_COUNT 1

/*
 * The rows of largest gap (n >= 1), k in [0, 1]. kept_rows (n) receives them ascending, *kept their number; any NaN keeps nothing. scratch: n floats.
 * ADASPEC_SELECT_QUANTILE: the rows with gap >= torch.quantile(gap, 1 - k): rank = f32(f32(1-k) * (n-1)) with 1-k in double first, torch's two-branch
 * lerp between the neighbours in f32, each branch one fused multiply-add; ties are all kept.
 * ADASPEC_SELECT_COUNT: exactly ceil(k n) rows, of ties those with lower index; a product that rounding alone takes past a whole number counts as that
 * number. -0 and +0 are ties.
 */
ADASPEC_API int32_t adaspec_select(
    int32_t* kept_rows, int32_t* kept, const float* gap, double k, int32_t rule, float* scratch, int64_t n, void* stream);

/* ---------------------------------------------------------------------------------------------------------------- optimiser */

/* *sum = the sum of squares of x (n) in double, in an order that depends on n only. */
ADASPEC_API int32_t adaspec_sum_of_squares(double* sum, const float* x, int64_t n, void* stream);

/*
 * torch.optim.AdamW over n parameters, step >= 1: g = grad * grad_scale; param *= 1 - lr * weight_decay; m = beta1 m + (1-beta1) g;
 * v = beta2 v + (1-beta2) g^2; param -= lr / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + eps).
 */
ADASPEC_API int32_t adaspec_adamw(
    float* param, const float* grad, float* m, float* v, float grad_scale, float lr, float beta1, float beta2, float eps, float weight_decay,
    int64_t step, int64_t n, void* stream);

/* ---------------------------------------------------------------------------------------------------------------- decoding */

/*
 * How the tokens of one sequence are drawn. Its law is that of a row of logits x under temperature, top-k and top-p, in that order (as Hugging Face
 * warps): softmax(x / temperature) over the ids kept, 0 elsewhere. top_k >= 1 keeps x >= the k-th largest value; top_p < 1 then keeps x >= the
 * largest value t with P(x >= t) >= top_p, P being the law that top-k left. Ties with the k-th or with the boundary value are all kept, so that the
 * law depends on values alone and not on the order of ids. temperature 0 is greedy: the argmax, lowest id on ties.
 *
 * Random numbers are Philox4x32-10 with key (seed low, seed high) and counter (position + i low, high, sequence, purpose + 256 i); the uniform number
 * is ((word0 << 32 | word1) >> 11) * 2^-53. i counts the tokens drafted in one step of speculation, which starts at `position`. It enters the counter
 * twice because block verification learns something about the numbers of tokens that it does not accept: the next step, which starts elsewhere,
 * must draw other ones at the same positions.
 */
typedef struct adaspec_draw {
    uint64_t seed;
    int64_t position;   /* of the first token of the step */
    int32_t sequence;
    float temperature;  /* 0, or positive and finite */
    int32_t top_k;      /* 0: off */
    float top_p;        /* in (0, 1]; 1: off */
} adaspec_draw;

#define ADASPEC_PURPOSE_DRAFT 0
#define ADASPEC_PURPOSE_ACCEPT 1
#define ADASPEC_PURPOSE_NEXT 2

/*
 * token (b) from each row of logits (b, v) of logits_type: by inverse distribution function in id order from the law of draws[b], with the number of
 * (position + index, index, purpose). probability (b), may be NULL: that of the token in its law, at temperature 0 in softmax(logits). A row with NaN
 * or +inf, or only -inf, gives token -1 and probability NaN. draws (b) out of range: ADASPEC_INVALID_ARGUMENT (processor) or undefined (GPU).
 */
ADASPEC_API int32_t adaspec_sample(
    int32_t* token, float* probability, const void* logits, int32_t logits_type, int64_t ld_logits, const adaspec_draw* draws, int32_t purpose,
    int32_t index, int64_t b, int64_t v, void* stream);

/* How much of a draft stands. Both leave the law of what is emitted the target's; block verification accepts at least as many tokens on average. */
#define ADASPEC_VERIFY_TOKEN 0
#define ADASPEC_VERIFY_BLOCK 1

/*
 * Verification of one draft a sequence. Sequence s drafted draft_lengths[s] in [0, g] tokens draft_tokens[s * g + i], token i from the law Q_i of row
 * s * g + i of draft; the target's law P_i at its position is row first_rows[s] + i of target (first_rows NULL: s * (g+1)), and one row follows the
 * last token's. target and draft are of logits_type. All laws are those of draws[s]; u_i is the number of (position + i, i, ACCEPT).
 * accepted (b) is how many tokens stand, next (b) the token that follows them; accepted_at (g), may be NULL, += at i the number of sequences whose
 * first i + 1 draft tokens stand.
 *
 * ADASPEC_VERIFY_TOKEN (Leviathan et al. 2023): token i is accepted while u_i Q_i(x_i) < P_i(x_i); next comes from norm(max(P - Q, 0)) of the first
 * rejected token.
 * ADASPEC_VERIFY_BLOCK (Sun et al. 2025): p_0 = 1, p_i = min(p_(i-1) P_(i-1)(x_(i-1)) / Q_(i-1)(x_(i-1)), 1); S_i = sum max(p_i P_i - Q_i, 0);
 * h_i = S_i / (S_i + 1 - p_i), at the end p_i, and 1 where p_i is 1; accepted is the largest i with u_(i-1) < h_i, or 0; next comes from
 * norm(max(p_i P_i - Q_i, 0)) at i = accepted.
 * Both: after a full acceptance, and where that sum is 0, next comes from P; its number is that of (position + accepted, 0, NEXT).
 *
 * temperature 0: a token is accepted while it is the target's argmax, next is the argmax. one_hot_draft != 0: Q is 1 at the draft token; draft may
 * then be NULL. The draft may end anywhere, as long as whether it goes on after token i depends on tokens up to i alone. A row that is read and is
 * not finite (as in adaspec_sample) gives next = -1 and accepted = the number of rows before it; token verification reads to the first rejection,
 * block verification all rows but the last, and the last after a full acceptance.
 */
ADASPEC_API int32_t adaspec_verify(
    int32_t* accepted, int32_t* next, int32_t* accepted_at, const void* target, int32_t logits_type, int64_t ld_target, const int32_t* first_rows,
    const void* draft, int64_t ld_draft, const int32_t* draft_tokens, const int32_t* draft_lengths, const adaspec_draw* draws, int32_t verification,
    int32_t one_hot_draft, int64_t b, int64_t g, int64_t v, void* stream);

#ifdef __cplusplus
}
#endif

#endif /* ADASPEC_H */
