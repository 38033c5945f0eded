/*
 * linear_rows: right against double loops, and a row's bits the same whatever m, the position in the batch and the number of threads.
 * Sizes: k around one vector and one product of matrices (1, 15, 17, 31), tails of the tiles of outputs (4 and 16 wide), m across tiles of rows (2, 6, 8,
 * 16 and 32 high) and cache tiles.
 */
#include "check.h"

struct Weights {
    Floats f32;
    Buffer<uint16_t> half;
    int32_t type;
    int64_t ld;

    Weights(int64_t n, int64_t k, int32_t type, int64_t ld, uint64_t seed)
        : f32((n - 1) * ld + k, normals(seed)), half(type == ADASPEC_F32 ? 0 : (n - 1) * ld + k), type(type), ld(ld) {
        for (int64_t i = 0; i < half.n; i++) {
            if (type == ADASPEC_BF16) {
                half[i] = to_bf16(f32[i]);
            } else {
                /* Any finite f16: subnormals too. */
                half[i] = (uint16_t)(Random(seed * 7919 + (uint64_t)i).next() & 0xbfff);
                half[i] = (half[i] & 0x7c00) == 0x7c00 ? 0x3c00 : half[i];
            }
        }
    }
    const void* data() const {
        return type == ADASPEC_F32 ? (const void*)f32.data : half.data;
    }
    double at(int64_t row, int64_t column) const {
        const int64_t i = row * ld + column;
        return type == ADASPEC_F32 ? f32[i] : type == ADASPEC_BF16 ? from_bf16(half[i]) : from_f16(half[i]);
    }
};

/*
 * Relative to the sum of the terms' magnitudes. By fused multiply-adds: k / VL + 5 roundings at most, each of the running sum; 4 is the narrowest tier's VL.
 * By matrix units: what a product of matrices is given (16 terms a time and the running sum) and what it returns are each cut by up to 2^-23 of the largest;
 * a running sum is given 16 products at most, in groups of 256 columns, whose sums are rounded, and of eight slices after that.
 */
static double tolerance(int64_t k, int32_t type) {
    if (!on_gpu() || type == ADASPEC_F32) {
        return 0x1p-24 * ((double)k / 4 + 6);
    }
    const double terms = (double)(k < 16 ? k : 16);
    const double products = fmin(2.0 * (double)((k + 31) / 32), 16);
    return 0x1p-23 * products * (terms + 2) + 0x1p-24 * ((double)k / 256 + 11);
}

static void check_values(int64_t m, int64_t n, int64_t k, int32_t type, int64_t pad, bool with_bias) {
    const int64_t ld_x = k + pad;
    const int64_t ld_out = n + pad;
    Weights weight(n, k, type, k + pad, 3);
    Floats x((m - 1) * ld_x + k, normals(5));
    Floats bias(n, normals(6));
    Floats out((m - 1) * ld_out + n, [](int64_t) { return 77.0f; });
    CHECK_OK(adaspec_linear_rows(out, ld_out, x, ld_x, weight.data(), type, weight.ld, with_bias ? bias.data : nullptr, m, n, k, nullptr));
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            double want = with_bias ? bias[j] : 0;
            double size = fabs(want);
            for (int64_t c = 0; c < k; c++) {
                want += x[i * ld_x + c] * weight.at(j, c);
                size += fabs(x[i * ld_x + c] * weight.at(j, c));
            }
            CHECK_CLOSE(out[i * ld_out + j], want, tolerance(k, type) * size, 0, "(%d, %d) of m %d n %d k %d type %d", (int)i, (int)j, (int)m,
                        (int)n, (int)k, type);
        }
        for (int64_t j = n; j < ld_out && i < m - 1; j++) {
            CHECK(out[i * ld_out + j] == 77.0f, "written between the rows, row %d column %d", (int)i, (int)j);
        }
    }
}

