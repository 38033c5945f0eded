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

/* Rows of x in a tile: as many accumulators of 4 columns as the registers hold beside the rows and one column. */
#if defined(__AVX512F__)
#define DOT_ROWS 6
#else
#define DOT_ROWS 3
#endif

/* Bytes of a cache line, and how far ahead rows of w are asked for, all streams together: a processor looks ahead within a page only. */
#define LINE 64
#define AHEAD 8192

/* sums[r][j] = the lanes of the product of row r of x (ROWS, k) with row w[j] (COLUMNS). */
template <int ROWS, int COLUMNS, class Type>
INLINE void dot_sums(vf sums[ROWS][COLUMNS], const float* x, int64_t ld_x, const typename Type::element* const w[COLUMNS], int64_t k) {
    const int64_t line = LINE / (int64_t)sizeof(typename Type::element);
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
#pragma GCC unroll 4
        for (int j = 0; j < COLUMNS; j++) {
            sums[r][j] = vf{};
        }
    }
    const auto add = [&](int64_t i, int64_t count) __attribute__((always_inline)) {
        vf rows[ROWS];
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            rows[r] = load_count(x + r * ld_x + i, count);
        }
#pragma GCC unroll 4
        for (int j = 0; j < COLUMNS; j++) {
            const vf column = count == VL ? Type::widen(w[j] + i) : Type::widen_first(w[j] + i, count);
#pragma GCC unroll 8
            for (int r = 0; r < ROWS; r++) {
                sums[r][j] += rows[r] * column;
            }
        }
    };
    int64_t i = 0;
    for (; i + line <= k; i += line) {
#pragma GCC unroll 4
        for (int j = 0; j < COLUMNS; j++) {
            __builtin_prefetch((const char*)(w[j] + i) + AHEAD / COLUMNS);
        }
#pragma GCC unroll 16
        for (int64_t l = 0; l < line; l += VL) {
            add(i + l, VL);
        }
    }
    for (; i + VL <= k; i += VL) {
        add(i, VL);
    }
    if (i < k) {
        add(i, k - i);
    }
}

/* result[r] = the products of row r of x (ROWS, k) with the four rows w[0..3]. */
template <int ROWS, class Type>
INLINE void dot_tile(vf4 result[ROWS], const float* x, int64_t ld_x, const typename Type::element* const w[4], int64_t k) {
    vf sums[ROWS][4];
    dot_sums<ROWS, 4, Type>(sums, x, ld_x, w, k);
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
        result[r] = sums_of_4(sums[r][0], sums[r][1], sums[r][2], sums[r][3]);
    }
}

/* Stores columns at, at + step, .. of out (ROWS, ..), `columns` in [1, 4] of them. */
template <int ROWS>
INLINE void put(float* out, int64_t ld_out, const vf4 result[ROWS], const float* bias, int64_t at, int64_t columns, int64_t step) {
    for (int64_t c = 0; c < columns; c++, at += step) {
        for (int r = 0; r < ROWS; r++) {
            out[r * ld_out + at] = bias != nullptr ? result[r][c] + bias[at] : result[r][c];
        }
    }
}

/* out (ROWS, n) = x (ROWS, k) w(n, k)^T + bias; w is read as four streams, each a run of n / 4 rows. */
template <int ROWS, class Type>
static void dot_streams(
    float* out, int64_t ld_out, const float* x, int64_t ld_x, const typename Type::element* w, int64_t ld_w, const float* bias, int64_t n,
    int64_t k) {
    const int64_t step = (n + 3) / 4;
    for (int64_t j = 0; j < step; j++) {
        const int64_t columns = (n - j + step - 1) / step;
        const typename Type::element* rows[4];
        for (int64_t c = 0; c < 4; c++) {
            rows[c] = w + (j + (c < columns ? c : columns - 1) * step) * ld_w;
        }
        vf4 result[ROWS];
        dot_tile<ROWS, Type>(result, x, ld_x, rows, k);
        put<ROWS>(out, ld_out, result, bias, j, columns, step);
    }
}

/* The same of one row, w read as one run. */
template <class Type>
static void dot_run(
    float* out, const float* x, const typename Type::element* w, int64_t ld_w, const float* bias, int64_t n, int64_t k) {
    for (int64_t j = 0; j < n; j += 4) {
        const int64_t columns = n - j < 4 ? n - j : 4;
        vf sums[4] = {};
        for (int64_t c = 0; c < columns; c++) {
            const typename Type::element* row = w + (j + c) * ld_w;
            vf one[1][1];
            dot_sums<1, 1, Type>(one, x, 0, &row, k);
            sums[c] = one[0][0];
        }
        const vf4 result = sums_of_4(sums[0], sums[1], sums[2], sums[3]);
        put<1>(out, 0, &result, bias, j, columns, 1);
    }
}

/* out (rows, n) = x (rows, k) w(n, k)^T + bias, rows in [0, DOT_ROWS], bias may be null. */
template <class Type>
static void dot_columns(
    float* out, int64_t ld_out, const float* x, int64_t ld_x, const typename Type::element* w, int64_t ld_w, const float* bias, int64_t rows,
    int64_t n, int64_t k) {
    switch (rows) {
#if DOT_ROWS == 6
        case 6: dot_streams<6, Type>(out, ld_out, x, ld_x, w, ld_w, bias, n, k); break;
        case 5: dot_streams<5, Type>(out, ld_out, x, ld_x, w, ld_w, bias, n, k); break;
        case 4: dot_streams<4, Type>(out, ld_out, x, ld_x, w, ld_w, bias, n, k); break;
#endif
        case 3: dot_streams<3, Type>(out, ld_out, x, ld_x, w, ld_w, bias, n, k); break;
        case 2: dot_streams<2, Type>(out, ld_out, x, ld_x, w, ld_w, bias, n, k); break;
        case 1: dot_streams<1, Type>(out, ld_out, x, ld_x, w, ld_w, bias, n, k); break;
        default: break;
    }
}
