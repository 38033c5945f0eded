/* Causal attention for training: forward, and the backward that recomputes the weights from the kept log-sum-exp. */
#include "attention.h"
#include "heads.h"
#include "status.h"
#include "threads.h"

static int32_t check_starts(const char* operation, const int32_t* starts, int64_t sequences, int64_t n) {
    REQUIRE(sequences >= 0 && n >= 0, "%s: negative size (%lld sequences, %lld rows)", operation, (long long)sequences, (long long)n);
    REQUIRE(starts[0] == 0 && starts[sequences] == n, "%s: sequences lie in rows %d to %d; 0 to %lld was expected", operation, starts[0],
            starts[sequences], (long long)n);
    for (int64_t s = 0; s < sequences; s++) {
        REQUIRE(starts[s] <= starts[s + 1], "%s: sequence %lld starts at row %d and ends at %d", operation, (long long)s, starts[s], starts[s + 1]);
    }
    return ADASPEC_OK;
}

ADASPEC_OPERATION(attention_forward)(
    float* out, float* lse, const float* qkv, const adaspec_head_layout* layout, const int32_t* starts, int64_t sequences, float scale, int64_t n,
    void*) {
    int32_t status = check_layout("attention_forward", layout);
    status = status == ADASPEC_OK ? check_starts("attention_forward", starts, sequences, n) : status;
    if (status != ADASPEC_OK) {
        return status;
    }
    const adaspec_head_layout l = *layout;
    const int64_t width = l.row_width;
    const int64_t out_width = (int64_t)l.query_heads * l.head_dim;
    const int64_t group = l.query_heads / l.kv_heads;
    const int64_t length = sequences > 0 ? n / sequences : 0;
#pragma omp parallel for collapse(2) schedule(dynamic, 1) num_threads(threads_for(work_of(n * out_width * length, n * width)))
    for (int64_t s = 0; s < sequences; s++) {
        for (int64_t h = 0; h < l.query_heads; h++) {
            const int64_t first = starts[s];
            const int64_t last = starts[s + 1];
            const float* keys = qkv + first * width + key_at(l, h / group);
            const float* values = qkv + first * width + value_at(l, h / group);
            for (int64_t i = first; i < last; i += QUERIES) {
                attend<MANY_ROWS>(
                    out + i * out_width + h * l.head_dim, out_width, lse + i * l.query_heads + h, l.query_heads, qkv + i * width + query_at(l, h),
                    width, keys, width, values, width, last - i < QUERIES ? last - i : QUERIES, i - first + 1, l.head_dim, scale);
            }
        }
    }
    return ADASPEC_OK;
}

namespace {

/* One query head of one sequence, rows of length `width` apart; the pointers are at the sequence's first row and the head's first channel. */
struct HeadGradient {
    float* dq;
    float* dk;
    float* dv;
    const float* q;
    const float* k;
    const float* v;
    const float* dout;
    const float* out;
    const float* lse;
    int64_t width;
    int64_t out_width;
    int64_t heads;
    int64_t dim;
    float scale;
};

}  // namespace

/*
 * With P the weights and dP = dout v^T: dS = P (dP - rowsum(dout * out)) scale; dq += dS k, dk += dS^T q, dv += P^T dout. Queries `first` to
 * `first + rows` against all the keys they see.
 */
