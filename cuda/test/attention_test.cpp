/*
 * Attention for training against double: ragged sequences around the blocks of 32 queries and 64 keys (1, 31, 33, 64, 65, 130 rows), head widths
 * around the vectors, grouped queries, both layouts.
 */
#include "attention_oracle.h"

static void check(const adaspec_head_layout& l, const std::vector<int32_t>& lengths) {
    std::vector<int32_t> offsets = {0};
    for (int32_t length : lengths) {
        offsets.push_back(offsets.back() + length);
    }
    Ints starts((int64_t)offsets.size(), [&](int64_t i) { return offsets[(size_t)i]; });
    const int64_t n = offsets.back();
    const int64_t sequences = (int64_t)lengths.size();
    const int64_t out_width = (int64_t)l.query_heads * l.head_dim;
    const float scale = 1 / sqrtf((float)l.head_dim);
    Floats qkv(n * l.row_width, normals(1, 1.5f));
    Floats out(n * out_width);
    Floats lse(n * l.query_heads);
    CHECK_OK(adaspec_attention_forward(out, lse, qkv, &l, starts, sequences, scale, n, nullptr));
    Floats dout(n * out_width, normals(2));
    Floats dqkv(n * l.row_width);
    CHECK_OK(adaspec_attention_backward(dqkv, dout, out, lse, qkv, &l, starts, sequences, scale, n, nullptr));
    for (int64_t s = 0; s < sequences; s++) {
        const int64_t first = starts[s];
        const int64_t length = lengths[(size_t)s];
        const Oracle oracle = {l, std::vector<double>(qkv.data + first * l.row_width, qkv.data + (first + length) * l.row_width), length, scale};
        for (int64_t i = 0; i < length; i++) {
            for (int h = 0; h < l.query_heads; h++) {
                double want_lse;
                const std::vector<double> want = oracle.row(i, h, want_lse);
                CHECK_CLOSE(lse[(first + i) * l.query_heads + h], want_lse, 2e-6, 1e-6, "lse of row %d head %d", (int)i, h);
                for (int d = 0; d < l.head_dim; d++) {
                    CHECK_CLOSE(out[(first + i) * out_width + h * l.head_dim + d], want[(size_t)d], 3e-6, 3e-6, "row %d head %d channel %d of %d",
                        (int)i, h, d, (int)length);
                }
            }
        }
        const std::vector<double> want = oracle.gradient(dout.data + first * out_width);
        for (size_t i = 0; i < want.size(); i++) {
            CHECK_CLOSE(dqkv[first * l.row_width + (int64_t)i], want[i], 2e-5, 2e-5, "gradient at row %d column %d of %d rows, head width %d",
                        (int)(i / (size_t)l.row_width), (int)(i % (size_t)l.row_width), (int)length, l.head_dim);
        }
    }
}

/* Later rows, even broken ones, do not reach earlier ones. */
static void check_causal() {
    const adaspec_head_layout l = interleaved(2, 20);
    const int64_t n = 100;
    Ints starts(2, [&](int64_t i) { return (int32_t)(i * n); });
    Floats qkv(n * l.row_width, normals(1));
    Floats out(n * 40);
    Floats lse(n * 2);
    CHECK_OK(adaspec_attention_forward(out, lse, qkv, &l, starts, 1, 0.2f, n, nullptr));
    const std::vector<float> before = out.copy();
    for (int64_t row : {99, 70, 40, 1}) {
        for (int64_t c = 0; c < l.row_width; c++) {
            qkv[row * l.row_width + c] = NAN;
        }
        CHECK_OK(adaspec_attention_forward(out, lse, qkv, &l, starts, 1, 0.2f, n, nullptr));
        CHECK(memcmp(out.data, before.data(), (size_t)row * 40 * 4) == 0, "NaN in row %d reached an earlier row", (int)row);
        CHECK(isnan(out[row * 40]), "NaN in row %d did not reach its own output", (int)row);
    }
}

int main() {
    require_tier();
    check(interleaved(2, 64), {1, 31, 33, 64, 65, 130});
    check(interleaved(3, 16), {5, 0, 1, 40});
    check(interleaved(1, 1), {7, 70});
    check(interleaved(1, 33), {3, 66});
    check(stacked(4, 2, 20), {33, 70});
    check(stacked(6, 2, 80), {12, 65});
    check({2, 2, 8, 0, 16, 32, 8, 8, 53}, {5, 40}); /* rows that hold more than heads */
    check_causal();
    check_threads("attention", [] {
        const adaspec_head_layout l = stacked(4, 2, 48);
        Ints starts(4, [](int64_t i) { return (int32_t)(i * i * 20); });
        const int64_t n = 180;
        Floats qkv(n * l.row_width, normals(1));
        Floats out(n * 192);
        Floats lse(n * 4);
        Floats dqkv(n * l.row_width);
        CHECK_OK(adaspec_attention_forward(out, lse, qkv, &l, starts, 3, 0.2f, n, nullptr));
        CHECK_OK(adaspec_attention_backward(dqkv, out, out, lse, qkv, &l, starts, 3, 0.2f, n, nullptr));
        const std::vector<float> a = out.copy(), b = lse.copy(), c = dqkv.copy();
        return join({&a, &b, &c});
    });
    const adaspec_head_layout l = interleaved(1, 2);
    Floats row(6, zeros());
    Ints starts(2, [](int64_t i) { return (int32_t)(2 * i); });
    CHECK_REFUSED_BY_PROCESSOR(adaspec_attention_forward(row, row, row, &l, starts, 1, 1, 1, nullptr), "sequences lie in rows 0 to 2; 0 to 1 was expected");
    CHECK_REFUSED_BY_PROCESSOR(adaspec_attention_backward(row, row, row, row, row, &l, starts, 1, 1, 1, nullptr), "sequences lie in rows 0 to 2");
    Ints back(3, [](int64_t i) { return i == 1 ? 2 : (int32_t)(i / 2); });
    CHECK_REFUSED_BY_PROCESSOR(adaspec_attention_forward(row, row, row, &l, back, 2, 1, 1, nullptr), "sequence 1 starts at row 2 and ends at 1");
    return finish();
}
