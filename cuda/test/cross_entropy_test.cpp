/* Cross entropy and its gradient against double; broken rows give NaN. */
#include "check.h"

static void check(int64_t n, int64_t v, int64_t pad) {
    const int64_t ld = v + pad;
    Floats logits((n - 1) * ld + v, normals((uint64_t)v, 3));
    Ints targets(n, [&](int64_t i) { return (int32_t)((i * 31 + v - 1) % v); });
    Floats loss(n), lse(n), grad(n * v);
    CHECK_OK(adaspec_cross_entropy_forward(loss, lse, logits, ld, targets, n, v, nullptr));
    CHECK_OK(adaspec_cross_entropy_backward(grad, v, logits, ld, lse, targets, 0.25f, n, v, nullptr));
    for (int64_t i = 0; i < n; i++) {
        double largest = -INFINITY;
        for (int64_t j = 0; j < v; j++) {
            largest = fmax(largest, logits[i * ld + j]);
        }
        double sum = 0;
        for (int64_t j = 0; j < v; j++) {
            sum += exp(logits[i * ld + j] - largest);
        }
        const double want = largest + log(sum);
        CHECK_CLOSE(lse[i], want, 1e-7, 2e-7, "lse of row %d, v %d", (int)i, (int)v);
        CHECK_CLOSE(loss[i], want - logits[i * ld + targets[i]], 3e-7, 2e-7, "loss of row %d, v %d", (int)i, (int)v);
        for (int64_t j = 0; j < v; j++) {
            const double q = exp(logits[i * ld + j] - want);
            CHECK_CLOSE(grad[i * v + j], 0.25 * (q - (j == targets[i])), 2e-7, 1e-6, "dlogits (%d, %d), v %d", (int)i, (int)j, (int)v);
        }
    }
    CHECK_OK(adaspec_cross_entropy_backward(logits, ld, logits, ld, lse, targets, 0.25f, n, v, nullptr));
    for (int64_t i = 0; i < n; i++) {
        CHECK(memcmp(logits + i * ld, grad + i * v, (size_t)v * 4) == 0, "in place, row %d differs", (int)i);
    }
}

int main() {
    require_tier();
    for (int64_t v : {1, 2, 31, 33, 255, 257, 512, 513, 5000}) {
        check(5, v, v % 3);
    }
    Floats logits(6, [](int64_t i) { return i == 1 ? NAN : i == 2 ? INFINITY : -INFINITY; });
    Floats loss(3), lse(3);
    Ints targets(3, [](int64_t) { return 0; });
    CHECK_OK(adaspec_cross_entropy_forward(loss, lse, logits, 2, targets, 3, 2, nullptr));
    for (int i = 0; i < 3; i++) {
        CHECK(isnan(loss[i]) && isnan(lse[i]), "broken row %d: loss %g, lse %g", i, loss[i], lse[i]);
    }
    check_threads("cross_entropy", [] {
        Floats x(70 * 999, normals(3));
        Ints t(70, [](int64_t i) { return (int32_t)i; });
        Floats l(70), s(70);
        CHECK_OK(adaspec_cross_entropy_forward(l, s, x, 999, t, 70, 999, nullptr));
        CHECK_OK(adaspec_cross_entropy_backward(x, 999, x, 999, s, t, 1, 70, 999, nullptr));
        const std::vector<float> a = l.copy(), b = x.copy();
        return join({&a, &b});
    });
    targets[1] = 2;
    CHECK_REFUSED_BY_PROCESSOR(adaspec_cross_entropy_forward(loss, lse, logits, 2, targets, 3, 2, nullptr), "target 2 of row 1 is outside the vocabulary of 2");
    CHECK_REFUSED_BY_PROCESSOR(adaspec_cross_entropy_backward(logits, 2, logits, 2, lse, targets, 1, 3, 2, nullptr), "target 2 of row 1");
    return finish();
}
