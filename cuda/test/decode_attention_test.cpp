/* Attention over a cache: right against double, a row's bits the same for any m, and within rounding training's attention over the same keys. */
#include "attention_oracle.h"

static void check(const adaspec_head_layout& l, int64_t length, int64_t capacity) {
    const int64_t out_width = (int64_t)l.query_heads * l.head_dim;
    const float scale = 1 / sqrtf((float)l.head_dim);
    Floats qkv(length * l.row_width, normals(1, 1.5f));
    Floats keys((int64_t)l.kv_heads * capacity * l.head_dim);
    Floats values((int64_t)l.kv_heads * capacity * l.head_dim);
    Floats alone(length * out_width);
    for (int64_t i = 0; i < length; i++) {
        const float* row = qkv.data + i * l.row_width;
        CHECK_OK(adaspec_cache_append(keys, values, row, &l, i, capacity, 1, nullptr));
        CHECK_OK(adaspec_attention_decode(alone + i * out_width, row, &l, keys, values, i, capacity, scale, 1, nullptr));
    }
    for (int64_t g = 0; g < l.kv_heads; g++) {
        for (int64_t p = 0; p < capacity * l.head_dim; p++) {
            const bool written = p < length * l.head_dim;
            const float key = keys[g * capacity * l.head_dim + p];
            CHECK(written ? !isnan(key) : isnan(key), "cache position %d of head %d", (int)(p / l.head_dim), (int)g);
        }
    }
    const Oracle oracle = {l, std::vector<double>(qkv.data, qkv.data + qkv.n), length, scale};
    for (int64_t i = 0; i < length; i++) {
        for (int h = 0; h < l.query_heads; h++) {
            double lse;
            const std::vector<double> want = oracle.row(i, h, lse);
            for (int d = 0; d < l.head_dim; d++) {
                CHECK_CLOSE(alone[i * out_width + h * l.head_dim + d], want[(size_t)d], 3e-6, 3e-6, "row %d head %d channel %d", (int)i, h, d);
            }
        }
    }
    /* In pieces of m rows, from any position, into the same cache. */
    for (int64_t m : {2, 3, 7, 33, 70}) {
        for (int threads : {1, 3}) {
            CHECK_OK(adaspec_set_threads(threads));
            for (int64_t first = 0; first + m <= length; first += m) {
                Floats out(m * out_width);
                CHECK_OK(adaspec_cache_append(keys, values, qkv + first * l.row_width, &l, first, capacity, m, nullptr));
                CHECK_OK(adaspec_attention_decode(out, qkv + first * l.row_width, &l, keys, values, first, capacity, scale, m, nullptr));
                CHECK(memcmp(out.data, alone.data + first * out_width, (size_t)(m * out_width) * 4) == 0,
                    "rows %d to %d together differ from rows alone", (int)first, (int)(first + m));
            }
        }
    }
    CHECK_OK(adaspec_set_threads(2));
    Ints starts(2, [&](int64_t i) { return (int32_t)(i * length); });
    Floats out(length * out_width);
    Floats lse(length * l.query_heads);
    CHECK_OK(adaspec_attention_forward(out, lse, qkv, &l, starts, 1, scale, length, nullptr));
    for (int64_t i = 0; i < length * out_width; i++) {
        CHECK_CLOSE(out[i], alone[i], 3e-6, 3e-6, "training's attention against decoding's, element %d, length %d", (int)i, (int)length);
    }
}

int main() {
    require_tier();
    check(interleaved(2, 64), 140, 150);
    check(stacked(4, 2, 20), 70, 70);
    check(interleaved(1, 33), 75, 80);
    check(stacked(3, 1, 16), 9, 12);

    const adaspec_head_layout l = interleaved(1, 2);
    Floats row(6, zeros());
    Floats cache(4, zeros());
    CHECK_REFUSED(adaspec_cache_append(cache, cache, row, &l, 2, 2, 1, nullptr), "1 rows at position 2 do not fit a cache of 2");
    CHECK_REFUSED(adaspec_attention_decode(row, row, &l, cache, cache, 2, 2, 1, 1, nullptr), "1 rows at position 2 do not fit a cache of 2");
    return finish();
}
