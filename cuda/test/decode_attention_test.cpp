/* Attention over a cache: right against double, a row's bits the same for any m, and within rounding training's attention over the same keys. */
#include "attention_oracle.h"

/* Runs as on a device without clusters, where the device is emulated. */
static void without_clusters(const std::function<void()>& run) {
    const char* before = getenv("ADASPEC_EMULATOR_CLUSTERS");
    const std::string kept = before != nullptr ? before : "1";
    setenv("ADASPEC_EMULATOR_CLUSTERS", "0", 1);
    run();
    setenv("ADASPEC_EMULATOR_CLUSTERS", kept.c_str(), 1);
}

/* Emulated clusters take long: they are used where `often` says so, the same bits come from blocks without. */
static void sometimes_with_clusters(bool often, const std::function<void()>& run) {
    if (emulated() && !often) {
        without_clusters(run);
    } else {
        run();
    }
}

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
        sometimes_with_clusters(i % 9 == 0, [&] {
            CHECK_OK(adaspec_attention_decode(alone + i * out_width, row, &l, keys, values, i, capacity, scale, 1, nullptr));
        });
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
            if (emulated() && threads > 1) {
                continue;
            }
            CHECK_OK(adaspec_set_threads(threads));
            for (int64_t first = 0; first + m <= length; first += m) {
                Floats out(m * out_width);
                CHECK_OK(adaspec_cache_append(keys, values, qkv + first * l.row_width, &l, first, capacity, m, nullptr));
                sometimes_with_clusters(m == 7, [&] {
                    CHECK_OK(adaspec_attention_decode(out, qkv + first * l.row_width, &l, keys, values, first, capacity, scale, m, nullptr));
                });
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

/* The last rows of a text so long that every part of a split of the keys has some, and comes back for more. */
static void check_long(const adaspec_head_layout& l, int64_t length, int64_t m) {
    const int64_t out_width = (int64_t)l.query_heads * l.head_dim;
    const float scale = 1 / sqrtf((float)l.head_dim);
    Floats qkv(length * l.row_width, normals(1, 1.5f));
    Floats keys((int64_t)l.kv_heads * length * l.head_dim);
    Floats values((int64_t)l.kv_heads * length * l.head_dim);
    Floats out(m * out_width);
    const int64_t first = length - m;
    const float* rows = qkv + first * l.row_width;
    CHECK_OK(adaspec_cache_append(keys, values, qkv, &l, 0, length, length, nullptr));
    CHECK_OK(adaspec_attention_decode(out, rows, &l, keys, values, first, length, scale, m, nullptr));
    const Oracle oracle = {l, std::vector<double>(qkv.data, qkv.data + qkv.n), length, scale};
    for (int64_t i = 0; i < m; i++) {
        for (int h = 0; h < l.query_heads; h++) {
            double lse;
            const std::vector<double> want = oracle.row(first + i, h, lse);
            for (int d = 0; d < l.head_dim; d++) {
                CHECK_CLOSE(out[i * out_width + h * l.head_dim + d], want[(size_t)d], 3e-6, 3e-6, "row %d head %d channel %d", (int)i, h, d);
            }
        }
    }
    Floats again(m * out_width);
    for (int64_t i = 0; i < m; i++) {
        CHECK_OK(adaspec_attention_decode(
            again + i * out_width, rows + i * l.row_width, &l, keys, values, first + i, length, scale, 1, nullptr));
    }
    CHECK(same_bits(out.copy(), again.copy()), "rows of a long text together differ from rows alone");
    without_clusters([&] { CHECK_OK(adaspec_attention_decode(again, rows, &l, keys, values, first, length, scale, m, nullptr)); });
    CHECK(same_bits(out.copy(), again.copy()), "without clusters the bits differ");
}

/*
 * Sequences of different lengths at once: the cache and the results must be, bit for bit, those of every sequence alone. Some have no rows; slots are out
 * of order and apart, with memory between them that stays as it was.
 */
static void check_batch(const adaspec_head_layout& l, bool with_slots) {
    const int32_t rows[] = {0, 3, 1, 0, 0, 40, 7, 0};
    const int32_t first[] = {5, 60, 0, 9, 0, 33, 1, 2};
    const int64_t sequences = 8;
    const int64_t capacity = 75;
    const int64_t slot = (int64_t)l.kv_heads * capacity * l.head_dim;
    const int64_t stride = slot + 5;
    const int64_t out_width = (int64_t)l.query_heads * l.head_dim;
    const float scale = 1 / sqrtf((float)l.head_dim);
    Ints starts(sequences + 1, [&](int64_t s) { return s == 0 ? 0 : rows[s - 1]; });
    for (int64_t s = 0; s < sequences; s++) {
        starts[s + 1] += starts[s];
    }
    Ints positions(sequences, [&](int64_t s) { return first[s]; });
    Ints slots(sequences, [&](int64_t s) { return (int32_t)((s * 5 + 2) % sequences); });
    const int64_t m = starts[sequences];
    Floats qkv(m * l.row_width, normals(1, 1.5f));
    /* What is there from before, and what lies between. */
    Floats keys(sequences * stride - 5, normals(2));
    Floats values(sequences * stride - 5, normals(3));
    Floats want_keys(keys.n, [&](int64_t i) { return keys[i]; });
    Floats want_values(values.n, [&](int64_t i) { return values[i]; });
    Floats want(m * out_width);
    for (int64_t s = 0; s < sequences; s++) {
        const int64_t at = (with_slots ? slots[s] : s) * stride;
        const float* from = qkv.data + starts[s] * l.row_width;
        CHECK_OK(adaspec_cache_append(want_keys + at, want_values + at, from, &l, first[s], capacity, rows[s], nullptr));
        sometimes_with_clusters(false, [&] {
            CHECK_OK(adaspec_attention_decode(
                want + starts[s] * out_width, from, &l, want_keys + at, want_values + at, first[s], capacity, scale, rows[s], nullptr));
        });
    }
    int32_t* given = with_slots ? slots.data : nullptr;
    int runs = 0;
    check_threads("attention over many caches", [&] {
        CHECK_OK(adaspec_cache_append_batch(keys, values, qkv, &l, starts, positions, given, sequences, stride, capacity, m, nullptr));
        Floats out(m * out_width);
        sometimes_with_clusters(runs++ == 0, [&] {
            CHECK_OK(adaspec_attention_decode_batch(
                out, qkv, &l, keys, values, starts, positions, given, sequences, stride, capacity, scale, m, nullptr));
        });
        CHECK(same_bits(out.copy(), want.copy()), "sequences together differ from sequences alone");
        CHECK(same_bits(keys.copy(), want_keys.copy()) && same_bits(values.copy(), want_values.copy()), "caches filled together differ from caches alone");
        return out.copy();
    });
    CHECK_OK(adaspec_attention_decode_batch(want, qkv, &l, keys, values, starts, positions, given, 0, stride, capacity, scale, 0, nullptr));
    if (!on_gpu()) {
        starts[sequences]++;
        CHECK_REFUSED(adaspec_cache_append_batch(keys, values, qkv, &l, starts, positions, given, sequences, stride, capacity, m, nullptr), "rows 0 to 52");
        starts[sequences]--;
        positions[5] = 36;
        CHECK_REFUSED(
            adaspec_attention_decode_batch(want, qkv, &l, keys, values, starts, positions, given, sequences, stride, capacity, scale, m, nullptr),
            "40 rows at position 36 of sequence 5 do not fit a cache of 75");
    }
    CHECK_REFUSED(
        adaspec_attention_decode_batch(want, qkv, &l, keys, values, starts, positions, given, sequences, slot - 1, capacity, scale, m, nullptr),
        "apart");
}

int main() {
    require_tier();
    check_long(stacked(6, 2, 20), 2103, 3);
    check_long(interleaved(1, 33), 700, 5);
    check_batch(stacked(6, 2, 20), true);
    check_batch(interleaved(2, 64), false);
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
