/* What a row's ids add to its losses and to its gradient: shared by the operations of distill.cpp and distill_forward_backward.cpp. */
#pragma once

#include "divergences.h"
#include "losses.h"

/*
 * What needs both laws: another walk over the rows, which were just read and are near. Infinite divergences of target and draft pass through as such.
 */
template <class Loss, class Type>
static RowSums sums_of(const Row<Type>& t, const Row<Type>& d, double kl_draft, int64_t v) {
    const float p_scale = (float)(1 / t.sum);
    const float q_scale = (float)(1 / d.sum);
    const float lse_distance = (float)(d.log_sum_exp() - t.log_sum_exp());
    RowSums row = {kl_draft, 0, 0, 0};
    for (int64_t first = 0; first < v; first += SOFTMAX_BLOCK) {
        const int64_t length = v - first < SOFTMAX_BLOCK ? v - first : SOFTMAX_BLOCK;
        vf acceptance = {};
        vf terms = {};
        vf slopes = {};
        for (int64_t j = 0; j < length; j += VL) {
            const int64_t count = length - j < VL ? length - j : VL;
            const vf tx = t.load(first + j, count);
            const vf dx = d.load(first + j, count);
            const vf p = exp(tx - t.largest) * p_scale;
            const vf q = exp(dx - d.largest) * q_scale;
            acceptance += min(p, q);
            if constexpr (Loss::SLOPE) {
                const vf slope = Loss::slope(p, q, (dx - tx) - lse_distance);
                terms += Loss::term(p, q, slope);
                slopes += q * slope;
            }
        }
        row.acceptance += sum_double(acceptance);
        row.terms += sum_double(terms);
        row.mean_slope += sum_double(slopes);
    }
    return row;
}

/* -sum q log q. */
template <class Type>
static double entropy_of(const Row<Type>& d, int64_t v) {
    const float q_scale = (float)(1 / d.sum);
    const float log_scale = (float)log(d.sum);
    double total = 0;
    for (int64_t first = 0; first < v; first += SOFTMAX_BLOCK) {
        const int64_t length = v - first < SOFTMAX_BLOCK ? v - first : SOFTMAX_BLOCK;
        vf block = {};
        for (int64_t j = 0; j < length; j += VL) {
            const vf x = d.load(first + j, length - j < VL ? length - j : VL) - d.largest;
            const vf q = exp(x) * q_scale;
            block += q > 0.0f ? q * (log_scale - x) : splat(0);
        }
        total += sum_double(block);
    }
    return total;
}

namespace {

/* The gradient of one row's loss by the draft's logits, times the scale, from the row's statistics as they are kept, in f32. */
template <class Loss>
struct Gradient {
    float t_lse;
    float d_lse;
    float mean;
    float scale;
    float kl_weight = 1;
    float slope_weight = 0;

    Gradient(float t_lse, float d_lse, float mean, float acceptance, float scale) : t_lse(t_lse), d_lse(d_lse), mean(mean), scale(scale) {
        if constexpr (Loss::SLOPE) {
            kl_weight = Loss::kl_weight(acceptance);
            slope_weight = Loss::slope_weight(acceptance);
        }
    }

    /* out may be the draft's row. */
    template <class Type>
    void write(typename Type::element* out, const Row<Type>& t, const Row<Type>& d, int64_t v) const {
        for (int64_t j = 0; j < v; j += VL) {
            const int64_t count = v - j < VL ? v - j : VL;
            const vf tx = t.load(j, count);
            const vf dx = d.load(j, count);
            const vf p = exp(tx - t_lse);
            const vf q = exp(dx - d_lse);
            if constexpr (Loss::SLOPE) {
                const vf slope = Loss::slope(p, q, (dx - tx) - (d_lse - t_lse));
                Type::narrow(out + j, scale * (kl_weight * (q - p) + slope_weight * (q * (slope - mean))), count);
            } else {
                Type::narrow(out + j, scale * (q - p), count);
            }
        }
    }
};

}  // namespace

/* run<policy of the loss, stored type>(); both were checked. */
template <class Walk>
static int32_t run(int32_t kind, int32_t type, const Walk& walk) {
    return with_loss(kind, [&](auto policy) {
        return with_type(type, [&](auto stored) {
            walk.template run<decltype(policy), decltype(stored)>();
            return ADASPEC_OK;
        });
    });
}

#define REQUIRE_LOSS(operation, kind) \
    REQUIRE((kind) >= ADASPEC_LOSS_KL_DIV && (kind) <= ADASPEC_LOSS_LK_HYBRID, "%s: %d is not a loss", operation, kind)

#define REQUIRE_TYPE(operation, type) \
    REQUIRE(is_float_type(type), "%s: logits of type %d; 0 (f32), 1 (bf16) or 2 (f16) was expected", operation, type)
