/*
 * Attention over a key-value cache, and filling that cache.
 *
 * A block takes one query row and head; its eight warps share the keys by blocks of 32, warp w taking blocks w, w + 8, .., and are merged in order. So a
 * row's bits depend on the keys it sees, not on the rows beside it. The cache is read once for each query head: heads of a group find it in the
 * second-level cache.
 */
#include "../host/heads.h"
#include "attend.cuh"

namespace {

constexpr int WARPS = 8;
constexpr int THREADS = WARPS * WARP;

__global__ void __launch_bounds__(THREADS)
    append_kernel(float* keys, float* values, const float* qkv, adaspec_head_layout l, int64_t position, int64_t capacity) {
    const int64_t i = blockIdx.x;
    const float* row = qkv + i * l.row_width;
    for (int e = (int)threadIdx.x; e < l.kv_heads * l.head_dim; e += THREADS) {
        const int head = e / l.head_dim;
        const int channel = e % l.head_dim;
        const int64_t at = (head * capacity + position + i) * l.head_dim + channel;
        keys[at] = row[key_at(l, head) + channel];
        values[at] = row[value_at(l, head) + channel];
    }
}

template <int CHANNELS>
__global__ void __launch_bounds__(THREADS) decode_kernel(
    float* out, const float* qkv, adaspec_head_layout l, const float* keys, const float* values, int64_t position, int64_t capacity, float scale) {
    const int64_t i = blockIdx.x;
    const int head = (int)blockIdx.y;
    const int lane = (int)threadIdx.x % WARP;
    const int warp = (int)threadIdx.x / WARP;
    const int dim = l.head_dim;
    float* query = shared_memory<float>(); /* (head_dim), in units of log 2 */
    float* merged = query + WIDEST_HEAD;   /* (WARPS, 2 + CHANNELS, WARP) */
    for (int c = (int)threadIdx.x; c < dim; c += THREADS) {
        query[c] = qkv[i * l.row_width + query_at(l, head) + c] * (scale * LOG2_E);
    }
    __syncthreads();
    const int64_t cache = head / (l.query_heads / l.kv_heads) * capacity * dim;
    const int64_t seen = position + i + 1;
    Attended<CHANNELS> state;
    for (int64_t first = warp * WARP; first < seen; first += THREADS) {
        const bool mine = first + lane < seen;
        float score = 0;
        if (mine) {
            const float* key = keys + cache + (first + lane) * dim;
            for (int c = 0; c < dim; c++) {
                score = fmaf(query[c], key[c], score);
            }
        }
        const float weight = state.weigh(mine ? score : MINUS_INFINITY);
        const int count = seen - first < WARP ? (int)(seen - first) : WARP;
        for (int j = 0; j < count; j++) {
            const float factor = __shfl_sync(ALL_LANES, weight, j);
            const float* value = values + cache + (first + j) * dim;
            UNROLL
            for (int c = 0; c < CHANNELS; c++) {
                const int channel = lane + c * WARP;
                state.channels[c] = fmaf(factor, channel < dim ? value[channel] : 0.0f, state.channels[c]);
            }
        }
    }
    float* place = merged + warp * (2 + CHANNELS) * WARP + lane;
    place[0] = state.largest;
    place[WARP] = state.sum;
    UNROLL
    for (int c = 0; c < CHANNELS; c++) {
        place[(2 + c) * WARP] = state.channels[c];
    }
    __syncthreads();
    if (warp > 0) {
        return;
    }
    for (int w = 1; w < WARPS; w++) {
        const float* other = merged + w * (2 + CHANNELS) * WARP + lane;
        Attended<CHANNELS> theirs;
        theirs.largest = other[0];
        theirs.sum = other[WARP];
        UNROLL
        for (int c = 0; c < CHANNELS; c++) {
            theirs.channels[c] = other[(2 + c) * WARP];
        }
        state.merge(theirs);
    }
    float* to = out + (i * l.query_heads + head) * dim;
    UNROLL
    for (int c = 0; c < CHANNELS; c++) {
        if (lane + c * WARP < dim) {
            to[lane + c * WARP] = state.channels[c] / state.sum;
        }
    }
}

int32_t check(const char* operation, const adaspec_head_layout* layout, int64_t position, int64_t capacity, int64_t m) {
    const int32_t status = check_layout(operation, layout);
    if (status != ADASPEC_OK) {
        return status;
    }
    REQUIRE(
        position >= 0 && m >= 0 && position + m <= capacity, "%s: %lld rows at position %lld do not fit a cache of %lld", operation, (long long)m,
        (long long)position, (long long)capacity);
    REQUIRE(layout->head_dim <= WIDEST_HEAD, "%s: heads of %d channels; at most %d were expected", operation, layout->head_dim, WIDEST_HEAD);
    return ADASPEC_OK;
}

}  // namespace

extern "C" int32_t adaspec_cache_append(
    float* keys, float* values, const float* qkv, const adaspec_head_layout* layout, int64_t position, int64_t capacity, int64_t m, void* stream) {
    const int32_t status = check("cache_append", layout, position, capacity, m);
    return status != ADASPEC_OK
        ? status
        : launch("cache_append", append_kernel, {(unsigned)m, THREADS}, stream, keys, values, qkv, *layout, position, capacity);
}

extern "C" int32_t adaspec_attention_decode(
    float* out, const float* qkv, const adaspec_head_layout* layout, const float* keys, const float* values, int64_t position, int64_t capacity,
    float scale, int64_t m, void* stream) {
    const int32_t status = check("attention_decode", layout, position, capacity, m);
    if (status != ADASPEC_OK) {
        return status;
    }
    return with_channels(layout->head_dim, [=](auto channels) {
        constexpr int CHANNELS = decltype(channels)::value;
        const size_t shared = (WIDEST_HEAD + WARPS * (2 + CHANNELS) * WARP) * sizeof(float);
        const Grid grid = {dim3((unsigned)m, (unsigned)layout->query_heads), THREADS, shared};
        return launch("attention_decode", decode_kernel<CHANNELS>, grid, stream, out, qkv, *layout, keys, values, position, capacity, scale);
    });
}
