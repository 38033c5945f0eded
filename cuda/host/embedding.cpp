/* Rows of a table by id, and the gradient that flows back into them. */
#include "status.h"
#include "threads.h"
#include "vec.h"

static int32_t check_ids(const char* operation, const int32_t* ids, int64_t n, int64_t v) {
    for (int64_t i = 0; i < n; i++) {
        REQUIRE(ids[i] >= 0 && ids[i] < v, "%s: id %d of row %lld is outside the table of %lld rows", operation, ids[i], (long long)i, (long long)v);
    }
    return ADASPEC_OK;
}

template <class Type>
static void gather(float* out, const void* table, const int32_t* ids, int64_t n, int64_t c) {
    typedef typename Type::element element;
    const element* rows = (const element*)table;
#pragma omp parallel for schedule(static) num_threads(threads_for(n * c))
    for (int64_t i = 0; i < n; i++) {
        const element* row = rows + ids[i] * c;
        float* target = out + i * c;
        int64_t j = 0;
        for (; j + VL <= c; j += VL) {
            store(target + j, Type::widen(row + j));
        }
        if (j < c) {
            store_first(target + j, Type::widen_first(row + j, c - j), c - j);
        }
    }
}

ADASPEC_OPERATION(embedding_forward)(
    float* out, const void* table, int32_t table_type, const int32_t* ids, int64_t n, int64_t c, int64_t v, void*) {
    REQUIRE(n >= 0 && c >= 0 && v >= 0, "embedding_forward: negative size (n %lld, c %lld, v %lld)", (long long)n, (long long)c, (long long)v);
    REQUIRE(is_float_type(table_type), "embedding_forward: table type %d; 0 (f32), 1 (bf16) or 2 (f16) was expected", table_type);
    const int32_t status = check_ids("embedding_forward", ids, n, v);
    if (status != ADASPEC_OK) {
        return status;
    }
    switch (table_type) {
        case ADASPEC_F32: gather<F32>(out, table, ids, n, c); break;
        case ADASPEC_BF16: gather<BF16>(out, table, ids, n, c); break;
        default: gather<F16>(out, table, ids, n, c); break;
    }
    return ADASPEC_OK;
}

/* Threads share the channels, not the rows: a row of the table that occurs twice is summed in row order. */
ADASPEC_OPERATION(embedding_backward)(
    float* dtable, const float* dout, const int32_t* ids, int64_t n, int64_t c, int64_t v, void*) {
    REQUIRE(n >= 0 && c >= 0 && v >= 0, "embedding_backward: negative size (n %lld, c %lld, v %lld)", (long long)n, (long long)c, (long long)v);
    const int32_t status = check_ids("embedding_backward", ids, n, v);
    if (status != ADASPEC_OK) {
        return status;
    }
    const int64_t width = 128;
    const int64_t slices = (c + width - 1) / width;
#pragma omp parallel for schedule(static) num_threads(threads_for(n * c))
    for (int64_t slice = 0; slice < slices; slice++) {
        const int64_t from = slice * width;
        const int64_t to = from + width < c ? from + width : c;
        for (int64_t i = 0; i < n; i++) {
            float* row = dtable + ids[i] * c;
            const float* gradient = dout + i * c;
            int64_t j = from;
            for (; j + VL <= to; j += VL) {
                store(row + j, load(row + j) + load(gradient + j));
            }
            for (; j < to; j++) {
                row[j] += gradient[j];
            }
        }
    }
    return ADASPEC_OK;
}
