/*
 * Causal attention inside each sequence for training, without a matrix of scores in memory (Dao et al., FlashAttention, 2022).
 *
 * A block takes 32 queries of a head and walks the keys in tiles of 32 that all its four warps share; a warp has eight of the queries, and a value that it
 * reads serves all of them. f32 throughout: the products run on the ordinary cores.
 */
#include "attention_tile.cuh"

namespace {

template <int CHANNELS>
__global__ void __launch_bounds__(TILE_THREADS, tile_blocks(CHANNELS)) forward_kernel(
    float* out, float* lse, const float* qkv, adaspec_head_layout l, const int32_t* starts, int64_t sequences, float scale) {
    const TileRows queries = TileRows::of(blockIdx.x, starts, sequences);
    if (queries.end == 0) {
        return;
    }
    const int head = (int)blockIdx.y;
    const int group_head = head / (l.query_heads / l.kv_heads);
    const int dim = l.head_dim;
    const int lane = (int)threadIdx.x % WARP;
    const int first_row = (int)threadIdx.x / WARP * WARP_ROWS;
    float* query_tile = shared_memory<float>();
    float* key_tile = query_tile + TILE * (dim + 1);
    float* value_tile = key_tile + TILE * (dim + 1);
    load_tile(query_tile, qkv + queries.first * l.row_width + query_at(l, head), l.row_width, queries.rows(), dim);
    Attended<CHANNELS> states[WARP_ROWS];
    for (int64_t keys = queries.begin; keys < queries.first + queries.rows(); keys += TILE) {
        const int count = queries.end - keys < TILE ? (int)(queries.end - keys) : TILE;
        __syncthreads();
        load_tile(key_tile, qkv + keys * l.row_width + key_at(l, group_head), l.row_width, count, dim);
        load_tile(value_tile, qkv + keys * l.row_width + value_at(l, group_head), l.row_width, count, dim);
        __syncthreads();
        float weights[WARP_ROWS];
        int seen[WARP_ROWS];
        UNROLL
        for (int r = 0; r < WARP_ROWS; r++) {
            const int64_t ahead = queries.first + first_row + r + 1 - keys;
            seen[r] = ahead < count ? (int)ahead : count;
            const float score = dot_rows(query_tile, first_row + r, key_tile, dim) * (scale * LOG2_E);
            weights[r] = states[r].weigh(lane < seen[r] ? score : MINUS_INFINITY);
        }
        for (int j = 0; j < count; j++) {
            float value[CHANNELS];
            load_channels(value, value_tile, j, dim);
            UNROLL
            for (int r = 0; r < WARP_ROWS; r++) {
                const float weight = __shfl_sync(ALL_LANES, weights[r], j);
                UNROLL
                for (int c = 0; c < CHANNELS; c++) {
                    /* A value that a row does not see must not reach it, even as 0 * NaN. */
                    states[r].channels[c] = j < seen[r] ? fmaf(weight, value[c], states[r].channels[c]) : states[r].channels[c];
                }
            }
        }
    }
    UNROLL
    for (int r = 0; r < WARP_ROWS; r++) {
        if (first_row + r < queries.rows()) {
            const int64_t i = queries.first + first_row + r;
            store_channels(out + (i * l.query_heads + head) * dim, states[r].channels, 1 / states[r].sum, dim);
            if (lane == 0) {
                lse[i * l.query_heads + head] = (float)((double)states[r].largest / (double)LOG2_E + log((double)states[r].sum));
            }
        }
    }
}

}  // namespace

extern "C" int32_t adaspec_attention_forward(
    float* out, float* lse, const float* qkv, const adaspec_head_layout* layout, const int32_t* starts, int64_t sequences, float scale, int64_t n,
    void* stream) {
    const int32_t status = check_attention("attention_forward", layout, sequences, n);
    if (status != ADASPEC_OK) {
        return status;
    }
    return with_channels(layout->head_dim, [=](auto channels) {
        const Grid grid = {dim3(most_tiles(n, sequences), (unsigned)layout->query_heads), TILE_THREADS, 3 * tile_bytes(layout->head_dim)};
        return launch(
            "attention_forward", forward_kernel<decltype(channels)::value>, grid, stream, out, lse, qkv, *layout, starts, sequences, scale);
    });
}
