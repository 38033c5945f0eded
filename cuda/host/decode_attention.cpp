/* Attention over a key-value cache, and filling that cache. */
#include "attention.h"
#include "heads.h"
#include "status.h"
#include "threads.h"

namespace {

/* A sequence's rows, the first of them at `position` of its cache. */
struct Sequence {
    const float* qkv;
    float* out;
    int64_t rows;
    int64_t position;
};

}  // namespace

static void append(float* keys, float* values, const Sequence& s, const adaspec_head_layout& l, int64_t capacity) {
    for (int64_t g = 0; g < l.kv_heads; g++) {
        for (int64_t i = 0; i < s.rows; i++) {
            const float* row = s.qkv + i * l.row_width;
            const int64_t at = (g * capacity + s.position + i) * l.head_dim;
            memcpy(keys + at, row + key_at(l, g), l.head_dim * sizeof(float));
            memcpy(values + at, row + value_at(l, g), l.head_dim * sizeof(float));
        }
    }
}

/* Blocks of QUERIES rows of a sequence. */
INLINE int64_t blocks_of(int64_t rows) {
    return (rows + QUERIES - 1) / QUERIES;
}

/* Block at / query_heads from the end, head at % query_heads: the last rows see most keys and take longest, and are begun first. */
static void attend_part(
    const Sequence& s, const adaspec_head_layout& l, const float* keys, const float* values, int64_t capacity, float scale, int64_t at) {
    const int64_t out_width = (int64_t)l.query_heads * l.head_dim;
    const int64_t i = (blocks_of(s.rows) - 1 - at / l.query_heads) * QUERIES;
    const int64_t h = at % l.query_heads;
    const int64_t cache = h / (l.query_heads / l.kv_heads) * capacity * l.head_dim;
    attend<FEW_ROWS>(
        s.out + i * out_width + h * l.head_dim, out_width, nullptr, 0, s.qkv + i * l.row_width + query_at(l, h), l.row_width, keys + cache, l.head_dim,
        values + cache, l.head_dim, s.rows - i < QUERIES ? s.rows - i : QUERIES, s.position + i + 1, l.head_dim, scale);
}

static int32_t check_one(const char* operation, const adaspec_head_layout* layout, int64_t position, int64_t capacity, int64_t m) {
    const int32_t status = check_layout(operation, layout);
    if (status != ADASPEC_OK) {
        return status;
    }
    REQUIRE(
        position >= 0 && m >= 0 && position + m <= capacity, "%s: %lld rows at position %lld do not fit a cache of %lld", operation, (long long)m,
        (long long)position, (long long)capacity);
    return ADASPEC_OK;
}

static int32_t check_batch(
    const char* operation, const adaspec_head_layout* layout, const int32_t* starts, const int32_t* positions, const int32_t* slots,
    int64_t sequences, int64_t slot_stride, int64_t capacity, int64_t m) {
    const int32_t status = check_layout(operation, layout);
    if (status != ADASPEC_OK) {
        return status;
    }
    REQUIRE(m >= 0 && sequences >= 0, "%s: %lld rows in %lld sequences", operation, (long long)m, (long long)sequences);
    REQUIRE(
        slot_stride >= (int64_t)layout->kv_heads * capacity * layout->head_dim, "%s: slots of %d heads, %lld positions and %d channels, %lld apart",
        operation, layout->kv_heads, (long long)capacity, layout->head_dim, (long long)slot_stride);
    REQUIRE(starts[0] == 0 && starts[sequences] == m, "%s: rows %d to %d of %lld", operation, starts[0], starts[sequences], (long long)m);
    for (int64_t s = 0; s < sequences; s++) {
        REQUIRE(starts[s] <= starts[s + 1], "%s: sequence %lld ends before it begins", operation, (long long)s);
        REQUIRE(slots == nullptr || slots[s] >= 0, "%s: sequence %lld has slot %d", operation, (long long)s, slots[s]);
        REQUIRE(
            positions[s] >= 0 && positions[s] + (int64_t)(starts[s + 1] - starts[s]) <= capacity,
            "%s: %d rows at position %d of sequence %lld do not fit a cache of %lld", operation, starts[s + 1] - starts[s], positions[s], (long long)s,
            (long long)capacity);
    }
    return ADASPEC_OK;
}

