/* Attention over a key-value cache, and filling that cache. */
#include "attention.h"
#include "heads.h"
#include "status.h"
#include "threads.h"

ADASPEC_OPERATION(cache_append)(
    float* keys, float* values, const float* qkv, const adaspec_head_layout* layout, int64_t position, int64_t capacity, int64_t m, void*) {
    const int32_t status = check_layout("cache_append", layout);
    if (status != ADASPEC_OK) {
        return status;
    }
    const adaspec_head_layout l = *layout;
    REQUIRE(
        position >= 0 && m >= 0 && position + m <= capacity, "cache_append: %lld rows at position %lld do not fit a cache of %lld", (long long)m,
        (long long)position, (long long)capacity);
    for (int64_t g = 0; g < l.kv_heads; g++) {
        for (int64_t i = 0; i < m; i++) {
            const float* row = qkv + i * l.row_width;
            const int64_t at = (g * capacity + position + i) * l.head_dim;
            memcpy(keys + at, row + key_at(l, g), l.head_dim * sizeof(float));
            memcpy(values + at, row + value_at(l, g), l.head_dim * sizeof(float));
        }
    }
    return ADASPEC_OK;
}

ADASPEC_OPERATION(attention_decode)(
    float* out, const float* qkv, const adaspec_head_layout* layout, const float* keys, const float* values, int64_t position, int64_t capacity,
    float scale, int64_t m, void*) {
    const int32_t status = check_layout("attention_decode", layout);
    if (status != ADASPEC_OK) {
        return status;
    }
    const adaspec_head_layout l = *layout;
    REQUIRE(
        position >= 0 && m >= 0 && position + m <= capacity, "attention_decode: %lld rows at position %lld do not fit a cache of %lld", (long long)m,
        (long long)position, (long long)capacity);
    const int64_t out_width = (int64_t)l.query_heads * l.head_dim;
    const int64_t group = l.query_heads / l.kv_heads;
    const int64_t blocks = (m + QUERIES - 1) / QUERIES;
    share(work_of(2 * m * out_width * (position + m), m * l.row_width), blocks * l.query_heads, 1, [=](int64_t begin, int64_t end) {
        for (int64_t at = begin; at < end; at++) {
            /* The last rows see most keys and take longest: begun first. */
            const int64_t i = (blocks - 1 - at / l.query_heads) * QUERIES;
            const int64_t h = at % l.query_heads;
            const int64_t cache = h / group * capacity * l.head_dim;
            attend<FEW_ROWS>(
                out + i * out_width + h * l.head_dim, out_width, nullptr, 0, qkv + i * l.row_width + query_at(l, h), l.row_width, keys + cache,
                l.head_dim, values + cache, l.head_dim, m - i < QUERIES ? m - i : QUERIES, position + i + 1, l.head_dim, scale);
        }
    });
    return ADASPEC_OK;
}
