/* Root mean square norm forward and backward against double loops. Tolerances: a few f32 roundings of numbers near 1, and of the sums' largest term. */
#include "check.h"

static void check(int64_t n, int64_t c, float scale) {
    const float eps = 1e-5f;
    Floats x(n * c, normals(1, scale));
    Floats gain(c, normals(2));
    Floats out(n * c);
    Floats rstd(n);
    CHECK_OK(adaspec_rmsnorm_forward(out, rstd, x, gain, eps, n, c, nullptr));
    Floats dout(n * c, normals(4));
    Floats dx(n * c, normals(5));
    Floats dgain(c, normals(6));
    const std::vector<float> dx0 = dx.copy();
    std::vector<double> want_dgain(dgain.data, dgain.data + c);
    CHECK_OK(adaspec_rmsnorm_backward(dx, dgain, dout, x, rstd, gain, n, c, nullptr));
    for (int64_t i = 0; i < n; i++) {
        double square = 0;
        for (int64_t j = 0; j < c; j++) {
            square += (double)x[i * c + j] * x[i * c + j];
        }
        const double r = 1 / sqrt(square / (double)c + eps);
        CHECK_CLOSE(rstd[i], r, 0, 5e-7, "row %d of n %d c %d", (int)i, (int)n, (int)c);
        double sum_gx = 0;
        for (int64_t j = 0; j < c; j++) {
            const double xhat = x[i * c + j] * r;
            CHECK_CLOSE(out[i * c + j], xhat * gain[j], 0, 1e-6, "(%d, %d) of n %d c %d", (int)i, (int)j, (int)n, (int)c);
            sum_gx += (double)dout[i * c + j] * gain[j] * xhat;
            want_dgain[(size_t)j] += dout[i * c + j] * xhat;
        }
        for (int64_t j = 0; j < c; j++) {
            const double xhat = x[i * c + j] * r;
            const double g = (double)dout[i * c + j] * gain[j];
            const double want = dx0[(size_t)(i * c + j)] + r * (g - xhat * sum_gx / (double)c);
            CHECK_CLOSE(dx[i * c + j], want, 3e-6 * (1 + r) * (1 + fabs(g)), 1e-6, "(%d, %d) of n %d c %d", (int)i, (int)j, (int)n, (int)c);
        }
    }
    for (int64_t j = 0; j < c; j++) {
        CHECK_CLOSE(dgain[j], want_dgain[(size_t)j], 3e-6 * sqrt((double)n), 1e-6, "dgain %d of n %d c %d", (int)j, (int)n, (int)c);
    }
}

/* The sum with a residual and its norm are those of the two operations, to the bit; the sum may take the place of either. */
static void check_residual(int64_t n, int64_t c) {
    Floats x(n * c, normals(11));
    Floats residual(n * c, normals(12, 3));
    Floats gain(c, normals(13));
    Floats want_sum(n * c);
    Floats want(n * c);
    Floats want_rstd(n);
    CHECK_OK(adaspec_add(want_sum, x, residual, n * c, nullptr));
    CHECK_OK(adaspec_rmsnorm_forward(want, want_rstd, want_sum, gain, 1e-5f, n, c, nullptr));
    for (int place = 0; place < 3; place++) {
        Floats a(n * c, [&](int64_t i) { return x[i]; });
        Floats b(n * c, [&](int64_t i) { return residual[i]; });
        Floats apart(n * c);
        Floats& sum = place == 0 ? apart : place == 1 ? a : b;
        Floats out(n * c);
        Floats rstd(n);
        CHECK_OK(adaspec_add_rmsnorm_forward(out, sum, rstd, a, b, gain, 1e-5f, n, c, nullptr));
        CHECK(same_bits(sum.copy(), want_sum.copy()), "the sum of n %d c %d, place %d", (int)n, (int)c, place);
        CHECK(same_bits(out.copy(), want.copy()) && same_bits(rstd.copy(), want_rstd.copy()), "the norm of n %d c %d, place %d", (int)n, (int)c, place);
    }
}

int main() {
    require_tier();
    for (int64_t c : SIZES) {
        check_residual(7, c);
    }
    check_residual(2, 1031);
    for (int64_t c : SIZES) {
        check(5, c, 1);
    }
    check(130, 257, 1);
    check(3, 2050, 100);
    check(9, 257, 1e-3f);
    /* Nothing but zeros has no direction: the norm is 0, not NaN. */
    Floats zero(7, zeros());
    Floats gain(7, normals(1));
    Floats out(7);
    Floats rstd(1);
    CHECK_OK(adaspec_rmsnorm_forward(out, rstd, zero, gain, 1e-5f, 1, 7, nullptr));
    for (int64_t j = 0; j < 7; j++) {
        CHECK(out[j] == 0, "zeros give %g", out[j]);
    }
    check_threads("rmsnorm", [] {
        const int64_t n = 200;
        const int64_t c = 401;
        Floats x(n * c, normals(1));
        Floats gain(c, normals(2));
        Floats out(n * c);
        Floats rstd(n);
        CHECK_OK(adaspec_rmsnorm_forward(out, rstd, x, gain, 1e-5f, n, c, nullptr));
        Floats dx(n * c, zeros());
        Floats dgain(c, zeros());
        CHECK_OK(adaspec_rmsnorm_backward(dx, dgain, out, x, rstd, gain, n, c, nullptr));
        const std::vector<float> a = out.copy(), b = dx.copy(), d = dgain.copy();
        return join({&a, &b, &d});
    });
    Floats x(1, zeros());
    CHECK_REFUSED(adaspec_rmsnorm_forward(x, x, x, x, 0, 1, 0, nullptr), "at least one channel");
    CHECK_REFUSED(adaspec_rmsnorm_backward(x, x, x, x, x, x, 1, 0, nullptr), "at least one channel");
    CHECK_REFUSED(adaspec_add_rmsnorm_forward(x, x, x, x, x, x, 0, 1, 0, nullptr), "at least one channel");
    return finish();
}
