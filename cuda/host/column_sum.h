/* Sums over the rows of a matrix, one column at a time, in an order that depends on the number of rows only. */
#pragma once

#include "threads.h"
#include "vec.h"

/*
 * sum[j] += sum_i term(i, j) for j in [0, c): term(i, j, count) gives `count` <= VL columns from j. Rows are added in order within blocks of 64 in
 * f32, the blocks' sums in order in double: the error stays near one rounding whatever the number of rows. Threads share the columns.
 */
template <class Term>
static void sum_columns(float* sum, int64_t n, int64_t c, Term term) {
    /* Columns in strips of 8 vectors: rows are apart in memory, so a strip takes whole cache lines and few pages at a time. */
    const int64_t strip = 8 * VL;
    const int64_t strips = (c + strip - 1) / strip;
#pragma omp parallel for schedule(static) num_threads(threads_for(n * c))
    for (int64_t s = 0; s < strips; s++) {
        const int64_t first = s * strip;
        const int64_t width = c - first < strip ? c - first : strip;
        const int64_t whole = width / VL;
        vd low[8] = {};
        vd high[8] = {};
        for (int64_t i = 0; i < n; i += 64) {
            const int64_t last = i + 64 < n ? i + 64 : n;
            vf block[8] = {};
            for (int64_t row = i; row < last; row++) {
                if (whole == 8) {
#pragma GCC unroll 8
                    for (int64_t w = 0; w < 8; w++) {
                        block[w] += term(row, first + w * VL, (int64_t)VL);
                    }
                } else {
                    for (int64_t w = 0; w * VL < width; w++) {
                        block[w] += term(row, first + w * VL, w < whole ? (int64_t)VL : width - w * VL);
                    }
                }
            }
            for (int w = 0; w < 8; w++) {
                low[w] += widen_low(block[w]);
                high[w] += widen_high(block[w]);
            }
        }
        for (int64_t w = 0; w * VL < width; w++) {
            const int64_t count = w < whole ? (int64_t)VL : width - w * VL;
            float* target = sum + first + w * VL;
            store_count(target, load_count(target, count) + narrow(low[w], high[w]), count);
        }
    }
}
