/* Layer norm forward and backward against double loops. Tolerances: a few f32 roundings of numbers near 1, and of the sums' largest term. */
#include "check.h"

static void check(int64_t n, int64_t c, float offset) {
    const float eps = 1e-5f;
    Floats x(n * c, normals(1));
    for (int64_t i = 0; i < n * c; i++) {
        x[i] += offset;
    }
    Floats gain(c, normals(2));
    Floats bias(c, normals(3));
    Floats out(n * c);
    Floats mean(n);
    Floats rstd(n);
    CHECK_OK(adaspec_layernorm_forward(out, mean, rstd, x, gain, bias, eps, n, c, nullptr));
    Floats dout(n * c, normals(4));
    Floats dx(n * c, normals(5));
    Floats dgain(c, normals(6));
    Floats dbias(c, normals(7));
    const std::vector<float> dx0 = dx.copy();
    std::vector<double> want_dgain(dgain.data, dgain.data + c);
    std::vector<double> want_dbias(dbias.data, dbias.data + c);
    CHECK_OK(adaspec_layernorm_backward(dx, dgain, dbias, dout, x, mean, rstd, gain, n, c, nullptr));
    for (int64_t i = 0; i < n; i++) {
        double m = 0;
        for (int64_t j = 0; j < c; j++) {
            m += x[i * c + j];
        }
        m /= (double)c;
        double variance = 0;
        for (int64_t j = 0; j < c; j++) {
            variance += (x[i * c + j] - m) * (x[i * c + j] - m);
        }
        const double r = 1 / sqrt(variance / (double)c + eps);
        CHECK_CLOSE(mean[i], m, 1e-7, 2e-7, "row %d of n %d c %d", (int)i, (int)n, (int)c);
        /* A shifted row's mean is rounded at its own size; a single channel has variance 0. */
        CHECK_CLOSE(rstd[i], r, 0, 1e-6 + 3e-7 * fabs(offset), "row %d of n %d c %d", (int)i, (int)n, (int)c);
        double sum_g = 0;
        double sum_gx = 0;
        for (int64_t j = 0; j < c; j++) {
            const double xhat = (x[i * c + j] - m) * r;
            CHECK_CLOSE(out[i * c + j], xhat * gain[j] + bias[j], 1e-6 + 1e-6 * fabs(offset) * r, 1e-6, "(%d, %d) of n %d c %d", (int)i, (int)j,
                (int)n, (int)c);
            const double g = (double)dout[i * c + j] * gain[j];
            sum_g += g;
            sum_gx += g * xhat;
            want_dgain[(size_t)j] += dout[i * c + j] * xhat;
            want_dbias[(size_t)j] += dout[i * c + j];
        }
        for (int64_t j = 0; j < c; j++) {
            const double xhat = (x[i * c + j] - m) * r;
            const double g = (double)dout[i * c + j] * gain[j];
            const double want = dx0[(size_t)(i * c + j)] + r * (g - sum_g / (double)c - xhat * sum_gx / (double)c);
            CHECK_CLOSE(dx[i * c + j], want, (2e-6 + 1e-6 * fabs(offset)) * (1 + r), 1e-6, "(%d, %d) of n %d c %d", (int)i, (int)j, (int)n, (int)c);
        }
    }
    for (int64_t j = 0; j < c; j++) {
        const double tolerance = (2e-6 + 2e-6 * fabs(offset)) * sqrt((double)n) + 1e-6 * (double)(c == 1) * 400;
        CHECK_CLOSE(dgain[j], want_dgain[(size_t)j], tolerance, 1e-6, "dgain %d of n %d c %d", (int)j, (int)n, (int)c);
        CHECK_CLOSE(dbias[j], want_dbias[(size_t)j], tolerance, 1e-6, "dbias %d of n %d c %d", (int)j, (int)n, (int)c);
    }
}

/* The sum with a residual and its norm are those of the two operations, to the bit; the sum may take the place of either. */
static void check_residual(int64_t n, int64_t c) {
    Floats x(n * c, normals(11));
    Floats residual(n * c, normals(12, 3));
    Floats gain(c, normals(13));
    Floats bias(c, normals(14));
    Floats want_sum(n * c);
    Floats want(n * c);
    Floats want_mean(n);
    Floats want_rstd(n);
    CHECK_OK(adaspec_add(want_sum, x, residual, n * c, nullptr));
    CHECK_OK(adaspec_layernorm_forward(want, want_mean, want_rstd, want_sum, gain, bias, 1e-5f, n, c, nullptr));
    for (int place = 0; place < 3; place++) {
        Floats a(n * c, [&](int64_t i) { return x[i]; });
        Floats b(n * c, [&](int64_t i) { return residual[i]; });
        Floats apart(n * c);
        Floats& sum = place == 0 ? apart : place == 1 ? a : b;
        Floats out(n * c);
        Floats mean(n);
        Floats rstd(n);
        CHECK_OK(adaspec_add_layernorm_forward(out, sum, mean, rstd, a, b, gain, bias, 1e-5f, n, c, nullptr));
        CHECK(same_bits(sum.copy(), want_sum.copy()), "the sum of n %d c %d, place %d", (int)n, (int)c, place);
        CHECK(same_bits(out.copy(), want.copy()) && same_bits(mean.copy(), want_mean.copy()) && same_bits(rstd.copy(), want_rstd.copy()),
            "the norm of n %d c %d, place %d", (int)n, (int)c, place);
    }
}

int main() {
    require_tier();
    for (int64_t c : SIZES) {
        check_residual(7, c);
    }
    check_residual(2, 1031);
    for (int64_t c : SIZES) {
        check(5, c, 0);
    }
    check(130, 257, 0);
    check(3, 2050, 0);
    check(9, 257, 10);
    check_threads("layernorm", [] {
        const int64_t n = 200;
        const int64_t c = 301;
        Floats x(n * c, normals(1));
        Floats gain(c, normals(2));
        Floats bias(c, normals(3));
        Floats out(n * c);
        Floats mean(n);
        Floats rstd(n);
        CHECK_OK(adaspec_layernorm_forward(out, mean, rstd, x, gain, bias, 1e-5f, n, c, nullptr));
        Floats dx(n * c, zeros());
        Floats dgain(c, zeros());
        Floats dbias(c, zeros());
        CHECK_OK(adaspec_layernorm_backward(dx, dgain, dbias, out, x, mean, rstd, gain, n, c, nullptr));
        const std::vector<float> a = out.copy(), b = dx.copy(), d = dgain.copy(), e = dbias.copy();
        return join({&a, &b, &d, &e});
    });
    Floats x(1, zeros());
    CHECK_REFUSED(adaspec_layernorm_forward(x, x, x, x, x, x, 0, 1, 0, nullptr), "at least one channel");
    CHECK_REFUSED(adaspec_add_layernorm_forward(x, x, x, x, x, x, x, x, 0, 1, 0, nullptr), "at least one channel");
    return finish();
}
