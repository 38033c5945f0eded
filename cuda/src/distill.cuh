/* What the kernels of distill.cu and distill_forward_backward.cu share: what a row's ids add to its sums and to its gradient, and its outputs. */
#pragma once

#include "divergences.cuh"
#include "logits.cuh"
#include "losses.cuh"

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
    int64_t n;
    int32_t v;

    /* Row i of the first ROWS of target, draft, reference. */
    template <class Type, int ROWS>
    DEVICE void rows_of(const typename Type::element* (&rows)[ROWS], int64_t i) const {
        const void* const logits[] = {target, draft, reference};
        const int64_t lds[] = {ld_target, ld_draft, ld_reference};
        UNROLL
        for (int r = 0; r < ROWS; r++) {
            rows[r] = static_cast<const typename Type::element*>(logits[r]) + i * lds[r];
        }
    }

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

    DEVICE void merge(const LawSums& other) {
        acceptance += other.acceptance;
        terms += other.terms;
        slopes += other.slopes;
        entropy += other.entropy;
    }
};

/* Both laws of a row whose statistics are known: p = p_scale e^(t - t_origin), and q alike. */
struct Laws {
    float t_origin;
    float d_origin;
    float p_scale;
    float q_scale;
    float lse_distance; /* the draft's log-sum-exp less the target's */

    static DEVICE Laws of(const Softmax& target, const Softmax& draft) {
        const float sums = (float)(log((double)draft.sum) - log((double)target.sum));
        return {origin_of(target.largest), origin_of(draft.largest), 1 / target.sum, 1 / draft.sum, (draft.largest - target.largest) + sums};
    }

    static DEVICE Laws of(float target_lse, float draft_lse) {
        return {target_lse, draft_lse, 1, 1, draft_lse - target_lse};
    }

    /* Rounded, whatever is done with them: where the logits are equal p - q is 0. */
    DEVICE float p(float t) const {
        return __fmul_rn(exp_from(t, t_origin), p_scale);
    }
    DEVICE float q(float d) const {
        return __fmul_rn(exp_from(d, d_origin), q_scale);
    }

    /* log_sum: the log of the draft's sum, so that log q = (d - largest) - log_sum, both near 0 where q is large. */
    template <int N>
    DEVICE void add(LawSums& sums, int32_t loss_kind, const float (&t)[N], const float (&d)[N], float log_sum) const {
        on_loss(loss_kind, [&](auto loss) {
            UNROLL
            for (int i = 0; i < N; i++) {
                const float p_i = p(t[i]);
                const float q_i = q(d[i]);
                sums.acceptance += fminf(p_i, q_i);
                sums.entropy += q_i > 0 ? q_i * (log_sum - (d[i] - d_origin)) : 0.0f;
                if constexpr (loss.SLOPE) {
                    const float slope = loss.slope(p_i, q_i, (d[i] - t[i]) - lse_distance);
                    sums.terms += loss.term(p_i, q_i, slope);
                    sums.slopes += q_i * slope;
                }
            }
        });
    }
};

/* The gradient of one row's loss, times the scale. */
struct Gradient {
    Laws laws;
    float scale;
    float kl_weight;
    float slope_weight;
    float mean;
    int32_t loss_kind;

    DEVICE Gradient(const Laws& laws, int32_t loss_kind, float mean_slope, float acceptance, float scale)
        : laws(laws), scale(scale), mean(mean_slope), loss_kind(loss_kind) {
        on_loss(loss_kind, [&](auto loss) {
            kl_weight = loss.kl_weight(acceptance);
            slope_weight = loss.slope_weight(acceptance);
        });
    }

    /* Adds what the ids have in common to `acceptance`, for who has not asked before and asks now: KL_DIV's. */
    template <int N>
    DEVICE void of(float (&gradient)[N], const float (&t)[N], const float (&d)[N], float& acceptance) const {
        on_loss(loss_kind, [&](auto loss) {
            UNROLL
            for (int i = 0; i < N; i++) {
                const float p = laws.p(t[i]);
                const float q = laws.q(d[i]);
                if constexpr (loss.SLOPE) {
                    const float slope = loss.slope(p, q, (d[i] - t[i]) - laws.lse_distance);
                    gradient[i] = scale * sum_of_products(kl_weight, q - p, slope_weight, q * (slope - mean));
                } else {
                    acceptance += fminf(p, q);
                    gradient[i] = scale * (q - p);
                }
            }
        });
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
DEVICE void write_losses(const Forward& f, int64_t i, int32_t loss_kind, bool valid, const RowSums& sums, double entropy) {
    if (f.loss != nullptr) {
        f.loss[i] = valid ? (float)loss_value(loss_kind, sums) : NAN;
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
