/*
 * The losses between target and draft over the vocabulary, beside the divergences that select; and their gradients by the draft's logits.
 *
 * Forward: a block of 256 threads streams a row's target, draft and reference once (12 bytes an id; 8 with a cached reference). What needs both laws,
 * acceptance, slopes and entropy, takes a second walk over rows that the second-level cache still holds. Backward: a block a kept row, target and draft
 * read once, the gradient written once (12 bytes an id of a kept row).
 */
#include "divergences.cuh"
#include "losses.cuh"
#include "reduce.cuh"

namespace {

/* Four blocks on a multiprocessor: at most 64 registers a thread. Left to itself the compiler takes 48 for some of these, and spills one. */
constexpr int THREADS = 256;
constexpr int BLOCKS = 4;

/*
 * f(j, N values of each of ROWS rows) over the ids j of this thread: four at a time where all rows are aligned for it, then one by one. A thread takes
 * the same ids in each walk over rows of one alignment.
 */
template <bool BY_FOUR, int ROWS, class F>
DEVICE void walk(const float* const (&rows)[ROWS], int64_t v, F f) {
    const int64_t quads = BY_FOUR ? v / 4 : 0;
    for (int64_t q = threadIdx.x; q < quads; q += THREADS) {
        float x[ROWS][4];
        UNROLL
        for (int r = 0; r < ROWS; r++) {
            const float4 four = __ldg(reinterpret_cast<const float4*>(rows[r]) + q);
            x[r][0] = four.x;
            x[r][1] = four.y;
            x[r][2] = four.z;
            x[r][3] = four.w;
        }
        f(4 * q, x);
    }
    for (int64_t j = 4 * quads + threadIdx.x; j < v; j += THREADS) {
        float x[ROWS][1];
        UNROLL
        for (int r = 0; r < ROWS; r++) {
            x[r][0] = rows[r][j];
        }
        f(j, x);
    }
}

/* The arguments of the forward. */
struct Forward {
    float* loss;
    float* mean_slope;
    float* kl_draft;
    float* kl_ref;
    float* gap;
    float* acceptance;
    float* entropy;
    float* target_lse;
    float* draft_lse;
    const float* target;
    int64_t ld_target;
    const float* draft;
    int64_t ld_draft;
    const float* reference;
    int64_t ld_reference;
    int64_t v;

