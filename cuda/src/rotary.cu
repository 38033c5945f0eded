/*
 * Rotary position embedding (Su et al., 2021): (x, y) -> (x cos - y sin, x sin + y cos) for channels i and i + rotary/2, or 2i and 2i + 1. A block takes a row,
 * its threads the pairs: heads times rotary/2 of them.
 */
#include "device.cuh"
#include "../host/heads.h"

namespace {

constexpr int THREADS = 128;

__global__ void __launch_bounds__(THREADS) rotary_kernel(
    float* qkv, adaspec_head_layout l, const int32_t* positions, const float* table, int32_t rotary, bool interleaved,
    float sign) {
    const int half = rotary / 2;
    const int pairs = (l.query_heads + l.kv_heads) * half;
    const int64_t i = blockIdx.x;
    float* row = qkv + i * l.row_width;
    const float* cosines = table + (int64_t)positions[i] * rotary;
    for (int p = (int)threadIdx.x; p < pairs; p += THREADS) {
        const int head = p / half;
        const int channel = p % half;
        float* at = row + (head < l.query_heads ? query_at(l, head) : key_at(l, head - l.query_heads)) + (interleaved ? 2 * channel : channel);
        const int apart = interleaved ? 1 : half;
        const float cosine = cosines[channel];
        const float sine = sign * cosines[half + channel];
        const float x = at[0];
        const float y = at[apart];
        at[0] = x * cosine - y * sine;
        at[apart] = x * sine + y * cosine;
    }
}

}  // namespace

extern "C" int32_t adaspec_rotary(
    float* qkv, const adaspec_head_layout* layout, const int32_t* positions, const float* table, int64_t, int32_t rotary,
    int32_t interleaved, int32_t inverse, int64_t n, void* stream) {
    const int32_t status = check_layout("rotary", layout);
    if (status != ADASPEC_OK) {
        return status;
    }
    REQUIRE(n >= 0, "rotary: negative number of rows %lld", (long long)n);
    REQUIRE(
        rotary >= 0 && rotary % 2 == 0 && rotary <= layout->head_dim, "rotary: %d channels; an even number up to the head's %d was expected", rotary,
        layout->head_dim);
    return launch(
        "rotary", rotary_kernel, {(unsigned)(rotary > 0 ? n : 0), THREADS}, stream, qkv, *layout, positions, table, rotary,
        interleaved != 0, inverse ? -1.0f : 1.0f);
}
