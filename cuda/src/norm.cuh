/*
 * What the norms of rows share. A block of 256 threads takes a row; what is read again comes from the first-level cache up to 20,000 channels. A thread's own
 * terms are added in f32 (c / 256 of them), the threads' in double.
 */
#pragma once

#include "reduce.cuh"

constexpr int NORM_THREADS = 256;
constexpr size_t NORM_PARTIALS = NORM_THREADS / WARP * sizeof(double);

/* The mean over the row of f(j), on every thread. */
template <class F>
DEVICE double mean_over(int64_t c, double* partials, F f) {
    float sum = 0;
    for (int64_t j = threadIdx.x; j < c; j += NORM_THREADS) {
        sum += f(j);
    }
    return block_sum<NORM_THREADS>((double)sum, partials) / (double)c;
}
