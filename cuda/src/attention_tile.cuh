/*
 * What the kernels of training's attention share: which rows a block has, and tiles of rows of a head in shared memory. A tile is 32 rows of head_dim + 1
 * floats: with the odd stride 32 lanes that read one channel of 32 rows meet 32 banks.
 */
#pragma once

#include "../host/heads.h"
#include "attend.cuh"

constexpr int TILE = 32;
/* Warps of a block, and rows of a tile that each takes. */
constexpr int TILE_WARPS = 4;
constexpr int TILE_THREADS = TILE_WARPS * WARP;
constexpr int WARP_ROWS = TILE / TILE_WARPS;
/* Blocks on a multiprocessor that the registers must allow: 128 a thread, 255 for the widest heads. Left to itself the compiler takes fewer, and spills. */
constexpr int tile_blocks(int channels) {
    return channels > 4 ? 2 : 4;
}

inline size_t tile_bytes(int32_t head_dim) {
    return (size_t)TILE * (size_t)(head_dim + 1) * sizeof(float);
}

/* As many blocks of TILE rows as sequences of n rows in all can need: where each begins is in device memory. */
inline unsigned most_tiles(int64_t n, int64_t sequences) {
    return (unsigned)(n / TILE + sequences);
}

/* The rows [first, first + TILE) of the sequence [begin, end) that block `block` has; no such block: end 0. */
struct TileRows {
    int64_t begin;
    int64_t end;
    int64_t first;

    static DEVICE TileRows of(int64_t block, const int32_t* starts, int64_t sequences) {
        for (int64_t s = 0; s < sequences; s++) {
            const int64_t begin = starts[s];
            const int64_t end = starts[s + 1];
            const int64_t tiles = (end - begin + TILE - 1) / TILE;
            if (block < tiles) {
                return {begin, end, begin + block * TILE};
            }
            block -= tiles;
        }
        return {0, 0, 0};
    }

    DEVICE int rows() const {
        return end - first < TILE ? (int)(end - first) : TILE;
    }
};

/* tile = TILE rows from x on, apart by ld; zeros past `rows`. All threads of the block; a barrier must follow. */
DEVICE void load_tile(float* tile, const float* x, int64_t ld, int rows, int dim) {
    for (int e = (int)threadIdx.x; e < TILE * dim; e += TILE_THREADS) {
        const int row = e / dim;
        const int channel = e % dim;
        tile[row * (dim + 1) + channel] = row < rows ? x[row * ld + channel] : 0.0f;
    }
}

/* The product of a tile's row `row`, the same on every lane, with the lane's row of another. */
DEVICE float dot_rows(const float* tile, int row, const float* other, int dim) {
    const float* a = tile + row * (dim + 1);
    const float* b = other + (int)threadIdx.x % WARP * (dim + 1);
    float sum = 0;
    for (int c = 0; c < dim; c++) {
        sum = fmaf(a[c], b[c], sum);
    }
    return sum;
}

/* This lane's channels of a row. */
template <int CHANNELS>
DEVICE void load_channels(float (&to)[CHANNELS], const float* tile, int row, int dim) {
    UNROLL
    for (int c = 0; c < CHANNELS; c++) {
        const int channel = (int)threadIdx.x % WARP + c * WARP;
        to[c] = channel < dim ? tile[row * (dim + 1) + channel] : 0.0f;
    }
}

template <int CHANNELS>
DEVICE void store_channels(float* to, const float (&from)[CHANNELS], float factor, int dim) {
    UNROLL
    for (int c = 0; c < CHANNELS; c++) {
        const int channel = (int)threadIdx.x % WARP + c * WARP;
        if (channel < dim) {
            to[channel] = from[c] * factor;
        }
    }
}

inline int32_t check_attention(const char* operation, const adaspec_head_layout* layout, int64_t sequences, int64_t n) {
    const int32_t status = check_layout(operation, layout);
    if (status != ADASPEC_OK) {
        return status;
    }
    REQUIRE(n >= 0 && sequences >= 0, "%s: %lld rows in %lld sequences", operation, (long long)n, (long long)sequences);
    REQUIRE(layout->head_dim <= WIDEST_HEAD, "%s: heads of %d channels; at most %d were expected", operation, layout->head_dim, WIDEST_HEAD);
    return ADASPEC_OK;
}
