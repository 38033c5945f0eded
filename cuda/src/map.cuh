/*
 * One function over the elements of one or two arrays. 256 threads: enough warps to cover memory's latency with four blocks on a multiprocessor.
 * Aligned arrays go by four elements; the rest, and arrays that are not aligned, one by one. Both compute an element alike, to the bit.
 */
#pragma once

#include "device.cuh"

constexpr int MAP_THREADS = 256;

inline bool aligned_to_16(const void* p) {
    return reinterpret_cast<uintptr_t>(p) % 16 == 0;
}

template <class F>
__global__ void __launch_bounds__(MAP_THREADS) map_kernel(float* out, const float* a, const float* b, int64_t n, int64_t quads, F f) {
    const int64_t stride = (int64_t)gridDim.x * MAP_THREADS;
    const int64_t first = (int64_t)blockIdx.x * MAP_THREADS + threadIdx.x;
    for (int64_t i = first; i < quads; i += stride) {
        const float4 x = __ldcs(reinterpret_cast<const float4*>(a) + i);
        const float4 y = b != nullptr ? __ldcs(reinterpret_cast<const float4*>(b) + i) : x;
        *(reinterpret_cast<float4*>(out) + i) = {f(x.x, y.x), f(x.y, y.y), f(x.z, y.z), f(x.w, y.w)};
    }
    for (int64_t i = 4 * quads + first; i < n; i += stride) {
        out[i] = f(a[i], b != nullptr ? b[i] : a[i]);
    }
}

/* out[i] = f(a[i], b[i]) for i in [0, n); where b is null f(a[i], a[i]). out may be a or b. */
template <class F>
int32_t map(const char* operation, float* out, const float* a, const float* b, int64_t n, void* stream, F f) {
    const bool by_four = aligned_to_16(out) && aligned_to_16(a) && aligned_to_16(b);
    const int64_t quads = by_four ? n / 4 : 0;
    return launch(operation, map_kernel<F>, {blocks_for(by_four ? quads + 3 : n, MAP_THREADS), MAP_THREADS}, stream, out, a, b, n, quads, f);
}
