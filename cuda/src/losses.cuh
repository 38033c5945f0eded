/*
 * The losses between the laws of target and draft, as adaspec.h has them: the twin of cuda/host/losses.h, for one id at a time. A loss is a policy; the
 * walks over the vocabulary are in distill.cu.
 *
 *   SLOPE              whether the gradient has a part q (slope - mean of slope)
 *   slope(p, q, r)     the loss's derivative by q at an id; r = log(q / p), not a number where both are 0
 *   term(p, q, slope)  what the id adds to the row's sum of terms
 *   value(row)         the loss, from the row's sums
 *   kl_weight(a), slope_weight(a)   of the parts q - p and q (slope - mean) of the gradient, a the acceptance
 */
#pragma once

#include "device.cuh"

struct RowSums {
    double kl_draft;
    double acceptance;
    double terms;
    double mean_slope; /* sum q slope */
};

struct KlDiv {
    static constexpr bool SLOPE = false;

    static DEVICE double value(const RowSums& row) {
        return row.kl_draft;
    }
    static DEVICE float kl_weight(float) {
        return 1;
    }
    static DEVICE float slope_weight(float) {
        return 0;
    }
};

struct Rkl {
    static constexpr bool SLOPE = true;

    static DEVICE float slope(float, float q, float r) {
        return q > 0 ? r : 0.0f;
    }
    static DEVICE float term(float, float q, float slope) {
        return q * slope;
    }
    static DEVICE double value(const RowSums& row) {
        return row.terms;
    }
    static DEVICE float kl_weight(float) {
        return 0;
    }
    static DEVICE float slope_weight(float) {
        return 1;
    }
};

struct Jsd : Rkl {
    /* log(x / m) / 2, m the mean of x and y. */
    static DEVICE float half_log(float x, float y) {
        return x > 0 ? 0.5f * logf(2 * x / (x + y)) : 0.0f;
    }
    static DEVICE float slope(float p, float q, float) {
        return half_log(q, p);
    }
    static DEVICE float term(float p, float q, float slope) {
        return sum_of_products(p, half_log(p, q), q, slope);
    }
};

struct Tv : Rkl {
    static DEVICE float slope(float p, float q, float) {
        return q > p ? 0.5f : q < p ? -0.5f : 0.0f;
    }
    static DEVICE float term(float p, float q, float slope) {
        return slope * (q - p);
    }
};

struct Nla : Tv {
    static DEVICE double bounded(double acceptance) {
        return acceptance > 1e-5 ? acceptance < 1 ? acceptance : 1 : 1e-5;
    }
    static DEVICE double value(const RowSums& row) {
        return -log(bounded(row.acceptance));
    }
    static DEVICE float slope_weight(float acceptance) {
        return (float)(1 / bounded((double)acceptance));
    }
};

struct LkHybrid : Tv {
    static DEVICE double value(const RowSums& row) {
        const double weight = exp(-3 * row.acceptance);
        return weight * row.kl_draft + (1 - weight) * row.terms;
    }
    static DEVICE float kl_weight(float acceptance) {
        return (float)exp(-3 * (double)acceptance);
    }
    static DEVICE float slope_weight(float acceptance) {
        return (float)(1 - exp(-3 * (double)acceptance));
    }
};

inline bool is_loss(int32_t kind) {
    return kind >= ADASPEC_LOSS_KL_DIV && kind <= ADASPEC_LOSS_LK_HYBRID;
}

/* Whether the gradient has a part q (slope - mean of slope). */
inline __host__ __device__ bool has_slope(int32_t kind) {
    return kind != ADASPEC_LOSS_KL_DIV;
}

/* f(policy) for a kind that was checked. All threads go the same way: asking once a vector costs little, and walks need not exist for each loss. */
template <class F>
DEVICE void on_loss(int32_t kind, F f) {
    switch (kind) {
        case ADASPEC_LOSS_KL_DIV: return f(KlDiv());
        case ADASPEC_LOSS_RKL: return f(Rkl());
        case ADASPEC_LOSS_JSD: return f(Jsd());
        case ADASPEC_LOSS_TV: return f(Tv());
        case ADASPEC_LOSS_NLA: return f(Nla());
        default: return f(LkHybrid());
    }
}

DEVICE double loss_value(int32_t kind, const RowSums& sums) {
    double value = 0;
    on_loss(kind, [&](auto loss) { value = loss.value(sums); });
    return value;
}
