/* Sums over one row in f32 lanes and double, and of two rows: what the norms are made of. */
#pragma once

#include "vec.h"

/* sum_j f(j) over a row: lanes in f32 within blocks of 1024 columns, blocks in double. f(j, count) gives `count` <= VL terms, zero past them. */
template <class F>
INLINE double sum_row(int64_t c, F f) {
    double total = 0;
    for (int64_t first = 0; first < c; first += 1024) {
        const int64_t last = first + 1024 < c ? first + 1024 : c;
        vf block = {};
        int64_t j = first;
        for (; j + VL <= last; j += VL) {
            block += f(j, (int64_t)VL);
        }
        if (j < last) {
            block += f(j, last - j);
        }
        total += sum_double(block);
    }
    return total;
}

/* sum = a + b; sum may be a or b. */
INLINE void add_row(float* sum, const float* a, const float* b, int64_t c) {
    for (int64_t j = 0; j < c; j += VL) {
        const int64_t count = c - j < VL ? c - j : VL;
        store_count(sum + j, load_count(a + j, count) + load_count(b + j, count), count);
    }
}
