/* Sums over one row in f32 lanes and double: what the norms are made of. */
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
