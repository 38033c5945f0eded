/*
 * The softmax of a row without its vector: the largest logit and the sum of exponentials relative to it, by a running pair that is rescaled when a larger
 * logit comes (Milakov and Gimelshein, 2018).
 *
 * Exponentials are 2^((x - m) log2 e): the difference first, so that large logits lose nothing. A thread adds its own in f32; the block's threads are merged
 * in an order that depends on their number only. A row with NaN or +inf has a sum that is NaN, a row of -inf only a sum of 0.
 */
#pragma once

#include "device.cuh"

constexpr float LOG2_E = 1.4426950408889634f;
constexpr float MINUS_INFINITY = -INFINITY;

/* What exponents are taken relative to: the largest logit, or 0 where there is none yet, so that -inf is never subtracted from -inf. */
DEVICE float origin_of(float largest) {
    return largest == MINUS_INFINITY ? 0.0f : largest;
}

/* What sums relative to the largest logit `from` are multiplied by to be relative to `to`; 0 where there were no logits, and so nothing but zeros. */
DEVICE float rescaling(float from, float to) {
    return from == MINUS_INFINITY ? 0.0f : exp2_fast((from - origin_of(to)) * LOG2_E);
}

/* e^(x - origin). */
DEVICE float exp_from(float x, float origin) {
    return exp2_fast((x - origin) * LOG2_E);
}

template <int N>
DEVICE float largest_of(const float (&x)[N]) {
    float largest = x[0];
    UNROLL
    for (int i = 1; i < N; i++) {
        largest = fmaxf(largest, x[i]);
    }
    return largest;
}

struct Softmax {
    float largest = MINUS_INFINITY;
    float sum = 0;

    DEVICE void raise(float x) {
        if (x > largest) {
            sum *= rescaling(largest, x);
            largest = x;
        }
    }

    DEVICE void add(float x) {
        raise(x);
        sum += exp_from(x, origin_of(largest));
    }

    DEVICE void merge(const Softmax& other) {
        const float both = fmaxf(largest, other.largest);
        sum = sum_of_products(sum, rescaling(largest, both), other.sum, rescaling(other.largest, both));
        largest = both;
    }

    DEVICE bool finite() const {
        return sum > 0 && sum < INFINITY;
    }

    /* In double: once a row. */
    DEVICE double log_sum_exp() const {
        return (double)largest + log((double)sum);
    }
};

/*
 * Statistics of a row merged over a block of THREADS, on every thread: T has merge(const T&) and is made of floats only. partials: THREADS / 32 places in
 * shared memory, free again when this returns. All threads call it; with a BARRIER, the block's first THREADS, whose named barrier it is.
 */
template <class T>
DEVICE T from_lane(const T& x, int lanes) {
    static_assert(sizeof(T) % sizeof(float) == 0);
    T other;
    const float* from = reinterpret_cast<const float*>(&x);
    float* to = reinterpret_cast<float*>(&other);
    UNROLL
    for (size_t i = 0; i < sizeof(T) / sizeof(float); i++) {
        to[i] = __shfl_xor_sync(ALL_LANES, from[i], lanes);
    }
    return other;
}

/* Both lanes of a pair merge in the same order, or they would differ in the last bit. */
template <class T>
DEVICE T warp_merge(T x) {
    UNROLL
    for (int lanes = WARP / 2; lanes > 0; lanes /= 2) {
        T low = x;
        T high = from_lane(x, lanes);
        if ((threadIdx.x & (unsigned)lanes) != 0) {
            const T own = low;
            low = high;
            high = own;
        }
        low.merge(high);
        x = low;
    }
    return x;
}

template <int THREADS, int BARRIER = 0, class T>
DEVICE T block_merge(T x, T* partials) {
    static_assert(THREADS % WARP == 0 && THREADS <= WARP * WARP);
    const auto barrier = [] {
        if constexpr (BARRIER == 0) {
            __syncthreads();
        } else {
            named_barrier(BARRIER, THREADS);
        }
    };
    x = warp_merge(x);
    if (threadIdx.x % WARP == 0) {
        partials[threadIdx.x / WARP] = x;
    }
    barrier();
    const int lane = (int)threadIdx.x % WARP;
    x = warp_merge(lane < THREADS / WARP ? partials[lane] : T());
    barrier();
    return x;
}
