/* out = x weight^T + bias with a row's bits independent of the other rows: see dot.h. Everything that writes a cache or verifies a draft uses it. */
#include "dot.h"
#include "status.h"
#include "threads.h"
#include "vec.h"

/* Columns that are always one thread's. */
#define GRAIN 16

/*
 * Elements of a matrix that no cache holds from one token to the next. One row of x reads such a one as a single run, which is what memory is fastest
 * at (measured on one core: 42 GB/s; as four streams 38, as four rows side by side 32), where a vector holds enough for the additions to keep up.
 */
#define FROM_MEMORY (1 << 19)

/* Columns of out in [begin, end) for m rows. */
template <class Type>
static void multiply_columns(
    float* out, int64_t ld_out, const float* x, int64_t ld_x, const typename Type::element* weight, int64_t ld_weight, const float* bias, int64_t m,
    int64_t begin, int64_t end, int64_t k) {
    /* As many as stay in the second-level cache until the last rows of x have passed by. */
    const int64_t fitting = (256 << 10) / ((k > 0 ? k : 1) * (int64_t)sizeof(typename Type::element)) / GRAIN * GRAIN;
    const int64_t columns = m <= DOT_ROWS ? end - begin : fitting < GRAIN ? GRAIN : fitting;
    for (int64_t first = begin; first < end; first += columns) {
        const int64_t last = end - first < columns ? end : first + columns;
        for (int64_t i = 0; i < m; i += DOT_ROWS) {
            dot_columns<Type>(
                out + i * ld_out + first, ld_out, x + i * ld_x, ld_x, weight + first * ld_weight, ld_weight, bias != nullptr ? bias + first : nullptr,
                m - i < DOT_ROWS ? m - i : DOT_ROWS, last - first, k);
        }
    }
}

/* Threads share tiles of rows and columns. The columns of one tile of rows come one after the other, so that a thread's weights are one long run. */
template <class Type>
static void multiply(
    float* out, int64_t ld_out, const float* x, int64_t ld_x, const typename Type::element* weight, int64_t ld_weight, const float* bias, int64_t m,
    int64_t n, int64_t k) {
    if (VL == 16 && m == 1 && n * k >= FROM_MEMORY) {
        share(n * k, n, 4, [=](int64_t begin, int64_t end) {
            dot_run<Type>(out + begin, x, weight + begin * ld_weight, ld_weight, bias != nullptr ? bias + begin : nullptr, end - begin, k);
        });
        return;
    }
    const int64_t rows = 32 * DOT_ROWS;
    const int64_t grains = (n + GRAIN - 1) / GRAIN;
    share(work_of(m * n * k, n * k), (m + rows - 1) / rows * grains, 1, [=](int64_t begin, int64_t end) {
        while (begin < end) {
            const int64_t i = begin / grains * rows;
            const int64_t first = begin % grains;
            const int64_t last = grains - first < end - begin ? grains : first + end - begin;
            multiply_columns<Type>(
                out + i * ld_out, ld_out, x + i * ld_x, ld_x, weight, ld_weight, bias, m - i < rows ? m - i : rows, first * GRAIN,
                last == grains ? n : last * GRAIN, k);
            begin += last - first;
        }
    });
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