static void check_row_invariance(int64_t n, int64_t k, int32_t type, int64_t rows = 70) {
    Weights weight(n, k, type, k, 11);
    Floats x(rows * k, normals(12));
    Floats bias(n, normals(13));
    Floats alone(rows * n);
    CHECK_OK(adaspec_set_threads(1));
    for (int64_t i = 0; i < rows; i++) {
        CHECK_OK(adaspec_linear_rows(alone + i * n, n, x + i * k, k, weight.data(), type, k, bias, 1, n, k, nullptr));
    }
    const std::vector<float> expected = alone.copy();
    for (int threads : {1, 2, 3}) {
        if (on_gpu() && threads != 2) {
            continue;
        }
        CHECK_OK(adaspec_set_threads(threads));
        for (int64_t m = 1; m <= rows; m += threads != 2 ? 11 : emulated() && m > 18 ? 13 : 1) {
            const int64_t first = (m * 13) % (rows - m + 1);
            Floats out(m * n);
            CHECK_OK(adaspec_linear_rows(out, n, x + first * k, k, weight.data(), type, k, bias, m, n, k, nullptr));
            CHECK(memcmp(out.data, expected.data() + first * n, (size_t)(m * n) * 4) == 0,
                  "rows %d to %d with m %d, %d threads, n %d, k %d, type %d differ from rows alone", (int)first, (int)(first + m), (int)m, threads,
                  (int)n, (int)k, type);
        }
    }
    CHECK_OK(adaspec_set_threads(2));
}

/*
 * Weights that select: one power of two in each row of the matrix. The result is an element of x, to the last of its 24 bits, at any place of a tile and
 * for any magnitude whose parts are not subnormal (which units may take for 0); a lost part, or two columns exchanged in one operand only, cannot hide in
 * a tolerance.
 */
static void check_selection(int64_t m, int64_t k, int32_t type) {
    const int64_t n = k;
    Buffer<uint16_t> weight(n * k, [](int64_t) { return (uint16_t)0; });
    const auto column = [=](int64_t j) { return (j * 7 + 3) % k; };
    for (int64_t j = 0; j < n; j++) {
        const int exponent = (int)(j % 5) - 2;
        weight[j * k + column(j)] = (uint16_t)(type == ADASPEC_BF16 ? (127 + exponent) << 7 : (15 + exponent) << 10);
    }
    Random random(41);
    Floats x(m * k, [&](int64_t i) { return ldexpf(random.normal(), (int)(i % 180) - 80); });
    Floats out(m * n);
    CHECK_OK(adaspec_linear_rows(out, n, x, k, weight, type, k, nullptr, m, n, k, nullptr));
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            const float want = ldexpf(x[i * k + column(j)], (int)(j % 5) - 2);
            CHECK(out[i * n + j] == want, "(%d, %d) of k %d type %d selects %.9g and is %.9g", (int)i, (int)j, (int)k, type, want, out[i * n + j]);
        }
    }
}

/*
 * What is not finite is computed again without matrix units: they must not hide their faults behind that. 1, then numbers that vanish beside it one by one but
 * not as the sums of the seven slices that the 1 is not in.
 */
static void check_units_are_used(int64_t m, int64_t n, int32_t type) {
    const int64_t k = 8 * 7 * 32;
    Buffer<uint16_t> weight(n * k, [=](int64_t) { return (uint16_t)(type == ADASPEC_BF16 ? 0x3f80 : 0x3c00); });
    Floats x(m * k, [=](int64_t i) { return i % k == 0 ? 1.0f : 0x1p-24f; });
    Floats out(m * n);
    CHECK_OK(adaspec_linear_rows(out, n, x, k, weight, type, k, nullptr, m, n, k, nullptr));
    for (int64_t i = 0; i < m * n; i++) {
        CHECK(out[i] >= 1 + 7 * 7 * 32 * 0x1p-24f && out[i] <= 1 + 8 * 7 * 32 * 0x1p-24f, "element %d of m %d n %d type %d is %.9g", (int)i, (int)m,
            (int)n, type, out[i]);
    }
}

