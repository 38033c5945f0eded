/*
 * The gradient of causal attention by queries, keys and values, from the forward's output and log-sum-exp; scores are computed anew (Dao et al.,
 * FlashAttention, 2022). With p = exp(scale q k - lse), dp = dout v, delta = dout out and ds = scale p (dp - delta):
 *
 *   dq = sum over keys of ds k;   dk = sum over queries of ds q;   dv = sum over queries of p dout
 *
 * Two kernels, so that nothing is added by atomics and every sum has one order: one has 32 queries and walks the keys, the other 32 keys of a key head
 * and walks the queries, head by head of the group.
 */
#include "attention_tile.cuh"

namespace {

/* The arguments. */
struct Backward {
    float* dqkv;
    const float* dout;
    const float* out;
    const float* lse;
    const float* qkv;
    adaspec_head_layout l;
    const int32_t* starts;
    int64_t sequences;
    float scale;

    DEVICE int64_t out_width() const {
        return (int64_t)l.query_heads * l.head_dim;
    }
};

/* scale p (dp - delta) from a score without scale. */
DEVICE float score_gradient(const Backward& b, float product, float lse, float dp, float delta, float& p) {
    p = exp2_fast((product * b.scale - lse) * LOG2_E);
    return b.scale * p * (dp - delta);
}

/* (TILE): dout out of the rows of a tile, and their lse. All threads; a barrier must follow. */
DEVICE void load_row_numbers(float* delta, float* lse, const Backward& b, int64_t first, int rows, int head) {
    const int lane = (int)threadIdx.x % WARP;
    for (int r = (int)threadIdx.x / WARP; r < TILE; r += TILE_WARPS) {
        float sum = 0;
        if (r < rows) {
            const int64_t at = (first + r) * b.out_width() + head * b.l.head_dim;
            for (int c = lane; c < b.l.head_dim; c += WARP) {
                sum = fmaf(b.dout[at + c], b.out[at + c], sum);
            }
        }
        sum = warp_sum(sum);
        if (lane == 0) {
            delta[r] = sum;
            lse[r] = r < rows ? b.lse[(first + r) * b.l.query_heads + head] : 0.0f;
        }
    }
}

/* dqkv = 0: only for rows that hold something beside heads. */
__global__ void __launch_bounds__(TILE_THREADS) clear_kernel(float* dqkv, int32_t row_width) {
    for (int j = (int)threadIdx.x; j < row_width; j += TILE_THREADS) {
        dqkv[(int64_t)blockIdx.x * row_width + j] = 0;
    }
}

template <int CHANNELS>
__global__ void __launch_bounds__(TILE_THREADS, tile_blocks(CHANNELS)) queries_kernel(Backward b) {
    const TileRows queries = TileRows::of(blockIdx.x, b.starts, b.sequences);
    if (queries.end == 0) {
        return;
    }
    const adaspec_head_layout& l = b.l;
    const int head = (int)blockIdx.y;
    const int group_head = head / (l.query_heads / l.kv_heads);
    const int dim = l.head_dim;
    const int first_row = (int)threadIdx.x / WARP * WARP_ROWS;
    float* query_tile = shared_memory<float>();
    float* dout_tile = query_tile + TILE * (dim + 1);
    float* key_tile = dout_tile + TILE * (dim + 1);
    float* value_tile = key_tile + TILE * (dim + 1);
    float* delta = value_tile + TILE * (dim + 1);
    float* lse = delta + TILE;
    load_tile(query_tile, b.qkv + queries.first * l.row_width + query_at(l, head), l.row_width, queries.rows(), dim);
    load_tile(dout_tile, b.dout + queries.first * b.out_width() + head * dim, b.out_width(), queries.rows(), dim);
    load_row_numbers(delta, lse, b, queries.first, queries.rows(), head);
    float dq[WARP_ROWS][CHANNELS] = {};
    for (int64_t keys = queries.begin; keys < queries.first + queries.rows(); keys += TILE) {
        const int count = queries.end - keys < TILE ? (int)(queries.end - keys) : TILE;
        __syncthreads();
        load_tile(key_tile, b.qkv + keys * l.row_width + key_at(l, group_head), l.row_width, count, dim);
        load_tile(value_tile, b.qkv + keys * l.row_width + value_at(l, group_head), l.row_width, count, dim);
        __syncthreads();
        float ds[WARP_ROWS];
        int seen[WARP_ROWS];
        UNROLL
        for (int r = 0; r < WARP_ROWS; r++) {
            const int row = first_row + r;
            const int64_t ahead = queries.first + row + 1 - keys;
            seen[r] = ahead < count ? (int)ahead : count;
            float p;
            ds[r] = score_gradient(b, dot_rows(query_tile, row, key_tile, dim), lse[row], dot_rows(dout_tile, row, value_tile, dim), delta[row], p);
        }
        for (int j = 0; j < count; j++) {
            float key[CHANNELS];
            load_channels(key, key_tile, j, dim);
            UNROLL
            for (int r = 0; r < WARP_ROWS; r++) {
                const float factor = __shfl_sync(ALL_LANES, ds[r], j);
                UNROLL
                for (int c = 0; c < CHANNELS; c++) {
                    dq[r][c] = j < seen[r] ? fmaf(factor, key[c], dq[r][c]) : dq[r][c];
                }
            }
        }
    }
    UNROLL
    for (int r = 0; r < WARP_ROWS; r++) {
        if (first_row + r < queries.rows()) {
            store_channels(b.dqkv + (queries.first + first_row + r) * l.row_width + query_at(l, head), dq[r], 1, dim);
        }
    }
}

template <int CHANNELS>
__global__ void __launch_bounds__(TILE_THREADS, tile_blocks(CHANNELS)) keys_kernel(Backward b) {
    const TileRows keys = TileRows::of(blockIdx.x, b.starts, b.sequences);
    if (keys.end == 0) {
        return;
    }
    const adaspec_head_layout& l = b.l;
    const int group_head = (int)blockIdx.y;
    const int group = l.query_heads / l.kv_heads;
    const int dim = l.head_dim;
    const int lane = (int)threadIdx.x % WARP;
    const int first_row = (int)threadIdx.x / WARP * WARP_ROWS;
    float* key_tile = shared_memory<float>();
    float* value_tile = key_tile + TILE * (dim + 1);
    float* query_tile = value_tile + TILE * (dim + 1);
    float* dout_tile = query_tile + TILE * (dim + 1);
    float* delta = dout_tile + TILE * (dim + 1);
    float* lse = delta + TILE;
    load_tile(key_tile, b.qkv + keys.first * l.row_width + key_at(l, group_head), l.row_width, keys.rows(), dim);
    load_tile(value_tile, b.qkv + keys.first * l.row_width + value_at(l, group_head), l.row_width, keys.rows(), dim);
    float dk[WARP_ROWS][CHANNELS] = {};
    float dv[WARP_ROWS][CHANNELS] = {};
    for (int head = group_head * group; head < (group_head + 1) * group; head++) {
        for (int64_t queries = keys.first; queries < keys.end; queries += TILE) {
            const int count = keys.end - queries < TILE ? (int)(keys.end - queries) : TILE;
            __syncthreads();
            load_tile(query_tile, b.qkv + queries * l.row_width + query_at(l, head), l.row_width, count, dim);
            load_tile(dout_tile, b.dout + queries * b.out_width() + head * dim, b.out_width(), count, dim);
            load_row_numbers(delta, lse, b, queries, count, head);
            __syncthreads();
            float p[WARP_ROWS];
            float ds[WARP_ROWS];
            int from[WARP_ROWS]; /* the first query of the tile that sees the key */
            UNROLL
            for (int r = 0; r < WARP_ROWS; r++) {
                const int row = first_row + r;
                const int64_t behind = keys.first + row - queries;
                from[r] = behind > 0 ? (int)behind : 0;
                ds[r] = score_gradient(
                    b, dot_rows(key_tile, row, query_tile, dim), lse[lane], dot_rows(value_tile, row, dout_tile, dim), delta[lane], p[r]);
            }
            for (int j = 0; j < count; j++) {
                float query[CHANNELS];
                float gradient[CHANNELS];
                load_channels(query, query_tile, j, dim);
                load_channels(gradient, dout_tile, j, dim);
                UNROLL
                for (int r = 0; r < WARP_ROWS; r++) {
                    const float ds_j = __shfl_sync(ALL_LANES, ds[r], j);
                    const float p_j = __shfl_sync(ALL_LANES, p[r], j);
                    UNROLL
                    for (int c = 0; c < CHANNELS; c++) {
                        dk[r][c] = j >= from[r] ? fmaf(ds_j, query[c], dk[r][c]) : dk[r][c];
                        dv[r][c] = j >= from[r] ? fmaf(p_j, gradient[c], dv[r][c]) : dv[r][c];
                    }
                }
            }
        }
    }
    UNROLL
    for (int r = 0; r < WARP_ROWS; r++) {
        if (first_row + r < keys.rows()) {
            float* row = b.dqkv + (keys.first + first_row + r) * l.row_width;
            store_channels(row + key_at(l, group_head), dk[r], 1, dim);
            store_channels(row + value_at(l, group_head), dv[r], 1, dim);
        }
    }
}

}  // namespace

