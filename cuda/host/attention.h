/*
 * Causal attention of a block of query rows over the keys from a sequence's start, in blocks of keys with a running maximum (Milakov and Gimelshein,
 * 2018; Dao et al., FlashAttention, 2022). No matrix of scores is kept: a block's scores fit the first-level cache.
 *
 * Blocks of keys begin at multiples of KEYS from the sequence's start and a row reads no key past its own, so a row's bits depend on its query and on
 * the keys and values it sees: not on the rows beside it, and neither on whether keys lie in a batch (training) or in a cache (decoding).
 */
#pragma once

#include <math.h>

#include "dot.h"
#include "vecmath.h"

#define QUERIES 32
#define KEYS 64

/*
 * out (ROWS, VECTORS * VL, the last vector `count` wide) += a (ROWS, terms) b (terms, ..): terms in order. a's element (r, t) is at
 * r * a_row + t * a_column.
 */
template <int ROWS, int VECTORS>
INLINE void accumulate_tile(
    float* out, int64_t ld_out, const float* a, int64_t a_row, int64_t a_column, const float* b, int64_t ld_b, int64_t terms, int64_t count) {
    vf sums[ROWS][VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
#pragma GCC unroll 8
        for (int c = 0; c < VECTORS; c++) {
            sums[r][c] = VECTORS > 1 ? load(out + r * ld_out + c * VL) : load_count(out + r * ld_out, count);
        }
    }
    for (int64_t t = 0; t < terms; t++) {
        vf row[VECTORS];
#pragma GCC unroll 8
        for (int c = 0; c < VECTORS; c++) {
            row[c] = VECTORS > 1 ? load(b + t * ld_b + c * VL) : load_count(b + t * ld_b, count);
        }
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            const vf factor = splat(a[r * a_row + t * a_column]);
#pragma GCC unroll 8
            for (int c = 0; c < VECTORS; c++) {
                sums[r][c] += factor * row[c];
            }
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
#pragma GCC unroll 8
        for (int c = 0; c < VECTORS; c++) {
            if (VECTORS > 1) {
                store(out + r * ld_out + c * VL, sums[r][c]);
            } else {
                store_count(out + r * ld_out, sums[r][c], count);
            }
        }
    }
}

#if defined(__AVX512F__)
#define TILE_ROWS 4
#define TILE_VECTORS 4
#else
#define TILE_ROWS 2
#define TILE_VECTORS 4
#endif

template <int ROWS>
static void accumulate_rows(
    float* out, int64_t ld_out, const float* a, int64_t a_row, int64_t a_column, const float* b, int64_t ld_b, int64_t terms, int64_t width) {
    int64_t j = 0;
    for (; j + TILE_VECTORS * VL <= width; j += TILE_VECTORS * VL) {
        accumulate_tile<ROWS, TILE_VECTORS>(out + j, ld_out, a, a_row, a_column, b + j, ld_b, terms, VL);
    }
    for (; j < width; j += VL) {
        accumulate_tile<ROWS, 1>(out + j, ld_out, a, a_row, a_column, b + j, ld_b, terms, width - j < VL ? width - j : VL);
    }
}

/* out (rows, width) += a (rows, terms) b (terms, width). */
static void accumulate(
    float* out, int64_t ld_out, const float* a, int64_t a_row, int64_t a_column, const float* b, int64_t ld_b, int64_t rows, int64_t terms,
    int64_t width) {
    int64_t i = 0;
    for (; i + TILE_ROWS <= rows; i += TILE_ROWS) {
        accumulate_rows<TILE_ROWS>(out + i * ld_out, ld_out, a + i * a_row, a_row, a_column, b, ld_b, terms, width);
    }
    for (; i < rows; i++) {
        accumulate_rows<1>(out + i * ld_out, ld_out, a + i * a_row, a_row, a_column, b, ld_b, terms, width);
    }
}

