/*
 * What the norms of rows share. A block of 256 threads takes a row; what is read again comes from the first-level cache up to 20,000 channels. A thread has
 * columns threadIdx.x, threadIdx.x + 256, ..; its own terms are added in f32, the threads' in double.
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

/*
 * The row that is normed: row i of x, or of sum = x + residual where there is one, which this writes. A thread later reads what it wrote itself; sum may be
 * x or residual.
 */
DEVICE const float* row_of(float* sum, const float* x, const float* residual, int64_t i, int64_t c) {
    if (residual == nullptr) {
        return x + i * c;
    }
    for (int64_t j = threadIdx.x; j < c; j += NORM_THREADS) {
        sum[i * c + j] = x[i * c + j] + residual[i * c + j];
    }
    return sum + i * c;
}
