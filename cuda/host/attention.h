/*
 * Causal attention of a block of query rows over the keys from a sequence's start, in blocks of keys with a running maximum (Milakov and Gimelshein,
 * 2018; Dao et al., FlashAttention, 2022). No matrix of scores is kept: a block's scores fit the first-level cache.
 *
 * Blocks of keys begin at multiples of KEYS from the sequence's start and a row reads no key past its own, so a row's bits depend on its query and on
 * the keys and values it sees, not on the rows beside it. Training and decoding add up a score in different orders (see below), so theirs differ by a
 * rounding.
 */
#pragma once

#include <math.h>

#include "dot.h"
#include "vecmath.h"

#define QUERIES 32
#define KEYS 64
/* Channels of a head that are turned at once. */
#define CHANNELS 64

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
    for (; j + 2 * VL <= width; j += 2 * VL) {
        accumulate_tile<ROWS, 2>(out + j, ld_out, a, a_row, a_column, b + j, ld_b, terms, VL);
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

/* to (4, ..) = from(.., 4)^T: four rows of four. */
INLINE void transpose_4(float* to, int64_t ld_to, const float* from, int64_t ld_from) {
    vf4 a;
    vf4 b;
    vf4 c;
    vf4 d;
    memcpy(&a, from, sizeof a);
    memcpy(&b, from + ld_from, sizeof b);
    memcpy(&c, from + 2 * ld_from, sizeof c);
    memcpy(&d, from + 3 * ld_from, sizeof d);
    const vf4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const vf4 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const vf4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const vf4 cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    a = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    b = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    c = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    d = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
    memcpy(to, &a, sizeof a);
    memcpy(to + ld_to, &b, sizeof b);
    memcpy(to + 2 * ld_to, &c, sizeof c);
    memcpy(to + 3 * ld_to, &d, sizeof d);
}

/* turned (width, KEYS) = k (keys, width)^T; columns past the keys are zero up to a whole vector. */
static void turn(float* turned, const float* k, int64_t ld_k, int64_t keys, int64_t width) {
    for (int64_t j = 0; j < keys; j += 4) {
        int64_t i = 0;
        if (keys - j >= 4) {
            for (; i + 4 <= width; i += 4) {
                transpose_4(turned + i * KEYS + j, KEYS, k + j * ld_k + i, ld_k);
            }
        }
        for (; i < width; i++) {
            for (int64_t l = j; l < j + 4; l++) {
                turned[i * KEYS + l] = l < keys ? k[l * ld_k + i] : 0;
            }
        }
    }
    const int64_t whole = (keys + VL - 1) / VL * VL;
    for (int64_t l = (keys + 3) / 4 * 4; l < whole; l++) {
        for (int64_t i = 0; i < width; i++) {
            turned[i * KEYS + l] = 0;
        }
    }
}

/*
 * products (rows, keys) with row stride KEYS = q (rows, width) k(keys, width)^T, each a sum over the width in order. Heads are narrow: a dot product of
 * two rows spends more on adding up its lanes than on multiplying. For many rows of q the keys are turned, so that lanes are keys.
 */
static void score_block(
    float* products, const float* q, int64_t ld_q, const float* k, int64_t ld_k, int64_t rows, int64_t keys, int64_t width) {
    float turned[CHANNELS * KEYS] __attribute__((aligned(64)));
    const int64_t columns = (keys + VL - 1) / VL * VL;
    for (int64_t r = 0; r < rows; r++) {
        memset(products + r * KEYS, 0, columns * sizeof(float));
    }
    for (int64_t first = 0; first < width; first += CHANNELS) {
        const int64_t channels = width - first < CHANNELS ? width - first : CHANNELS;
        turn(turned, k + first, ld_k, keys, channels);
        accumulate(products, KEYS, q + first, ld_q, 1, turned, KEYS, rows, channels, columns);
    }
}

/* The same as dot products: for a few rows of q, which would not pay for turning the keys. */
static void score_few(
    float* products, const float* q, int64_t ld_q, const float* k, int64_t ld_k, int64_t rows, int64_t keys, int64_t width) {
    for (int64_t r = 0; r < rows; r += DOT_ROWS) {
        dot_columns<F32>(
            products + r * KEYS, KEYS, q + r * ld_q, ld_q, k, ld_k, nullptr, rows - r < DOT_ROWS ? rows - r : DOT_ROWS, keys, width);
    }
}

/* How the scores of a block are computed. A path that promises equal bits for any number of rows must always use the same one. */
enum Scores { MANY_ROWS, FEW_ROWS };

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
template <Scores SCORES>
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
        if (SCORES == MANY_ROWS) {
            score_block(weights, q, ld_q, k + first * ld_k, ld_k, rows, keys, width);
        } else {
            score_few(weights, q, ld_q, k + first * ld_k, ld_k, rows, keys, width);
        }
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