extern "C" int32_t adaspec_attention_backward(
    float* dqkv, const float* dout, const float* out, const float* lse, const float* qkv, const adaspec_head_layout* layout, const int32_t* starts,
    int64_t sequences, float scale, int64_t n, void* stream) {
    const int32_t status = check_attention("attention_backward", layout, sequences, n);
    if (status != ADASPEC_OK) {
        return status;
    }
    const Backward b = {dqkv, dout, out, lse, qkv, *layout, starts, sequences, scale};
    return with_channels(layout->head_dim, [=](auto channels) {
        constexpr int CHANNELS = decltype(channels)::value;
        const size_t shared = 4 * tile_bytes(layout->head_dim) + 2 * TILE * sizeof(float);
        const unsigned tiles = most_tiles(n, sequences);
        const bool gaps = (layout->query_heads + 2 * layout->kv_heads) * layout->head_dim < layout->row_width;
        int32_t done = launch("attention_backward", clear_kernel, {(unsigned)(gaps ? n : 0), TILE_THREADS}, stream, dqkv, layout->row_width);
        if (done == ADASPEC_OK) {
            const Grid grid = {dim3(tiles, (unsigned)layout->query_heads), TILE_THREADS, shared};
            done = launch("attention_backward", queries_kernel<CHANNELS>, grid, stream, b);
        }
        if (done == ADASPEC_OK) {
            const Grid grid = {dim3(tiles, (unsigned)layout->kv_heads), TILE_THREADS, shared};
            done = launch("attention_backward", keys_kernel<CHANNELS>, grid, stream, b);
        }
        return done;
    });
}
