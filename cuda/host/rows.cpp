/* Whole rows: adding a bias, summing columns, adding, gathering, scattering. */
#include "column_sum.h"
#include "status.h"
#include "threads.h"
#include "vec.h"

ADASPEC_OPERATION(bias_add)(float* out, int64_t ld_out, const float* bias, int64_t n, int64_t c, void*) {
    REQUIRE(n >= 0 && c >= 0 && ld_out >= c, "bias_add: out is (%lld, %lld) with row stride %lld", (long long)n, (long long)c, (long long)ld_out);
#pragma omp parallel for schedule(static) num_threads(threads_for(n * c))
    for (int64_t i = 0; i < n; i++) {
        float* row = out + i * ld_out;
        int64_t j = 0;
        for (; j + VL <= c; j += VL) {
            store(row + j, load(row + j) + load(bias + j));
        }
        for (; j < c; j++) {
            row[j] += bias[j];
        }
    }
    return ADASPEC_OK;
}

ADASPEC_OPERATION(column_sum)(float* sum, const float* x, int64_t ld_x, int64_t n, int64_t c, void*) {
    REQUIRE(n >= 0 && c >= 0 && ld_x >= c, "column_sum: x is (%lld, %lld) with row stride %lld", (long long)n, (long long)c, (long long)ld_x);
    sum_columns(sum, n, c, [=](int64_t i, int64_t j, int64_t count) { return load_count(x + i * ld_x + j, count); });
    return ADASPEC_OK;
}

ADASPEC_OPERATION(add)(float* out, const float* a, const float* b, int64_t n, void*) {
    REQUIRE(n >= 0, "add: negative size %lld", (long long)n);
    const int64_t vectors = n / VL;
#pragma omp parallel for schedule(static) num_threads(threads_for(n))
    for (int64_t i = 0; i < vectors; i++) {
        store(out + i * VL, load(a + i * VL) + load(b + i * VL));
    }
    for (int64_t i = vectors * VL; i < n; i++) {
        out[i] = a[i] + b[i];
    }
    return ADASPEC_OK;
}

ADASPEC_OPERATION(gather_rows)(float* out, const float* x, int64_t ld_x, const int32_t* rows, int64_t k, int64_t c, void*) {
    REQUIRE(k >= 0 && c >= 0 && ld_x >= c, "gather_rows: out is (%lld, %lld), x has row stride %lld", (long long)k, (long long)c, (long long)ld_x);
    for (int64_t i = 0; i < k; i++) {
        REQUIRE(rows[i] >= 0, "gather_rows: row %d at %lld is negative", rows[i], (long long)i);
    }
#pragma omp parallel for schedule(static) num_threads(threads_for(k * c))
    for (int64_t i = 0; i < k; i++) {
        memcpy(out + i * c, x + rows[i] * ld_x, c * sizeof(float));
    }
    return ADASPEC_OK;
}

ADASPEC_OPERATION(scatter_add_rows)(float* x, int64_t ld_x, const float* d, const int32_t* rows, int64_t k, int64_t c, void*) {
    REQUIRE(k >= 0 && c >= 0 && ld_x >= c, "scatter_add_rows: d is (%lld, %lld), x has row stride %lld", (long long)k, (long long)c, (long long)ld_x);
    for (int64_t i = 0; i < k; i++) {
        REQUIRE(rows[i] >= 0, "scatter_add_rows: row %d at %lld is negative", rows[i], (long long)i);
    }
#pragma omp parallel for schedule(static) num_threads(threads_for(k * c))
    for (int64_t i = 0; i < k; i++) {
        float* row = x + rows[i] * ld_x;
        const float* from = d + i * c;
        int64_t j = 0;
        for (; j + VL <= c; j += VL) {
            store(row + j, load(row + j) + load(from + j));
        }
        for (; j < c; j++) {
            row[j] += from[j];
        }
    }
    return ADASPEC_OK;
}