static void backward_block(const HeadGradient& g, int64_t first, int64_t rows) {
    float weights[QUERIES * KEYS] __attribute__((aligned(64)));
    float slopes[QUERIES * KEYS] __attribute__((aligned(64)));
    float correction[QUERIES];
    const float* dout = g.dout + first * g.out_width;
    const float* out = g.out + first * g.out_width;
    for (int64_t r = 0; r < rows; r++) {
        vf sums = {};
        for (int64_t j = 0; j < g.dim; j += VL) {
            const int64_t count = g.dim - j < VL ? g.dim - j : VL;
            sums += load_count(dout + r * g.out_width + j, count) * load_count(out + r * g.out_width + j, count);
        }
        correction[r] = sum(sums);
    }
    for (int64_t key = 0; key < first + rows; key += KEYS) {
        const int64_t keys = first + rows - key < KEYS ? first + rows - key : KEYS;
        score_block(weights, g.q + first * g.width, g.width, g.k + key * g.width, g.width, rows, keys, g.dim);
        score_block(slopes, dout, g.out_width, g.v + key * g.width, g.width, rows, keys, g.dim);
        for (int64_t r = 0; r < rows; r++) {
            int64_t seen = first + r + 1 - key;
            seen = seen < 0 ? 0 : seen > keys ? keys : seen;
            const float lse = g.lse[(first + r) * g.heads];
            float* weight = weights + r * KEYS;
            float* slope = slopes + r * KEYS;
            for (int64_t j = 0; j < seen; j += VL) {
                const int64_t count = seen - j < VL ? seen - j : VL;
                const vf p = exp(load_count(weight + j, count) * g.scale - lse);
                store(weight + j, p);
                store(slope + j, p * (load_count(slope + j, count) - correction[r]) * g.scale);
            }
            for (int64_t j = seen; j < keys; j++) {
                weight[j] = 0;
                slope[j] = 0;
            }
        }
        accumulate(g.dq + first * g.width, g.width, slopes, KEYS, 1, g.k + key * g.width, g.width, rows, keys, g.dim);
        accumulate(g.dk + key * g.width, g.width, slopes, 1, KEYS, g.q + first * g.width, g.width, keys, rows, g.dim);
        accumulate(g.dv + key * g.width, g.width, weights, 1, KEYS, dout, g.out_width, keys, rows, g.dim);
    }
}

ADASPEC_OPERATION(attention_backward)(
    float* dqkv, const float* dout, const float* out, const float* lse, const float* qkv, const adaspec_head_layout* layout, const int32_t* starts,
    int64_t sequences, float scale, int64_t n, void*) {
    int32_t status = check_layout("attention_backward", layout);
    status = status == ADASPEC_OK ? check_starts("attention_backward", starts, sequences, n) : status;
    if (status != ADASPEC_OK) {
        return status;
    }
    const adaspec_head_layout l = *layout;
    const int64_t width = l.row_width;
    const int64_t out_width = (int64_t)l.query_heads * l.head_dim;
    const int64_t group = l.query_heads / l.kv_heads;
    const int64_t length = sequences > 0 ? n / sequences : 0;
    memset(dqkv, 0, n * width * sizeof(float));
    /* Query heads that share a key head add to the same gradient: one thread takes them all, in order. */
#pragma omp parallel for collapse(2) schedule(dynamic, 1) num_threads(threads_for(work_of(n * out_width * length, n * width)))
    for (int64_t s = 0; s < sequences; s++) {
        for (int64_t g = 0; g < l.kv_heads; g++) {
            const int64_t row = starts[s];
            const int64_t rows = starts[s + 1] - row;
            for (int64_t h = g * group; h < (g + 1) * group; h++) {
                HeadGradient head;
                head.dq = dqkv + row * width + query_at(l, h);
                head.dk = dqkv + row * width + key_at(l, g);
                head.dv = dqkv + row * width + value_at(l, g);
                head.q = qkv + row * width + query_at(l, h);
                head.k = qkv + row * width + key_at(l, g);
                head.v = qkv + row * width + value_at(l, g);
                head.dout = dout + row * out_width + h * l.head_dim;
                head.out = out + row * out_width + h * l.head_dim;
                head.lse = lse + row * l.query_heads + h;
                head.width = width;
                head.out_width = out_width;
                head.heads = l.query_heads;
                head.dim = l.head_dim;
                head.scale = scale;
                for (int64_t i = 0; i < rows; i += QUERIES) {
                    backward_block(head, i, rows - i < QUERIES ? rows - i : QUERIES);
                }
            }
        }
    }
    return ADASPEC_OK;
}
