/*
 * What a warp does in attention: a few queries over a block of 32 keys, with a running maximum (Milakov and Gimelshein, 2018; Dao et al., FlashAttention,
 * 2022). For the scores a lane is a key, for the output a lane is channels lane, lane + 32, ..
 */
#pragma once

#include "reduce.cuh"
#include "softmax.cuh"

/* The widest head: eight channels a lane. */
constexpr int WIDEST_HEAD = 8 * WARP;

DEVICE float warp_largest(float x) {
    UNROLL
    for (int lanes = WARP / 2; lanes > 0; lanes /= 2) {
        x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, lanes));
    }
    return x;
}

/*
 * The state of one query: the largest score so far, the sum of exponentials relative to it (the same on every lane) and this lane's channels of the
 * weighted sum of values. Scores are in units of log 2.
 */
template <int CHANNELS>
struct Attended {
    float largest = MINUS_INFINITY;
    float sum = 0;
    float channels[CHANNELS] = {};

    /* score: this lane's key's, -inf where the query does not see it. Returns the lane's weight; the channels are ready for it. */
    DEVICE float weigh(float score) {
        const float now = fmaxf(largest, warp_largest(score));
        const float from = now == MINUS_INFINITY ? 0.0f : now;
        const float shrink = exp2_fast(largest - from);
        const float weight = exp2_fast(score - from);
        sum = fmaf(sum, shrink, warp_sum(weight));
        largest = now;
        UNROLL
        for (int c = 0; c < CHANNELS; c++) {
            channels[c] *= shrink;
        }
        return weight;
    }

    DEVICE void merge(const Attended& other) {
        const float now = fmaxf(largest, other.largest);
        const float from = now == MINUS_INFINITY ? 0.0f : now;
        const float mine = exp2_fast(largest - from);
        const float theirs = exp2_fast(other.largest - from);
        sum = sum_of_products(sum, mine, other.sum, theirs);
        largest = now;
        UNROLL
        for (int c = 0; c < CHANNELS; c++) {
            channels[c] = sum_of_products(channels[c], mine, other.channels[c], theirs);
        }
    }
};

/* f(the number of channels a lane takes) for heads of head_dim, which was checked. */
template <class F>
int32_t with_channels(int32_t head_dim, F f) {
    if (head_dim <= WARP) {
        return f(std::integral_constant<int, 1>());
    }
    if (head_dim <= 2 * WARP) {
        return f(std::integral_constant<int, 2>());
    }
    return head_dim <= 4 * WARP ? f(std::integral_constant<int, 4>()) : f(std::integral_constant<int, 8>());
}
