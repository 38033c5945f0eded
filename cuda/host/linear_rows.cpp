/* out = x weight^T + bias with a row's bits independent of the other rows: see dot.h. Everything that writes a cache or verifies a draft uses it. */
#include "dot.h"
#include "status.h"
#include "threads.h"
#include "vec.h"

/*
 * Tiles of rows and outputs: a tile's rows of x stay in the second-level cache (256 KiB) while the outputs' weights, four rows at a time, pass by
 * once. A few rows (decoding) are one tile, so the weights are read from memory once.
 */
template <class Type>
static void multiply(
    float* out, int64_t ld_out, const float* x, int64_t ld_x, const typename Type::element* weight, int64_t ld_weight, const float* bias, int64_t m,
    int64_t n, int64_t k) {
    int64_t rows = (256 << 10) / ((k > 0 ? k : 1) * (int64_t)sizeof(float)) / DOT_ROWS * DOT_ROWS;
    rows = rows < 4 * DOT_ROWS ? 4 * DOT_ROWS : rows > 32 * DOT_ROWS ? 32 * DOT_ROWS : rows;
    const int64_t columns = 64;
    const int64_t row_tiles = (m + rows - 1) / rows;
    const int64_t column_tiles = (n + columns - 1) / columns;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads_for(work_of(m * n * k, n * k)))
    for (int64_t tile = 0; tile < row_tiles * column_tiles; tile++) {
        const int64_t i = tile % row_tiles * rows;
        const int64_t first = tile / row_tiles * columns;
        const int64_t last = first + columns < n ? first + columns : n;
        for (int64_t j = first; j < last; j += 4) {
            dot_panel<Type>(
                out + i * ld_out + j, ld_out, x + i * ld_x, ld_x, weight + j * ld_weight, ld_weight, bias != nullptr ? bias + j : nullptr,
                m - i < rows ? m - i : rows, last - j < 4 ? last - j : 4, k);
        }
    }
}

ADASPEC_OPERATION(linear_rows)(
    float* out, int64_t ld_out, const float* x, int64_t ld_x, const void* weight, int32_t weight_type, int64_t ld_weight, const float* bias,
    int64_t m, int64_t n, int64_t k, void*) {
    REQUIRE(m >= 0 && n >= 0 && k >= 0, "linear_rows: negative size (m %lld, n %lld, k %lld)", (long long)m, (long long)n, (long long)k);
    REQUIRE(
        ld_out >= n && ld_x >= k && ld_weight >= k,
        "linear_rows: out (%lld, %lld) has row stride %lld, x (%lld, %lld) %lld, weight (%lld, %lld) %lld",
        (long long)m, (long long)n, (long long)ld_out, (long long)m, (long long)k, (long long)ld_x, (long long)n, (long long)k, (long long)ld_weight);
    REQUIRE(is_float_type(weight_type), "linear_rows: weight type %d; 0 (f32), 1 (bf16) or 2 (f16) was expected", weight_type);
    switch (weight_type) {
        case ADASPEC_F32: multiply<F32>(out, ld_out, x, ld_x, (const float*)weight, ld_weight, bias, m, n, k); break;
        case ADASPEC_BF16: multiply<BF16>(out, ld_out, x, ld_x, (const uint16_t*)weight, ld_weight, bias, m, n, k); break;
        default: multiply<F16>(out, ld_out, x, ld_x, (const uint16_t*)weight, ld_weight, bias, m, n, k); break;
    }
    return ADASPEC_OK;
}
