/*
 * Dot products of rows with rows, the same bits for any blocking: lane l of an accumulator sums x[k + l] * w[k + l] for k = 0, VL, 2 VL, .. in that
 * order, the last vector is filled with zeros, and the lanes are added by halves. Whether a product is computed alone or in a tile with others, and
 * which ones, changes nothing.
 */
#pragma once

#include "vec.h"

typedef float vf4 __attribute__((vector_size(16)));

/* Lanes l and l + VL/2 added, then l and l + VL/4, down to four. */
INLINE vf4 fold_to_4(vf x) {
#if VL == 16
    const vf_half half = low_half(x) + high_half(x);
    return __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
#elif VL == 8
    return low_half(x) + high_half(x);
#else
    return x;
#endif
}

/* The sums of the lanes of four vectors, each added by halves. */
INLINE vf4 sums_of_4(vf a, vf b, vf c, vf d) {
    const vf4 a4 = fold_to_4(a);
    const vf4 b4 = fold_to_4(b);
    const vf4 c4 = fold_to_4(c);
    const vf4 d4 = fold_to_4(d);
    const vf4 ab = __builtin_shufflevector(a4, b4, 0, 1, 4, 5) + __builtin_shufflevector(a4, b4, 2, 3, 6, 7);
    const vf4 cd = __builtin_shufflevector(c4, d4, 0, 1, 4, 5) + __builtin_shufflevector(c4, d4, 2, 3, 6, 7);
    return __builtin_shufflevector(ab, cd, 0, 2, 4, 6) + __builtin_shufflevector(ab, cd, 1, 3, 5, 7);
}

/* Rows of x in a tile: as many accumulators of 4 columns as the registers hold beside the operands. */
#if defined(__AVX512F__)
#define DOT_ROWS 6
#else
#define DOT_ROWS 2
#endif

/* result[r] = the products of row r of x (ROWS, k) with the four rows w[0..3]. */
template <int ROWS, class Type>
INLINE void dot_tile(vf4 result[ROWS], const float* x, int64_t ld_x, const typename Type::element* const w[4], int64_t ld_w, int64_t k) {
    vf sums[ROWS][4] = {};
    int64_t i = 0;
    for (; i + VL <= k; i += VL) {
        if (ROWS <= 2 && sizeof(typename Type::element) == 2) {
            /*
             * One or two rows wait for the weights, and a processor looks ahead within a page only, which a row of narrow weights hardly fills: the
             * next four rows are asked for (15 to 90 % faster; rows of f32 gain nothing).
             */
            __builtin_prefetch(w[0] + 4 * ld_w + i);
            __builtin_prefetch(w[1] + 4 * ld_w + i);
            __builtin_prefetch(w[2] + 4 * ld_w + i);
            __builtin_prefetch(w[3] + 4 * ld_w + i);
        }
        const vf w0 = Type::widen(w[0] + i);
        const vf w1 = Type::widen(w[1] + i);
        const vf w2 = Type::widen(w[2] + i);
        const vf w3 = Type::widen(w[3] + i);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            const vf row = load(x + r * ld_x + i);
            sums[r][0] += row * w0;
            sums[r][1] += row * w1;
            sums[r][2] += row * w2;
            sums[r][3] += row * w3;
        }
    }
    if (i < k) {
        const int64_t rest = k - i;
        const vf w0 = Type::widen_first(w[0] + i, rest);
        const vf w1 = Type::widen_first(w[1] + i, rest);
        const vf w2 = Type::widen_first(w[2] + i, rest);
        const vf w3 = Type::widen_first(w[3] + i, rest);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            const vf row = load_first(x + r * ld_x + i, rest);
            sums[r][0] += row * w0;
            sums[r][1] += row * w1;
            sums[r][2] += row * w2;
            sums[r][3] += row * w3;
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
        result[r] = sums_of_4(sums[r][0], sums[r][1], sums[r][2], sums[r][3]);
    }
}

/* out (ROWS, columns) = the products, columns in [1, 4]; columns past the last repeat it and are not stored. */
template <int ROWS, class Type>
static void dot_block(
    float* out, int64_t ld_out, const float* x, int64_t ld_x, const typename Type::element* w, int64_t ld_w, const float* bias, int64_t columns,
    int64_t k) {
    const typename Type::element* rows[4];
    for (int j = 0; j < 4; j++) {
        rows[j] = w + (j < columns ? j : columns - 1) * ld_w;
    }
    vf4 result[ROWS];
    dot_tile<ROWS, Type>(result, x, ld_x, rows, ld_w, k);
    for (int r = 0; r < ROWS; r++) {
        for (int64_t j = 0; j < columns; j++) {
            out[r * ld_out + j] = bias != nullptr ? result[r][j] + bias[j] : result[r][j];
        }
    }
}

/* out (m, columns) = x (m, k) w(columns, k)^T + bias, columns in [1, 4], bias may be null. */
template <class Type>
static void dot_panel(
    float* out, int64_t ld_out, const float* x, int64_t ld_x, const typename Type::element* w, int64_t ld_w, const float* bias, int64_t m,
    int64_t columns, int64_t k) {
    int64_t i = 0;
    for (; i + DOT_ROWS <= m; i += DOT_ROWS) {
        dot_block<DOT_ROWS, Type>(out + i * ld_out, ld_out, x + i * ld_x, ld_x, w, ld_w, bias, columns, k);
    }
    float* rest = out + i * ld_out;
    const float* from = x + i * ld_x;
    switch (m - i) {
#if DOT_ROWS > 2
        case 5: dot_block<5, Type>(rest, ld_out, from, ld_x, w, ld_w, bias, columns, k); break;
        case 4: dot_block<4, Type>(rest, ld_out, from, ld_x, w, ld_w, bias, columns, k); break;
        case 3: dot_block<3, Type>(rest, ld_out, from, ld_x, w, ld_w, bias, columns, k); break;
        case 2: dot_block<2, Type>(rest, ld_out, from, ld_x, w, ld_w, bias, columns, k); break;
#endif
        case 1: dot_block<1, Type>(rest, ld_out, from, ld_x, w, ld_w, bias, columns, k); break;
        default: break;
    }
}
