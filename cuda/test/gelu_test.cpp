/* Both forms of GELU and their slopes against double. The exact form's tail (x < -4) is judged absolutely: x Phi(x) is below 2e-4 there. */
#include "check.h"

static double value(double x, bool tanh_form) {
    return tanh_form ? 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))) : 0.5 * x * erfc(-x / sqrt(2.0));
}

static double slope(double x, bool tanh_form) {
    if (!tanh_form) {
        return 0.5 * erfc(-x / sqrt(2.0)) + x * exp(-0.5 * x * x) / sqrt(2 * M_PI);
    }
    const double t = tanh(0.7978845608028654 * (x + 0.044715 * x * x * x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * 0.7978845608028654 * (1 + 3 * 0.044715 * x * x);
}

int main() {
    require_tier();
    for (int64_t n : SIZES) {
        for (int form : {0, 1}) {
            Floats x(n, normals((uint64_t)n, 3));
            Floats dout(n, normals(5));
            Floats out(n);
            Floats dx(n);
            CHECK_OK(adaspec_gelu_forward(out, x, form, n, nullptr));
            CHECK_OK(adaspec_gelu_backward(dx, dout, x, form, n, nullptr));
            for (int64_t i = 0; i < n; i++) {
                CHECK_CLOSE(out[i], value(x[i], form), 2e-7, 5e-7, "gelu(%g), form %d", (double)x[i], form);
                CHECK_CLOSE(dx[i], dout[i] * slope(x[i], form), 5e-7 * (1 + fabs(dout[i])), 1e-6, "gelu'(%g), form %d", (double)x[i], form);
            }
            const std::vector<float> apart = dx.copy();
            CHECK_OK(adaspec_gelu_backward(dout, dout, x, form, n, nullptr));
            CHECK(same_bits(dout.copy(), apart), "backward in place differs, n %d", (int)n);
            CHECK_OK(adaspec_gelu_forward(x, x, form, n, nullptr));
            CHECK(same_bits(x.copy(), out.copy()), "forward in place differs, n %d", (int)n);
        }
    }
    for (int form : {0, 1}) {
        const float points[] = {0.0f, -0.0f, 30.0f, -30.0f, 1e10f, -1e10f, INFINITY, NAN, 1e20f, -1e20f, -INFINITY};
        const int64_t count = sizeof points / sizeof *points;
        Floats x(count, [&](int64_t i) { return points[i]; });
        Floats one(count, [](int64_t) { return 1.0f; });
        Floats out(count);
        Floats dx(count);
        CHECK_OK(adaspec_gelu_forward(out, x, form, count, nullptr));
        CHECK_OK(adaspec_gelu_backward(dx, one, x, form, count, nullptr));
        CHECK(out[0] == 0 && out[1] == 0 && out[2] == 30 && out[3] == 0 && out[4] == 1e10f && out[5] == 0 && out[6] == INFINITY && isnan(out[7]),
              "form %d: %g %g %g %g %g %g %g", form, out[0], out[1], out[2], out[3], out[4], out[5], out[6]);
        CHECK(dx[0] == 0.5f && dx[1] == 0.5f && dx[2] == 1 && dx[3] == 0 && dx[4] == 1 && dx[5] == 0 && dx[6] == 1 && isnan(dx[7]),
              "form %d: %g %g %g %g %g %g %g %g", form, dx[0], dx[1], dx[2], dx[3], dx[4], dx[5], dx[6], dx[7]);
        CHECK(dx[8] == 1 && dx[9] == 0 && dx[10] == 0, "form %d: %g %g %g", form, dx[8], dx[9], dx[10]);
    }
    check_threads("gelu", [] {
        Floats x(50001, normals(1));
        CHECK_OK(adaspec_gelu_forward(x, x, 0, 50001, nullptr));
        CHECK_OK(adaspec_gelu_backward(x, x, x, 1, 50001, nullptr));
        return x.copy();
    });
    float x = 0;
    CHECK_REFUSED(adaspec_gelu_forward(&x, &x, 0, -1, nullptr), "negative size");
    CHECK_REFUSED(adaspec_gelu_backward(&x, &x, &x, 0, -1, nullptr), "negative size");
    return finish();
}