/* products (rows, keys) with row stride KEYS = q (rows, width) k(keys, width)^T. */
static void score_block(
    float* products, const float* q, int64_t ld_q, const float* k, int64_t ld_k, int64_t rows, int64_t keys, int64_t width) {
    for (int64_t j = 0; j < keys; j += 4) {
        dot_panel<F32>(products + j, KEYS, q, ld_q, k + j * ld_k, ld_k, nullptr, rows, keys - j < 4 ? keys - j : 4, width);
    }
}

INLINE void scale_row(float* row, float factor, int64_t width) {
    for (int64_t j = 0; j < width; j += VL) {
        const int64_t count = width - j < VL ? width - j : VL;
        store_count(row + j, load_count(row + j, count) * factor, count);
    }
}

/*
 * out (rows, width) = softmax(scale q k^T) v; rows <= QUERIES; row r sees the first `visible + r` keys, visible >= 1. lse may be null, else row r's
 * log-sum-exp goes to lse[r * ld_lse].
 */
static void attend(
    float* out, int64_t ld_out, float* lse, int64_t ld_lse, const float* q, int64_t ld_q, const float* k, int64_t ld_k, const float* v, int64_t ld_v,
    int64_t rows, int64_t visible, int64_t width, float scale) {
    float weights[QUERIES * KEYS] __attribute__((aligned(64)));
    float largest[QUERIES];
    float total[QUERIES];
    for (int64_t r = 0; r < rows; r++) {
        largest[r] = -INFINITY;
        total[r] = 0;
        memset(out + r * ld_out, 0, width * sizeof(float));
    }
    const int64_t last = visible + rows - 1;
    for (int64_t first = 0; first < last; first += KEYS) {
        const int64_t keys = last - first < KEYS ? last - first : KEYS;
        score_block(weights, q, ld_q, k + first * ld_k, ld_k, rows, keys, width);
        for (int64_t r = 0; r < rows; r++) {
            const int64_t seen = visible + r - first < keys ? visible + r - first : keys;
            if (seen <= 0) {
                continue;
            }
            float* row = weights + r * KEYS;
            vf block = splat(-INFINITY);
            for (int64_t j = 0; j < seen; j += VL) {
                const int64_t count = seen - j < VL ? seen - j : VL;
                block = max(block, (count == VL ? load(row + j) : load_first(row + j, count, -INFINITY)) * scale);
            }
            const float before = largest[r];
            const float block_largest = max_lane(block);
            const float now = block_largest > before ? block_largest : before;
            vf sums = {};
            for (int64_t j = 0; j < seen; j += VL) {
                const int64_t count = seen - j < VL ? seen - j : VL;
                const vf scaled = count == VL ? load(row + j) * scale : load_first(row + j, count, -INFINITY) * scale;
                const vf weight = exp(scaled - now);
                sums += weight;
                store(row + j, weight);
            }
            if (now != before) {
                const float shrink = exp(splat(before - now))[0];
                total[r] *= shrink;
                scale_row(out + r * ld_out, shrink, width);
                largest[r] = now;
            }
            total[r] += sum(sums);
        }
        /* Where some row's keys end inside the block, rows go one by one: a key that a row may not see must not reach it even as 0 * NaN. */
        const float* values = v + first * ld_v;
        if (visible >= first + keys) {
            accumulate(out, ld_out, weights, KEYS, 1, values, ld_v, rows, keys, width);
        } else {
            for (int64_t r = 0; r < rows; r++) {
                const int64_t seen = visible + r - first < keys ? visible + r - first : keys;
                if (seen > 0) {
                    accumulate(out + r * ld_out, ld_out, weights + r * KEYS, KEYS, 1, values, ld_v, 1, seen, width);
                }
            }
        }
    }
    for (int64_t r = 0; r < rows; r++) {
        scale_row(out + r * ld_out, 1.0f / total[r], width);
        if (lse != nullptr) {
            lse[r * ld_lse] = (float)(largest[r] + log((double)total[r]));
        }
    }
}
