/*
 * linear_rows: right against double loops, and a row's bits the same whatever m, the position in the batch and the number of threads.
 * Sizes: k around one vector (1, 15, 17, 31), tails of the four-wide tile of outputs (n 1..9), m across row tiles (6 and 2 wide) and cache tiles.
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
            /* k / VL + 5 roundings at most, each of the running sum: eps * (k / 4 + 5) * sum |terms| for the narrowest tier. */
            CHECK_CLOSE(out[i * ld_out + j], want, 6e-8 * ((double)k / 4 + 6) * size, 0, "(%d, %d) of m %d n %d k %d type %d", (int)i, (int)j, (int)m,
                        (int)n, (int)k, type);
        }
        for (int64_t j = n; j < ld_out && i < m - 1; j++) {
            CHECK(out[i * ld_out + j] == 77.0f, "written between the rows, row %d column %d", (int)i, (int)j);
        }
    }
}

static void check_row_invariance(int64_t n, int64_t k, int32_t type) {
    const int64_t rows = 70;
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
        CHECK_OK(adaspec_set_threads(threads));
        for (int64_t m = 1; m <= rows; m += threads == 2 ? 1 : 11) {
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

int main() {
    require_tier();
    for (int32_t type : {ADASPEC_F32, ADASPEC_BF16, ADASPEC_F16}) {
        for (int64_t k : {1, 15, 17, 31, 255, 257}) {
            for (int64_t n : {1, 2, 3, 5, 33}) {
                for (int64_t m : {1, 2, 7, 33}) {
                    check_values(m, n, k, type, (m + n) % 3, n % 2 == 1);
                }
            }
        }
        check_values(40, 70, 2050, type, 0, true);
        check_row_invariance(67, 129, type);
        check_row_invariance(5, 31, type);
        check_row_invariance(66, 300, type);
    }
    check_values(2, 3, 0, ADASPEC_F32, 1, true);

    float x = 0;
    CHECK_REFUSED(adaspec_linear_rows(&x, 1, &x, 1, &x, 3, 1, nullptr, 1, 1, 1, nullptr), "weight type 3");
    CHECK_REFUSED(adaspec_linear_rows(&x, 1, &x, 1, &x, 0, 1, nullptr, 1, 2, 1, nullptr), "row stride");
    CHECK_REFUSED(adaspec_linear_rows(&x, 1, &x, 1, &x, 0, 1, nullptr, -1, 1, 1, nullptr), "negative size");
    return finish();
}