    /* Whether something is asked for that needs both laws. */
    template <class Loss>
    bool needs_laws() const {
        return acceptance != nullptr || entropy != nullptr || (Loss::SLOPE && (loss != nullptr || mean_slope != nullptr));
    }
};

/* The second walk's sums of a thread. */
struct LawSums {
    float acceptance = 0;
    float terms = 0;
    float slopes = 0;
    float entropy = 0;
};

template <class Loss, bool BY_FOUR>
DEVICE LawSums law_sums(const float* t, const float* d, const Softmax& target, const Softmax& draft, int64_t v) {
    const float t_origin = origin_of(target.largest);
    const float d_origin = origin_of(draft.largest);
    const float p_scale = (float)(1 / (double)target.sum);
    const float q_scale = (float)(1 / (double)draft.sum);
    const double d_lse = draft.log_sum_exp();
    const float lse_distance = (float)(d_lse - target.log_sum_exp());
    /* log q = (d - largest) - log of the sum: both near 0 where q is large. */
    const float log_sum = (float)(d_lse - (double)draft.largest);
    LawSums sums;
    const float* const rows[] = {t, d};
    walk<BY_FOUR>(rows, v, [&](int64_t, const auto& x) {
        UNROLL
        for (int i = 0; i < (int)(sizeof(x[0]) / sizeof(float)); i++) {
            const float p = exp_from(x[0][i], t_origin) * p_scale;
            const float q = exp_from(x[1][i], d_origin) * q_scale;
            sums.acceptance += fminf(p, q);
            sums.entropy += q > 0 ? q * (log_sum - (x[1][i] - draft.largest)) : 0.0f;
            if constexpr (Loss::SLOPE) {
                const float slope = Loss::slope(p, q, (x[1][i] - x[0][i]) - lse_distance);
                sums.terms += Loss::term(p, q, slope);
                sums.slopes += q * slope;
            }
        }
    });
    return sums;
}

template <class Loss, bool REFERENCE, bool BY_FOUR>
__global__ void __launch_bounds__(THREADS, BLOCKS) forward_kernel(Forward f, bool laws) {
    typedef Divergences<REFERENCE> Row;
    const int64_t i = blockIdx.x;
    const float* t = f.target + i * f.ld_target;
    const float* d = f.draft + i * f.ld_draft;
    const float* r = REFERENCE ? f.reference + i * f.ld_reference : d;
    const float td_offset = offset_of(t[0], d[0]);
    const float tr_offset = offset_of(t[0], r[0]);
    const float rd_offset = offset_of(r[0], d[0]);
    Row row;
    if constexpr (REFERENCE) {
        const float* const rows[] = {t, d, r};
        walk<BY_FOUR>(rows, f.v, [&](int64_t, const auto& x) { row.add(x[0], x[1], x[2], td_offset, tr_offset, rd_offset); });
    } else {
        const float* const rows[] = {t, d};
        walk<BY_FOUR>(rows, f.v, [&](int64_t, const auto& x) { row.add(x[0], x[1], x[1], td_offset, 0, 0); });
    }
    row = block_merge<THREADS>(row, shared_memory<Row>());
    const bool valid = row.finite();
    /* NaN marks the row in all its outputs. */
    RowSums sums = {valid ? row.kl_draft(td_offset) : (double)NAN, (double)NAN, (double)NAN, Loss::SLOPE ? (double)NAN : 0};
    double entropy = (double)NAN;
    if (laws && valid) {
        const LawSums mine = law_sums<Loss, BY_FOUR>(t, d, row.t, row.d, f.v);
        double* partials = shared_memory<double>();
        sums.acceptance = block_sum<THREADS>((double)mine.acceptance, partials);
        entropy = block_sum<THREADS>((double)mine.entropy, partials);
        if (Loss::SLOPE) {
            sums.terms = block_sum<THREADS>((double)mine.terms, partials);
            sums.mean_slope = block_sum<THREADS>((double)mine.slopes, partials);
        }
    }
    if (threadIdx.x != 0) {
        return;
    }
    f.kl_draft[i] = (float)sums.kl_draft;
    f.target_lse[i] = valid ? (float)row.t.log_sum_exp() : NAN;
    f.draft_lse[i] = valid ? (float)row.d.log_sum_exp() : NAN;
    if (REFERENCE) {
        if (f.kl_ref != nullptr) {
            f.kl_ref[i] = valid ? (float)row.kl_ref(tr_offset) : NAN;
        }
        if (f.gap != nullptr) {
            f.gap[i] = valid ? (float)row.gap(rd_offset) : NAN;
        }
    } else if (f.gap != nullptr && f.kl_ref != nullptr) {
        f.gap[i] = (float)(sums.kl_draft - (double)f.kl_ref[i]);
    }
    if (f.loss != nullptr) {
        f.loss[i] = valid ? (float)Loss::value(sums) : NAN;
    }
    if (f.mean_slope != nullptr) {
        f.mean_slope[i] = valid ? (float)sums.mean_slope : NAN;
    }
    if (f.acceptance != nullptr) {
        f.acceptance[i] = (float)sums.acceptance;
    }
    if (f.entropy != nullptr) {
        f.entropy[i] = (float)entropy;
    }
}

/* The arguments of the backward. */
struct Backward {
    float* dlogits;
    int64_t ld_dlogits;
    const float* target;
    int64_t ld_target;
    const float* draft;
    int64_t ld_draft;
    const float* target_lse;
    const float* draft_lse;
    const float* mean_slope;
    const float* acceptance;
    const int32_t* rows;
    float scale;
    int64_t v;
};

/* A thread reads its ids before it writes them: dlogits may be draft. */
template <class Loss, bool BY_FOUR>
__global__ void __launch_bounds__(THREADS, BLOCKS) backward_kernel(Backward b) {
    const int64_t i = blockIdx.x;
    const int64_t from = b.rows != nullptr ? b.rows[i] : i;
    float* out = b.dlogits + i * b.ld_dlogits;
    const float t_lse = b.target_lse[from];
    const float d_lse = b.draft_lse[from];
    float kl_weight = 1;
    float slope_weight = 0;
    float mean = 0;
    if constexpr (Loss::SLOPE) {
        const float a = b.acceptance != nullptr ? b.acceptance[from] : 0;
        kl_weight = Loss::kl_weight(a);
        slope_weight = Loss::slope_weight(a);
        mean = b.mean_slope[from];
    }
    const float* const rows[] = {b.target + from * b.ld_target, b.draft + from * b.ld_draft};
    walk<BY_FOUR>(rows, b.v, [&](int64_t j, const auto& x) {
        constexpr int N = (int)(sizeof(x[0]) / sizeof(float));
        float gradient[N];
        UNROLL
        for (int l = 0; l < N; l++) {
            const float p = exp2_fast((x[0][l] - t_lse) * LOG2_E);
            const float q = exp2_fast((x[1][l] - d_lse) * LOG2_E);
            if constexpr (Loss::SLOPE) {
                const float slope = Loss::slope(p, q, (x[1][l] - x[0][l]) - (d_lse - t_lse));
                gradient[l] = b.scale * (kl_weight * (q - p) + slope_weight * (q * (slope - mean)));
            } else {
                gradient[l] = b.scale * (q - p);
            }
        }
        if constexpr (N == 4) {
            __stcs(reinterpret_cast<float4*>(out + j), float4{gradient[0], gradient[1], gradient[2], gradient[3]});
        } else {
            out[j] = gradient[0];
        }
    });
}

bool by_four(const float* x, int64_t ld) {
    return x == nullptr || (reinterpret_cast<uintptr_t>(x) % 16 == 0 && ld % 4 == 0);
}

template <class Loss, bool REFERENCE>
int32_t launch_forward(const Forward& f, int64_t n, void* stream) {
    const size_t partials = THREADS / WARP * (sizeof(Divergences<REFERENCE>) > sizeof(double) ? sizeof(Divergences<REFERENCE>) : sizeof(double));
    const Grid grid = {(unsigned)n, THREADS, partials};
    const bool aligned = by_four(f.target, f.ld_target) && by_four(f.draft, f.ld_draft) && by_four(f.reference, f.ld_reference);
    const auto kernel = aligned ? forward_kernel<Loss, REFERENCE, true> : forward_kernel<Loss, REFERENCE, false>;
    return launch("distill_forward", kernel, grid, stream, f, f.template needs_laws<Loss>());
}

}  // namespace

