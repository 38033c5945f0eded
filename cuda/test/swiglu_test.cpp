/* silu(gate) * up and its gradient against double. */
#include "check.h"

static double logistic(double x) {
    return 1 / (1 + exp(-x));
}

static void check(int64_t n, int64_t c) {
    Floats x(n * 2 * c, normals((uint64_t)(n + c), 3));
    Floats dout(n * c, normals(5));
    Floats out(n * c);
    Floats dx(n * 2 * c);
    CHECK_OK(adaspec_swiglu_forward(out, x, n, c, nullptr));
    CHECK_OK(adaspec_swiglu_backward(dx, dout, x, n, c, nullptr));
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < c; j++) {
            const double gate = x[i * 2 * c + j];
            const double up = x[i * 2 * c + c + j];
            const double d = dout[i * c + j];
            const double s = logistic(gate);
            CHECK_CLOSE(out[i * c + j], gate * s * up, 1e-7, 5e-7, "(%d, %d) of n %d c %d", (int)i, (int)j, (int)n, (int)c);
            CHECK_CLOSE(
                dx[i * 2 * c + j], d * up * (s + gate * s * (1 - s)), 5e-7 * (1 + fabs(d * up)), 1e-6, "gate (%d, %d) of n %d c %d", (int)i, (int)j,
                (int)n, (int)c);
            CHECK_CLOSE(dx[i * 2 * c + c + j], d * gate * s, 1e-7, 1e-6, "up (%d, %d) of n %d c %d", (int)i, (int)j, (int)n, (int)c);
        }
    }
}

int main() {
    require_tier();
    for (int64_t c : SIZES) {
        check(3, c);
    }
    check(130, 257);
    check(0, 5);
    /* Gates far out: silu is 0 or the gate itself, its slope 0 or 1. */
    const float gates[] = {0.0f, -0.0f, 50.0f, -200.0f, 1e10f, -1e10f, INFINITY, NAN};
    Floats x(16, [&](int64_t i) { return i < 8 ? gates[i] : 1.0f; });
    Floats one(8, [](int64_t) { return 1.0f; });
    Floats out(8);
    Floats dx(16);
    CHECK_OK(adaspec_swiglu_forward(out, x, 1, 8, nullptr));
    CHECK_OK(adaspec_swiglu_backward(dx, one, x, 1, 8, nullptr));
    CHECK(out[0] == 0 && out[1] == 0 && out[2] == 50 && out[3] == 0 && out[4] == 1e10f && out[5] == 0 && out[6] == INFINITY && isnan(out[7]),
          "%g %g %g %g %g %g %g", out[0], out[1], out[2], out[3], out[4], out[5], out[6]);
    CHECK(dx[0] == 0.5f && dx[1] == 0.5f && dx[2] == 1 && dx[3] == 0 && dx[4] == 1 && dx[5] == 0 && isnan(dx[7]), "%g %g %g %g %g %g", dx[0], dx[1],
          dx[2], dx[3], dx[4], dx[5]);
    CHECK(same_bits(std::vector<float>(dx.data + 8, dx.data + 15), std::vector<float>(out.data, out.data + 7)), "the slope by an up is not silu(gate)");
    check_threads("swiglu", [] {
        Floats x(101 * 1002, normals(1));
        Floats out(101 * 501);
        Floats dx(101 * 1002);
        CHECK_OK(adaspec_swiglu_forward(out, x, 101, 501, nullptr));
        CHECK_OK(adaspec_swiglu_backward(dx, out, x, 101, 501, nullptr));
        const std::vector<float> a = out.copy(), b = dx.copy();
        return join({&a, &b});
    });
    float y = 0;
    CHECK_REFUSED(adaspec_swiglu_forward(&y, &y, -1, 1, nullptr), "negative size");
    CHECK_REFUSED(adaspec_swiglu_backward(&y, &y, &y, 1, -1, nullptr), "negative size");
    return finish();
}
