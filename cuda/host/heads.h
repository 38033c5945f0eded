/* Checks of a head layout, and where its heads begin: shared by the operations on queries, keys and values, on a processor and on a GPU. */
#pragma once

#include "status.h"

#if defined(__CUDACC__)
#define HOST_AND_DEVICE __host__ __device__
#else
#define HOST_AND_DEVICE
#endif

static inline int32_t check_layout(const char* operation, const adaspec_head_layout* layout) {
    REQUIRE(layout != nullptr, "%s: the head layout is null", operation);
    const adaspec_head_layout l = *layout;
    REQUIRE(
        l.query_heads >= 1 && l.kv_heads >= 1 && l.query_heads % l.kv_heads == 0,
        "%s: %d query heads and %d key heads; the second must divide the first", operation, l.query_heads, l.kv_heads);
    REQUIRE(l.head_dim >= 1, "%s: heads of %d channels; at least 1 was expected", operation, l.head_dim);
    REQUIRE(
        l.query_offset >= 0 && l.key_offset >= 0 && l.value_offset >= 0 && l.query_head_stride >= 0 && l.kv_head_stride >= 0,
        "%s: negative offset or stride in the head layout", operation);
    const int64_t queries = (int64_t)l.query_offset + (int64_t)(l.query_heads - 1) * l.query_head_stride + l.head_dim;
    const int64_t further = l.key_offset > l.value_offset ? l.key_offset : l.value_offset;
    const int64_t keys = further + (int64_t)(l.kv_heads - 1) * l.kv_head_stride + l.head_dim;
    REQUIRE(
        queries <= l.row_width && keys <= l.row_width, "%s: the heads reach column %lld of a row of %d", operation,
        (long long)(queries > keys ? queries : keys), l.row_width);
    return ADASPEC_OK;
}

static HOST_AND_DEVICE inline int64_t query_at(const adaspec_head_layout& l, int64_t h) {
    return l.query_offset + h * l.query_head_stride;
}

static HOST_AND_DEVICE inline int64_t key_at(const adaspec_head_layout& l, int64_t g) {
    return l.key_offset + g * l.kv_head_stride;
}

static HOST_AND_DEVICE inline int64_t value_at(const adaspec_head_layout& l, int64_t g) {
    return l.value_offset + g * l.kv_head_stride;
}
