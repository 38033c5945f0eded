/* What the kernels of distill.cu and distill_resident.cu share: the forward's arguments, what a row's ids add to its sums and its gradient, and its outputs. */
#pragma once

#include "divergences.cuh"
#include "logits.cuh"
#include "losses.cuh"
#include "reduce.cuh"

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
    const void* target;
    int64_t ld_target;
    const void* draft;
    int64_t ld_draft;
    const void* reference;
    int64_t ld_reference;
    int32_t v;

    /* Whether something is asked for that needs both laws, and so another walk over the row. */
    bool needs_laws(int32_t loss_kind) const {
        return acceptance != nullptr || entropy != nullptr || (loss_kind != ADASPEC_LOSS_KL_DIV && (loss != nullptr || mean_slope != nullptr));
    }
};

/* Row i of x. */
template <class Type>
DEVICE const typename Type::element* row_of(const void* x, int64_t ld, int64_t i) {
    return static_cast<const typename Type::element*>(x) + i * ld;
}

/* A thread's sums of the second walk. */
struct LawSums {
    float acceptance = 0;
    float terms = 0;
    float slopes = 0;
    float entropy = 0;
};

/* Both laws of a row whose statistics are known. */
struct Laws {
    float t_origin;
    float d_origin;
    float p_scale;
    float q_scale;
    float lse_distance;
    float d_largest;
    float log_sum; /* log q = (d - largest) - log of the sum: both near 0 where q is large */

    static DEVICE Laws of(const Softmax& target, const Softmax& draft) {
        const double d_lse = draft.log_sum_exp();
        return {origin_of(target.largest), origin_of(draft.largest), (float)(1 / (double)target.sum), (float)(1 / (double)draft.sum),
                (float)(d_lse - target.log_sum_exp()), draft.largest, (float)(d_lse - (double)draft.largest)};
    }

    template <class Loss, int N>
    DEVICE void add(LawSums& sums, const float (&t)[N], const float (&d)[N]) const {
        UNROLL
        for (int i = 0; i < N; i++) {
            const float p = exp_from(t[i], t_origin) * p_scale;
            const float q = exp_from(d[i], d_origin) * q_scale;
            sums.acceptance += fminf(p, q);
            sums.entropy += q > 0 ? q * (log_sum - (d[i] - d_largest)) : 0.0f;
            if constexpr (Loss::SLOPE) {
                const float slope = Loss::slope(p, q, (d[i] - t[i]) - lse_distance);
                sums.terms += Loss::term(p, q, slope);
                sums.slopes += q * slope;
            }
        }
    }
};

/* The gradient of one row's loss, times the scale, from the row's log-sum-exps, mean slope and acceptance. */
template <class Loss>
struct Gradient {
    float t_lse;
    float d_lse;
    float scale;
    float kl_weight = 1;
    float slope_weight = 0;
    float mean = 0;

    DEVICE Gradient(float t_lse, float d_lse, float mean_slope, float acceptance, float scale) : t_lse(t_lse), d_lse(d_lse), scale(scale) {
        if constexpr (Loss::SLOPE) {
            kl_weight = Loss::kl_weight(acceptance);
            slope_weight = Loss::slope_weight(acceptance);
            mean = mean_slope;
        }
    }

    template <int N>
    DEVICE void of(float (&gradient)[N], const float (&t)[N], const float (&d)[N]) const {
        UNROLL
        for (int i = 0; i < N; i++) {
            const float p = exp2_fast((t[i] - t_lse) * LOG2_E);
            const float q = exp2_fast((d[i] - d_lse) * LOG2_E);
            if constexpr (Loss::SLOPE) {
                const float slope = Loss::slope(p, q, (d[i] - t[i]) - (d_lse - t_lse));
                gradient[i] = scale * (kl_weight * (q - p) + slope_weight * (q * (slope - mean)));
            } else {
                gradient[i] = scale * (q - p);
            }
        }
    }
};

/* Row i of the outputs that its statistics give, by one thread; its KL(p||q), in double. NaN marks the row in all its outputs. */
template <bool REFERENCE>
DEVICE double write_statistics(
    const Forward& f, int64_t i, const Divergences<REFERENCE>& row, float td_offset, float tr_offset, float rd_offset) {
    const bool valid = row.finite();
    const double kl_draft = valid ? row.kl_draft(td_offset) : (double)NAN;
    f.kl_draft[i] = (float)kl_draft;
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
        f.gap[i] = (float)(kl_draft - (double)f.kl_ref[i]);
    }
    return kl_draft;
}

/* Row i of the outputs that need both laws, by one thread. */
template <class Loss>
DEVICE void write_losses(const Forward& f, int64_t i, bool valid, const RowSums& sums, double entropy) {
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

inline int32_t require_logits(const char* operation, int32_t logits_type, int32_t loss_kind, int64_t v) {
    REQUIRE(is_float_type(logits_type), "%s: logits of type %d; 0 (f32), 1 (bf16) or 2 (f16) was expected", operation, logits_type);
    REQUIRE(is_loss(loss_kind), "%s: %d is not a loss", operation, loss_kind);
    REQUIRE(v <= MOST_IDS, "%s: rows of %lld ids; at most 2^30 were expected", operation, (long long)v);
    return ADASPEC_OK;
}
