/* Rotary embedding: both layouts of pairs, partial rotation, both head layouts; inverse undoes it; channels past the rotated ones stay. */
#include "check.h"

static adaspec_head_layout interleaved(int heads, int dim) {
    return {heads, heads, dim, 0, dim, 2 * dim, 3 * dim, 3 * dim, 3 * heads * dim};
}

static adaspec_head_layout stacked(int queries, int kv, int dim) {
    return {queries, kv, dim, 0, queries * dim, (queries + kv) * dim, dim, dim, (queries + 2 * kv) * dim};
}

static void check(const adaspec_head_layout& l, int32_t rotary, bool interleaved, int64_t n) {
    const int64_t rows = 11;
    Floats table(rows * rotary);
    for (int64_t p = 0; p < rows; p++) {
        for (int i = 0; i < rotary / 2; i++) {
            const double angle = (double)p * pow(10000.0, -2.0 * i / rotary);
            table[p * rotary + i] = (float)cos(angle);
            table[p * rotary + rotary / 2 + i] = (float)sin(angle);
        }
    }
    Ints positions(n, [&](int64_t i) { return (int32_t)((i * 7 + 3) % rows); });
    Floats qkv(n * l.row_width, normals(1));
    const std::vector<float> before = qkv.copy();
    std::vector<double> want(before.begin(), before.end());
    for (int64_t i = 0; i < n; i++) {
        const float* cosines = table.data + positions[i] * rotary;
        for (int h = 0; h < l.query_heads + l.kv_heads; h++) {
            const int64_t at = i * l.row_width
                + (h < l.query_heads ? l.query_offset + h * l.query_head_stride : l.key_offset + (h - l.query_heads) * l.kv_head_stride);
            for (int j = 0; j < rotary / 2; j++) {
                const size_t first = (size_t)(at + (interleaved ? 2 * j : j));
                const size_t second = (size_t)(at + (interleaved ? 2 * j + 1 : rotary / 2 + j));
                const double x = before[first];
                const double y = before[second];
                want[first] = x * cosines[j] - y * cosines[rotary / 2 + j];
                want[second] = x * cosines[rotary / 2 + j] + y * cosines[j];
            }
        }
    }
    CHECK_OK(adaspec_rotary(qkv, &l, positions, table, rows, rotary, interleaved, 0, n, nullptr));
    for (int64_t i = 0; i < qkv.n; i++) {
        CHECK_CLOSE(qkv[i], want[(size_t)i], 1e-6, 1e-6, "element %d, rotary %d of %d, interleaved %d", (int)i, rotary, l.head_dim, interleaved);
    }
    CHECK_OK(adaspec_rotary(qkv, &l, positions, table, rows, rotary, interleaved, 1, n, nullptr));
    for (int64_t i = 0; i < qkv.n; i++) {
        CHECK_CLOSE(qkv[i], before[(size_t)i], 2e-6, 1e-6, "element %d rotated back", (int)i);
    }
}

int main() {
    require_tier();
    for (int32_t rotary : {2, 6, 16, 34, 64}) {
        for (bool pairs_interleaved : {false, true}) {
            check(interleaved(3, 64), rotary, pairs_interleaved, 9);
            check(stacked(4, 2, 65), rotary, pairs_interleaved, 5);
        }
    }
    check(interleaved(2, 7), 0, false, 3);
    check_threads("rotary", [] {
        const adaspec_head_layout l = interleaved(8, 64);
        Floats qkv(60 * l.row_width, normals(1));
        Floats table(60 * 32, normals(2));
        Ints positions(60, [](int64_t i) { return (int32_t)i; });
        CHECK_OK(adaspec_rotary(qkv, &l, positions, table, 60, 32, 0, 0, 60, nullptr));
        return qkv.copy();
    });
    const adaspec_head_layout l = interleaved(1, 4);
    Floats row(12, zeros());
    Floats table(8, zeros());
    Ints position(1, [](int64_t) { return 2; });
    CHECK_REFUSED_BY_PROCESSOR(adaspec_rotary(row, &l, position, table, 2, 4, 0, 0, 1, nullptr), "position 2 of row 0 is outside the table of 2");
    CHECK_REFUSED(adaspec_rotary(row, &l, position, table, 2, 3, 0, 0, 1, nullptr), "an even number up to the head's 4");
    CHECK_REFUSED(adaspec_rotary(row, nullptr, position, table, 2, 4, 0, 0, 1, nullptr), "the head layout is null");
    adaspec_head_layout wide = l;
    wide.row_width = 11;
    CHECK_REFUSED(adaspec_rotary(row, &wide, position, table, 3, 4, 0, 0, 1, nullptr), "the heads reach column 12 of a row of 11");
    adaspec_head_layout odd = l;
    odd.query_heads = 3;
    odd.kv_heads = 2;
    CHECK_REFUSED(adaspec_rotary(row, &odd, position, table, 3, 4, 0, 0, 1, nullptr), "the second must divide the first");
    return finish();
}
