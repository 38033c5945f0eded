/*
 * The losses between the laws of target and draft, as adaspec.h has them. A loss is a policy; the walks over the vocabulary are in distill.cpp.
 *
 *   SLOPE              whether the gradient has a part q (slope - mean of slope)
 *   slope(p, q, r)     the loss's derivative by q at some ids; r = log(q / p), not a number where both are 0
 *   term(p, q, slope)  what these ids add to the row's sum of terms
 *   value(row)         the loss, from the row's sums
 *   kl_weight(a), slope_weight(a)   of the parts q - p and q (slope - mean) of the gradient, a the acceptance
 */
#pragma once

#include "vecmath.h"

namespace {

struct RowSums {
    double kl_draft;
    double acceptance;
    double terms;
    /* sum q slope */
    double mean_slope;
};

struct KlDiv {
    static const bool SLOPE = false;

    static MEMBER double value(const RowSums& row) {
        return row.kl_draft;
    }
};

struct Rkl {
    static const bool SLOPE = true;

    static MEMBER vf slope(vf, vf q, vf r) {
        return q > 0.0f ? r : splat(0);
    }
    static MEMBER vf term(vf, vf q, vf slope) {
        return q * slope;
    }
    static MEMBER double value(const RowSums& row) {
        return row.terms;
    }
    static MEMBER float kl_weight(float) {
        return 0;
    }
    static MEMBER float slope_weight(float) {
        return 1;
    }
};

struct Jsd : Rkl {
    /* log(x / m) / 2, m the mean of x and y. */
    static MEMBER vf half_log(vf x, vf y) {
        return x > 0.0f ? 0.5f * log(2.0f * x / (x + y)) : splat(0);
    }
    static MEMBER vf slope(vf p, vf q, vf) {
        return half_log(q, p);
    }
    static MEMBER vf term(vf p, vf q, vf slope) {
        return p * half_log(p, q) + q * slope;
    }
};

struct Tv : Rkl {
    static MEMBER vf slope(vf p, vf q, vf) {
        return q > p ? splat(0.5f) : q < p ? splat(-0.5f) : splat(0);
    }
    static MEMBER vf term(vf p, vf q, vf slope) {
        return slope * (q - p);
    }
};

struct Nla : Tv {
    static MEMBER double bounded(double acceptance) {
        return acceptance > 1e-5 ? acceptance < 1 ? acceptance : 1 : 1e-5;
    }
    static MEMBER double value(const RowSums& row) {
        return -::log(bounded(row.acceptance));
    }
    static MEMBER float slope_weight(float acceptance) {
        return (float)(1 / bounded((double)acceptance));
    }
};

struct LkHybrid : Tv {
    static MEMBER double value(const RowSums& row) {
        const double weight = ::exp(-3 * row.acceptance);
        return weight * row.kl_draft + (1 - weight) * row.terms;
    }
    static MEMBER float kl_weight(float acceptance) {
        return (float)::exp(-3 * (double)acceptance);
    }
    static MEMBER float slope_weight(float acceptance) {
        return (float)(1 - ::exp(-3 * (double)acceptance));
    }
};

}  // namespace

/* f(policy) for a kind that was checked. */
template <class F>
static int32_t with_loss(int32_t kind, F f) {
    switch (kind) {
        case ADASPEC_LOSS_RKL: return f(Rkl());
        case ADASPEC_LOSS_JSD: return f(Jsd());
        case ADASPEC_LOSS_TV: return f(Tv());
        case ADASPEC_LOSS_NLA: return f(Nla());
        case ADASPEC_LOSS_LK_HYBRID: return f(LkHybrid());
        default: return f(KlDiv());
    }
}
