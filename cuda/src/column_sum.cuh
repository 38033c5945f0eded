/*
 * Sums over the rows of a matrix, column by column, in an order that depends on the number of rows only.
 *
 * A block takes 32 columns: its warps share the rows, in contiguous parts, so that a warp reads 32 neighbours of a row at a time. A part is added in
 * order, 64 rows in f32 and those blocks in double; the parts are added in order too. Without atomics and without memory beside the result, at the price
 * of c / 32 blocks: a gradient's columns keep a device busy from about 2,000 on.
 */
#pragma once

#include "device.cuh"

constexpr int COLUMN_SUM_WARPS = 32;

template <class Term>
__global__ void __launch_bounds__(COLUMN_SUM_WARPS* WARP) column_sum_kernel(float* sum, int64_t n, int64_t c, Term term) {
    double* parts = shared_memory<double>(); /* (COLUMN_SUM_WARPS, WARP) */
    const int lane = (int)threadIdx.x % WARP;
    const int part = (int)threadIdx.x / WARP;
    const int64_t j = (int64_t)blockIdx.x * WARP + lane;
    const int64_t rows = (n + COLUMN_SUM_WARPS - 1) / COLUMN_SUM_WARPS;
    const int64_t first = part * rows;
    const int64_t last = first + rows < n ? first + rows : n;
    double total = 0;
    if (j < c) {
        for (int64_t i = first; i < last; i += 64) {
            const int64_t end = i + 64 < last ? i + 64 : last;
            float block = 0;
            UNROLL_4
            for (int64_t row = i; row < end; row++) {
                block += term(row, j);
            }
            total += (double)block;
        }
    }
    parts[part * WARP + lane] = total;
    __syncthreads();
    if (part == 0 && j < c) {
        double all = 0;
        for (int p = 0; p < COLUMN_SUM_WARPS; p++) {
            all += parts[p * WARP + lane];
        }
        sum[j] = (float)((double)sum[j] + all);
    }
}

/* sum[j] += sum_i term(i, j) for j in [0, c). */
template <class Term>
int32_t sum_columns(const char* operation, float* sum, int64_t n, int64_t c, void* stream, Term term) {
    const Grid grid = {(unsigned)((c + WARP - 1) / WARP), COLUMN_SUM_WARPS * WARP, COLUMN_SUM_WARPS * WARP * sizeof(double)};
    return launch(operation, column_sum_kernel<Term>, grid, stream, sum, n, c, term);
}
