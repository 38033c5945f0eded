/* Embedding: exact copies forward; backward sums rows with the same id in row order. */
#include "check.h"

template <class T, class Widen>
static void check_forward(int32_t type, int64_t n, int64_t c, int64_t v, const std::function<T(int64_t)>& value, Widen widen) {
    Buffer<T> table(v * c, value);
    Random random(9);
    Ints ids(n, [&](int64_t) { return (int32_t)random.below(v); });
    Floats out(n * c);
    CHECK_OK(adaspec_embedding_forward(out, table.data, type, ids, n, c, v, nullptr));
    for (int64_t i = 0; i < n * c; i++) {
        const float want = (float)widen(table[ids[i / c] * c + i % c]);
        const bool same = isnan(want) ? isnan(out[i]) : out[i] == want && signbit(out[i]) == signbit(want);
        CHECK(same, "element %d is %g, not %g, type %d c %d", (int)i, (double)out[i], (double)want, type, (int)c);
    }
}

static void check_backward(int64_t n, int64_t c, int64_t v) {
    Random random(4);
    Ints ids(n, [&](int64_t) { return (int32_t)random.below(v); });
    Floats dout(n * c, normals(2));
    Floats dtable(v * c, normals(3));
    std::vector<float> want = dtable.copy();
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < c; j++) {
            want[(size_t)(ids[i] * c + j)] += dout[i * c + j];
        }
    }
    CHECK_OK(adaspec_embedding_backward(dtable, dout, ids, n, c, v, nullptr));
    CHECK(same_bits(dtable.copy(), want), "n %d c %d v %d: not the sum in row order", (int)n, (int)c, (int)v);
}

int main() {
    require_tier();
    for (int64_t c : SIZES) {
        check_forward<float>(ADASPEC_F32, 7, c, 5, normals(1), [](float x) { return x; });
        check_forward<uint16_t>(ADASPEC_BF16, 7, c, 5, [](int64_t i) { return (uint16_t)(i * 40503); }, from_bf16);
        check_backward(40, c, 5);
    }
    /* Every f16 there is: subnormals, infinities, NaN. */
    check_forward<uint16_t>(ADASPEC_F16, 64, 2048, 32, [](int64_t i) { return (uint16_t)i; }, from_f16);
    check_forward<uint16_t>(ADASPEC_F16, 64, 33, 1985, [](int64_t i) { return (uint16_t)i; }, from_f16);
    check_backward(300, 700, 9);
    check_threads("embedding_backward", [] {
        Ints ids(100, [](int64_t i) { return (int32_t)(i % 3); });
        Floats dout(100 * 600, normals(2));
        Floats dtable(3 * 600, zeros());
        CHECK_OK(adaspec_embedding_backward(dtable, dout, ids, 100, 600, 3, nullptr));
        return dtable.copy();
    });

    Floats table(10, zeros());
    Floats out(2);
    Ints bad(1, [](int64_t) { return 5; });
    CHECK_REFUSED_BY_PROCESSOR(adaspec_embedding_forward(out, table, ADASPEC_F32, bad, 1, 2, 5, nullptr), "id 5 of row 0 is outside the table of 5 rows");
    bad[0] = -1;
    CHECK_REFUSED_BY_PROCESSOR(adaspec_embedding_backward(table, out, bad, 1, 2, 5, nullptr), "id -1 of row 0");
    CHECK_REFUSED(adaspec_embedding_forward(out, table, 7, bad, 1, 2, 5, nullptr), "table type 7");
    CHECK_OK(adaspec_embedding_forward(out, table, ADASPEC_F32, bad, 0, 2, 5, nullptr));
    return finish();
}
