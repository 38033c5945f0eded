/* Bias, column sums, addition, gather and scatter. */
#include "check.h"

static void check_rows(int64_t n, int64_t c, int64_t pad) {
    const int64_t ld = c + pad;
    Floats bias(c, normals(1));
    Floats x((n - 1) * ld + c, normals(2));
    const std::vector<float> before = x.copy();
    CHECK_OK(adaspec_bias_add(x, ld, bias, n, c, nullptr));
    for (int64_t i = 0; i < x.n; i++) {
        const bool inside = i % ld < c;
        CHECK(x[i] == (inside ? before[(size_t)i] + bias[i % ld] : before[(size_t)i]), "bias_add at %d, n %d c %d pad %d", (int)i, (int)n, (int)c,
            (int)pad);
    }

    Floats sum(c, normals(3));
    std::vector<double> want(sum.data, sum.data + c);
    double size = 0;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < c; j++) {
            want[(size_t)j] += x[i * ld + j];
            size = fmax(size, fabs(x[i * ld + j]));
        }
    }
    CHECK_OK(adaspec_column_sum(sum, x, ld, n, c, nullptr));
    for (int64_t j = 0; j < c; j++) {
        /* Blocks of 64 rows in f32, the rest in double, and the last rounding. */
        CHECK_CLOSE(sum[j], want[(size_t)j], 6e-8 * 64 * size * sqrt((double)n), 1e-7, "column %d, n %d c %d pad %d", (int)j, (int)n, (int)c,
            (int)pad);
    }

    const int64_t k = (n + 1) / 2;
    Ints rows(k, [&](int64_t i) { return (int32_t)(n - 1 - 2 * i < 0 ? 0 : n - 1 - 2 * i); });
    Floats out(k * c);
    CHECK_OK(adaspec_gather_rows(out, x, ld, rows, k, c, nullptr));
    const std::vector<float> gathered = x.copy();
    for (int64_t i = 0; i < k * c; i++) {
        CHECK(out[i] == gathered[(size_t)(rows[i / c] * ld + i % c)], "gather_rows at %d", (int)i);
    }
    Floats d(k * c, normals(5));
    CHECK_OK(adaspec_scatter_add_rows(x, ld, d, rows, k, c, nullptr));
    std::vector<float> scattered = gathered;
    for (int64_t i = 0; i < k * c; i++) {
        scattered[(size_t)(rows[i / c] * ld + i % c)] += d[i];
    }
    CHECK(same_bits(x.copy(), scattered), "scatter_add_rows, n %d c %d pad %d", (int)n, (int)c, (int)pad);
}

int main() {
    require_tier();
    for (int64_t c : SIZES) {
        for (int64_t n : {1, 2, 65, 129}) {
            check_rows(n, c, c % 5);
        }
        Floats a(c, normals(7));
        Floats b(c, normals(8));
        Floats out(c);
        CHECK_OK(adaspec_add(out, a, b, c, nullptr));
        for (int64_t i = 0; i < c; i++) {
            CHECK(out[i] == a[i] + b[i], "add at %d of %d", (int)i, (int)c);
        }
        CHECK_OK(adaspec_add(a, a, b, c, nullptr));
        CHECK(same_bits(a.copy(), out.copy()), "add in place differs");
        CHECK_OK(adaspec_add(a, out, a, c, nullptr));
    }
    check_threads("column_sum", [] {
        Floats x(500 * 333, normals(2));
        Floats sum(333, zeros());
        CHECK_OK(adaspec_column_sum(sum, x, 333, 500, 333, nullptr));
        CHECK_OK(adaspec_bias_add(x, 333, sum, 500, 333, nullptr));
        CHECK_OK(adaspec_add(x, x, x, 500 * 333, nullptr));
        return x.copy();
    });
    float x = 0;
    int32_t negative = -1;
    CHECK_REFUSED_BY_PROCESSOR(adaspec_gather_rows(&x, &x, 1, &negative, 1, 1, nullptr), "row -1 at 0 is negative");
    CHECK_REFUSED_BY_PROCESSOR(adaspec_scatter_add_rows(&x, 1, &x, &negative, 1, 1, nullptr), "row -1 at 0 is negative");
    CHECK_REFUSED(adaspec_bias_add(&x, 0, &x, 1, 1, nullptr), "row stride 0");
    CHECK_REFUSED(adaspec_column_sum(&x, &x, 0, 1, 1, nullptr), "row stride 0");
    return finish();
}
