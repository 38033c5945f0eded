/*
 * Sums and the like over the threads of a block, in an order that depends on the number of threads only: halves of a warp by shuffles, then the warps'
 * results by the first warp.
 */
#pragma once

#include "device.cuh"

/* The sum over a warp, on every lane. */
template <class T>
DEVICE T warp_sum(T x) {
    UNROLL
    for (int lanes = WARP / 2; lanes > 0; lanes /= 2) {
        x += __shfl_xor_sync(ALL_LANES, x, lanes);
    }
    return x;
}

/*
 * The sum over a block of THREADS, on every thread. partials: THREADS / 32 places in shared memory, free again when this returns. All threads call it.
 */
template <int THREADS, class T>
DEVICE T block_sum(T x, T* partials) {
    static_assert(THREADS % WARP == 0 && THREADS <= WARP * WARP);
    x = warp_sum(x);
    if (threadIdx.x % WARP == 0) {
        partials[threadIdx.x / WARP] = x;
    }
    __syncthreads();
    const int lane = (int)threadIdx.x % WARP;
    const T sum = warp_sum(lane < THREADS / WARP ? partials[lane] : T(0));
    __syncthreads();
    return sum;
}