ADASPEC_OPERATION(cache_append)(
    float* keys, float* values, const float* qkv, const adaspec_head_layout* layout, int64_t position, int64_t capacity, int64_t m, void*) {
    const int32_t status = check_one("cache_append", layout, position, capacity, m);
    if (status == ADASPEC_OK) {
        append(keys, values, {qkv, nullptr, m, position}, *layout, capacity);
    }
    return status;
}

ADASPEC_OPERATION(attention_decode)(
    float* out, const float* qkv, const adaspec_head_layout* layout, const float* keys, const float* values, int64_t position, int64_t capacity,
    float scale, int64_t m, void*) {
    const int32_t status = check_one("attention_decode", layout, position, capacity, m);
    if (status != ADASPEC_OK) {
        return status;
    }
    const adaspec_head_layout l = *layout;
    const int64_t out_width = (int64_t)l.query_heads * l.head_dim;
    const Sequence sequence = {qkv, out, m, position};
    share(work_of(2 * m * out_width * (position + m), m * l.row_width), blocks_of(m) * l.query_heads, 1, [=](int64_t begin, int64_t end) {
        for (int64_t at = begin; at < end; at++) {
            attend_part(sequence, l, keys, values, capacity, scale, at);
        }
    });
    return ADASPEC_OK;
}

ADASPEC_OPERATION(cache_append_batch)(
    float* keys, float* values, const float* qkv, const adaspec_head_layout* layout, const int32_t* starts, const int32_t* positions,
    const int32_t* slots, int64_t sequences, int64_t slot_stride, int64_t capacity, int64_t m, void*) {
    const int32_t status = check_batch("cache_append_batch", layout, starts, positions, slots, sequences, slot_stride, capacity, m);
    if (status != ADASPEC_OK) {
        return status;
    }
    for (int64_t s = 0; s < sequences; s++) {
        const int64_t slot = (slots != nullptr ? slots[s] : s) * slot_stride;
        const Sequence sequence = {qkv + (int64_t)starts[s] * layout->row_width, nullptr, starts[s + 1] - starts[s], positions[s]};
        append(keys + slot, values + slot, sequence, *layout, capacity);
    }
    return ADASPEC_OK;
}

ADASPEC_OPERATION(attention_decode_batch)(
    float* out, const float* qkv, const adaspec_head_layout* layout, const float* keys, const float* values, const int32_t* starts,
    const int32_t* positions, const int32_t* slots, int64_t sequences, int64_t slot_stride, int64_t capacity, float scale, int64_t m, void*) {
    const int32_t status = check_batch("attention_decode_batch", layout, starts, positions, slots, sequences, slot_stride, capacity, m);
    if (status != ADASPEC_OK) {
        return status;
    }
    const adaspec_head_layout l = *layout;
    const int64_t out_width = (int64_t)l.query_heads * l.head_dim;
    int64_t parts = 0;
    int64_t products = 0;
    for (int64_t s = 0; s < sequences; s++) {
        const int64_t rows = starts[s + 1] - starts[s];
        parts += blocks_of(rows) * l.query_heads;
        products += 2 * rows * out_width * (positions[s] + rows);
    }
    share(work_of(products, m * l.row_width), parts, 1, [=](int64_t begin, int64_t end) {
        int64_t first = 0; /* part of sequence s */
        for (int64_t s = 0; s < sequences && first < end; s++) {
            const int64_t rows = starts[s + 1] - starts[s];
            const int64_t last = first + blocks_of(rows) * l.query_heads;
            const int64_t slot = (slots != nullptr ? slots[s] : s) * slot_stride;
            const Sequence sequence = {qkv + (int64_t)starts[s] * l.row_width, out + starts[s] * out_width, rows, positions[s]};
            for (int64_t at = begin > first ? begin : first; at < end && at < last; at++) {
                attend_part(sequence, l, keys + slot, values + slot, capacity, scale, at - first);
            }
            first = last;
        }
    });
    return ADASPEC_OK;
}
