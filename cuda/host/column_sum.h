/* Sums over the rows of a matrix, one column at a time, in an order that depends on the number of rows only. */
#pragma once

#include "threads.h"
#include "vec.h"

/*
 * sum[j] += sum_i term(i, j) for j in [0, c): term(i, j, count) gives `count` <= VL columns from j. Rows are added in order within blocks of 64 in f32,
 * the blocks' sums in order in double: the error stays near one rounding whatever the number of rows. Threads share the columns.
 */
template <class Term>
static void sum_columns(float* sum, int64_t n, int64_t c, Term term) {
    const int64_t vectors = (c + VL - 1) / VL;
#pragma omp parallel for schedule(static) num_threads(threads_for(n * c))
    for (int64_t vector = 0; vector < vectors; vector++) {
        const int64_t j = vector * VL;
        const int64_t count = c - j < VL ? c - j : VL;
        vd total = {};
        for (int64_t first = 0; first < n; first += 64) {
            const int64_t last = first + 64 < n ? first + 64 : n;
            vf block = {};
            for (int64_t i = first; i < last; i++) {
                block += term(i, j, count);
            }
            total += __builtin_convertvector(block, vd);
        }
        const vf added = __builtin_convertvector(total, vf);
        for (int64_t l = 0; l < count; l++) {
            sum[j + l] += added[l];
        }
    }
}
