/* The normaliser of a softmax over a row of logits, in one streaming pass. */
#pragma once

#include <math.h>

#include "vecmath.h"

/* Elements whose terms are added in f32 lanes before they join a double: small enough for the first-level cache and for the rounding errors. */
#define SOFTMAX_BLOCK 512

namespace {

/* Softmax of logits / temperature: weight(x) = exp((x - largest) / temperature), sum = their total in double. */
struct Softmax {
    float largest;
    double sum;

    /* False for a row with NaN or +inf, or with -inf only. */
    bool finite() const {
        return sum > 0 && largest < INFINITY;
    }
    double log_sum_exp() const {
        return (double)largest + log(sum);
    }
};

}  // namespace

/* x of a stored type, widened, with -inf past the last element: a logit that weighs nothing. */
template <class Type>
INLINE vf load_logits(const typename Type::element* x, int64_t count) {
    return count == VL ? Type::widen(x) : Type::widen_first(x, count, Type::minus_infinity());
}

INLINE vf load_logits(const float* x, int64_t count) {
    return load_logits<F32>(x, count);
}

/* The largest and the smallest of a block of `length` elements, NaN passed over; smallest is -inf where the last vector is not full. */
template <class Type>
INLINE float block_range(const typename Type::element* x, int64_t length, float& smallest) {
    vf largest = splat(-INFINITY);
    vf least = splat(INFINITY);
    for (int64_t j = 0; j < length; j += VL) {
        const vf value = load_logits<Type>(x + j, length - j < VL ? length - j : VL);
        largest = max(value, largest);
        least = min(value, least);
    }
    smallest = -max_lane(-least);
    return max_lane(largest);
}

INLINE float block_max(const float* x, int64_t length) {
    float smallest;
    return block_range<F32>(x, length, smallest);
}

/* e^(before - after), for moving a sum to a larger maximum; 0 where there was no sum yet. */
INLINE double shrink(float before, float after) {
    return before == -INFINITY ? 0 : ::exp((double)before - (double)after);
}

/* Subtracting -inf from itself would make NaN of a weight of 0. */
INLINE float finite_or_zero(float largest) {
    return largest == -INFINITY ? 0 : largest;
}

/* Dividing by 1 changes nothing but takes as long as the rest. */
INLINE vf softmax_weight(vf x, float largest, float temperature) {
    return temperature == 1.0f ? exp(x - largest) : exp((x - largest) / temperature);
}

template <class Type>
[[maybe_unused]] static Softmax softmax_row(const typename Type::element* x, int64_t v, float temperature) {
    Softmax row = {-INFINITY, 0};
    for (int64_t first = 0; first < v; first += SOFTMAX_BLOCK) {
        const int64_t length = v - first < SOFTMAX_BLOCK ? v - first : SOFTMAX_BLOCK;
        float smallest;
        const float block = block_range<Type>(x + first, length, smallest);
        if (block > row.largest) {
            row.sum *= ::exp(((double)row.largest - (double)block) / (double)temperature);
            row.largest = block;
        }
        const float largest = finite_or_zero(row.largest);
        vf sums = {};
        for (int64_t j = 0; j < length; j += VL) {
            sums += softmax_weight(load_logits<Type>(x + first + j, length - j < VL ? length - j : VL), largest, temperature);
        }
        row.sum += sum_double(sums);
    }
    return row;
}