/* NaN and infinities as IEEE has them, in x and in the weights, in their rows and columns alone. */
static void check_not_finite(int64_t m, int32_t type) {
    const int64_t n = 35;
    const int64_t k = 77;
    Weights weight(n, k, type, k, 21);
    Floats x(m * k, normals(22));
    const float low_nan = [] {
        const uint32_t bits = 0x7f800001;
        float value;
        memcpy(&value, &bits, 4);
        return value;
    }();
    const auto weigh = [&](int64_t j, int64_t c, double value) {
        if (type == ADASPEC_F32) {
            weight.f32[j * k + c] = (float)value;
        } else if (type == ADASPEC_BF16) {
            weight.half[j * k + c] = isnan(value) ? 0x7fc0 : to_bf16((float)value);
        } else {
            weight.half[j * k + c] = isnan(value) ? 0x7e00 : isinf(value) ? 0x7c00 : 0;
        }
    };
    x[0 * k + 5] = INFINITY;
    weigh(3, 5, 0);          /* inf 0 */
    x[1 * k + 6] = low_nan;  /* whose upper half alone is an infinity */
    x[2 * k + 70] = -INFINITY;
    x[2 * k + 5] = INFINITY;
    weigh(9, 76, INFINITY);
    x[4 * k + 76] = 0;       /* 0 inf */
    x[5 * k + 76] = 2;       /* a number of one part, the others 0 */
    weigh(20, 0, NAN);
    Floats out(m * n);
    CHECK_OK(adaspec_linear_rows(out, n, x, k, weight.data(), type, k, nullptr, m, n, k, nullptr));
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            double want = 0;
            double size = 0;
            for (int64_t c = 0; c < k; c++) {
                want += x[i * k + c] * weight.at(j, c);
                size += fabs(x[i * k + c] * weight.at(j, c));
            }
            CHECK_CLOSE(out[i * n + j], want, isfinite(size) ? tolerance(k, type) * size : 0, 0, "(%d, %d) of m %d type %d", (int)i, (int)j, (int)m, type);
        }
    }
    CHECK(isnan(out[0 * n + 3]) && isnan(out[1 * n]) && out[5 * n + 9] == INFINITY && isnan(out[4 * n + 9]) && isnan(out[6 * n + 20]),
        "what was planted, m %d type %d", (int)m, type);
}

int main() {
    require_tier();
    for (int32_t type : {ADASPEC_F32, ADASPEC_BF16, ADASPEC_F16}) {
        for (int64_t k : {1, 15, 17, 31, 255, 257}) {
            for (int64_t n : {1, 2, 3, 5, 33}) {
                for (int64_t m : {1, 2, 7, 33}) {
                    if (emulated() && m == 33 && n < 5 && k < 255) {
                        continue; /* a cluster for a few numbers: slow to emulate, and covered by the others */
                    }
                    check_values(m, n, k, type, (m + n) % 3, n % 2 == 1);
                }
            }
        }
        check_values(40, 70, 2050, type, 0, true);
        check_values(256, 9, 40, type, 0, true);
        check_values(9, 300, 264, type, 0, false);
        check_not_finite(7, type);
        check_not_finite(19, type);
        check_row_invariance(67, 129, type);
        check_row_invariance(5, 31, type);
        check_row_invariance(66, 300, type);
        check_row_invariance(18, 2100, type, 20);
    }
    for (int32_t type : {ADASPEC_BF16, ADASPEC_F16}) {
        check_selection(3, 96, type);
        check_selection(37, 70, type);
        if (on_gpu()) {
            for (int64_t m : {3, 20}) {
                check_units_are_used(m, 37, type);
            }
        }
    }
    check_values(2, 3, 0, ADASPEC_F32, 1, true);
    check_values(2, 3, 0, ADASPEC_BF16, 1, true);

    Floats x(1, zeros());
    CHECK_REFUSED(adaspec_linear_rows(x, 1, x, 1, x, 3, 1, nullptr, 1, 1, 1, nullptr), "weight type 3");
    CHECK_REFUSED(adaspec_linear_rows(x, 1, x, 1, x, 0, 1, nullptr, 1, 2, 1, nullptr), "row stride");
    CHECK_REFUSED(adaspec_linear_rows(x, 1, x, 1, x, 0, 1, nullptr, -1, 1, 1, nullptr), "negative size");
    return finish();
}
