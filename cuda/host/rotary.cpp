/* Rotary position embedding (Su et al., 2021): (x, y) -> (x cos - y sin, x sin + y cos) for channels i and i + rotary/2, or 2i and 2i + 1. */
#include "heads.h"
#include "status.h"
#include "threads.h"
#include "vec.h"

INLINE void rotate(float* head, const float* cosines, const float* sines, int64_t half, float sign) {
    for (int64_t i = 0; i < half; i += VL) {
        const int64_t count = half - i < VL ? half - i : VL;
        const vf x = load_count(head + i, count);
        const vf y = load_count(head + half + i, count);
        const vf cosine = load_count(cosines + i, count);
        const vf sine = sign * load_count(sines + i, count);
        store_count(head + i, x * cosine - y * sine, count);
        store_count(head + half + i, x * sine + y * cosine, count);
    }
}

INLINE void rotate_interleaved(float* head, const float* cosines, const float* sines, int64_t half, float sign) {
    for (int64_t i = 0; i < half; i++) {
        const float x = head[2 * i];
        const float y = head[2 * i + 1];
        const float sine = sign * sines[i];
        head[2 * i] = x * cosines[i] - y * sine;
        head[2 * i + 1] = x * sine + y * cosines[i];
    }
}

ADASPEC_OPERATION(rotary)(
    float* qkv, const adaspec_head_layout* layout, const int32_t* positions, const float* table, int64_t table_rows, int32_t rotary,
    int32_t interleaved, int32_t inverse, int64_t n, void*) {
    const int32_t status = check_layout("rotary", layout);
    if (status != ADASPEC_OK) {
        return status;
    }
    const adaspec_head_layout l = *layout;
    REQUIRE(n >= 0, "rotary: negative number of rows %lld", (long long)n);
    REQUIRE(
        rotary >= 0 && rotary % 2 == 0 && rotary <= l.head_dim, "rotary: %d channels; an even number up to the head's %d was expected", rotary,
        l.head_dim);
    for (int64_t i = 0; i < n; i++) {
        REQUIRE(
            positions[i] >= 0 && positions[i] < table_rows, "rotary: position %d of row %lld is outside the table of %lld", positions[i],
            (long long)i, (long long)table_rows);
    }
    const int64_t half = rotary / 2;
    const float sign = inverse ? -1.0f : 1.0f;
#pragma omp parallel for schedule(static) num_threads(threads_for(n * l.row_width))
    for (int64_t i = 0; i < n; i++) {
        float* row = qkv + i * l.row_width;
        const float* cosines = table + (int64_t)positions[i] * rotary;
        for (int64_t h = 0; h < l.query_heads + l.kv_heads; h++) {
            float* head = row + (h < l.query_heads ? query_at(l, h) : key_at(l, h - l.query_heads));
            if (interleaved) {
                rotate_interleaved(head, cosines, cosines + half, half, sign);
            } else {
                rotate(head, cosines, cosines + half, half, sign);
            }
        }
    }
    return ADASPEC_OK;
}