extern "C" int32_t adaspec_distill_forward(
    float* loss, float* mean_slope, float* kl_draft, float* kl_ref, float* gap, float* acceptance, float* entropy, float* target_lse,
    float* draft_lse, const float* target, int64_t ld_target, const float* draft, int64_t ld_draft, const float* reference, int64_t ld_reference,
    int32_t loss_kind, int64_t n, int64_t v, void* stream) {
    REQUIRE(n >= 0 && v >= 1, "distill_forward: logits are (%lld, %lld); at least one column was expected", (long long)n, (long long)v);
    REQUIRE(
        ld_target >= v && ld_draft >= v && (reference == nullptr || ld_reference >= v),
        "distill_forward: row strides %lld, %lld, %lld; one is shorter than a row of %lld", (long long)ld_target, (long long)ld_draft,
        (long long)ld_reference, (long long)v);
    REQUIRE(is_loss(loss_kind), "distill_forward: %d is not a loss", loss_kind);
    const Forward f = {loss, mean_slope, kl_draft, kl_ref, gap, acceptance, entropy, target_lse, draft_lse, target, ld_target, draft, ld_draft,
                       reference, ld_reference, v};
    return with_loss(loss_kind, [&](auto policy) {
        typedef decltype(policy) Loss;
        return reference != nullptr ? launch_forward<Loss, true>(f, n, stream) : launch_forward<Loss, false>(f, n, stream);
    });
}

extern "C" int32_t adaspec_distill_backward(
    float* dlogits, int64_t ld_dlogits, const float* target, int64_t ld_target, const float* draft, int64_t ld_draft, const float* target_lse,
    const float* draft_lse, const float* mean_slope, const float* acceptance, const int32_t* rows, int32_t loss_kind, float scale, int64_t k,
    int64_t v, void* stream) {
    REQUIRE(k >= 0 && v >= 1, "distill_backward: dlogits is (%lld, %lld); at least one column was expected", (long long)k, (long long)v);
    REQUIRE(
        ld_dlogits >= v && ld_target >= v && ld_draft >= v, "distill_backward: row strides %lld, %lld, %lld; one is shorter than a row of %lld",
        (long long)ld_dlogits, (long long)ld_target, (long long)ld_draft, (long long)v);
    REQUIRE(is_loss(loss_kind), "distill_backward: %d is not a loss", loss_kind);
    REQUIRE(loss_kind == ADASPEC_LOSS_KL_DIV || mean_slope != nullptr, "distill_backward: loss %d needs the mean of its slope", loss_kind);
    REQUIRE(
        (loss_kind != ADASPEC_LOSS_NLA && loss_kind != ADASPEC_LOSS_LK_HYBRID) || acceptance != nullptr,
        "distill_backward: loss %d needs the acceptance", loss_kind);
    const Backward b = {dlogits, ld_dlogits, target, ld_target, draft, ld_draft, target_lse, draft_lse, mean_slope, acceptance, rows, scale, v};
    const bool aligned = by_four(dlogits, ld_dlogits) && by_four(target, ld_target) && by_four(draft, ld_draft);
    return with_loss(loss_kind, [&](auto policy) {
        typedef decltype(policy) Loss;
        const auto kernel = aligned ? backward_kernel<Loss, true> : backward_kernel<Loss, false>;
        return launch("distill_backward", kernel, {(unsigned)k, THREADS}, stream, b);
    });
}
