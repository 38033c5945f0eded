/* AdamW over many steps against double, and the sum of squares. */
#include "check.h"

int main() {
    require_tier();
    for (int64_t n : SIZES) {
        Floats param(n, normals(1));
        Floats m(n, zeros());
        Floats v(n, zeros());
        std::vector<double> p(param.data, param.data + n), dm((size_t)n), dv((size_t)n);
        const double lr = 3e-4f, b1 = 0.9f, b2 = 0.999f, eps = 1e-8f, decay = 0.1f, factor = 0.5;
        for (int step = 1; step <= 30; step++) {
            Floats grad(n, normals((uint64_t)step * 100 + (uint64_t)n, 0.1f));
            CHECK_OK(adaspec_adamw(param, grad, m, v, (float)factor, (float)lr, (float)b1, (float)b2, (float)eps, (float)decay, step, n, nullptr));
            for (int64_t i = 0; i < n; i++) {
                const double g = grad[i] * factor;
                const size_t at = (size_t)i;
                p[at] *= 1 - lr * decay;
                dm[at] = b1 * dm[at] + (1 - b1) * g;
                dv[at] = b2 * dv[at] + (1 - b2) * g * g;
                p[at] -= lr / (1 - pow(b1, step)) * dm[at] / (sqrt(dv[at]) / sqrt(1 - pow(b2, step)) + eps);
            }
        }
        for (int64_t i = 0; i < n; i++) {
            /* Two roundings of the parameter a step, and one of 1 - lr * decay, always the same; moments a few of their own. */
            CHECK_CLOSE(param[i], p[(size_t)i], 1e-8, 30 * 3 * 6e-8, "parameter %d of %d", (int)i, (int)n);
            CHECK_CLOSE(m[i], dm[(size_t)i], 1e-7, 1e-5, "first moment %d of %d", (int)i, (int)n);
            CHECK_CLOSE(v[i], dv[(size_t)i], 1e-10, 1e-5, "second moment %d of %d", (int)i, (int)n);
        }
        Buffer<double> sum(1);
        double want = 0;
        CHECK_OK(adaspec_sum_of_squares(sum, param, n, nullptr));
        for (int64_t i = 0; i < n; i++) {
            want += (double)param[i] * param[i];
        }
        CHECK_CLOSE(sum[0], want, 0, 1e-14, "sum of squares of %d", (int)n);
    }
    for (int64_t n : {0, 63, 1024, 1025, 100003}) {
        Floats x(n, normals(3));
        double want = 0;
        Buffer<double> sum(1);
        for (int64_t i = 0; i < n; i++) {
            want += (double)x[i] * x[i];
        }
        CHECK_OK(adaspec_sum_of_squares(sum, x, n, nullptr));
        CHECK_CLOSE(sum[0], want, 0, 1e-12, "sum of squares of %d", (int)n);
    }
    check_threads("adamw", [] {
        const int64_t n = 70001;
        Floats param(n, normals(1)), grad(n, normals(2)), m(n, zeros()), v(n, zeros());
        CHECK_OK(adaspec_adamw(param, grad, m, v, 1, 1e-3f, 0.9f, 0.99f, 1e-8f, 0.1f, 1, n, nullptr));
        Buffer<double> sum(1);
        CHECK_OK(adaspec_sum_of_squares(sum, param, n, nullptr));
        std::vector<float> all = param.copy();
        all.resize(all.size() + 2);
        memcpy(&all[all.size() - 2], sum.data, 8);
        return all;
    });
    float x = 0;
    CHECK_REFUSED(adaspec_adamw(&x, &x, &x, &x, 1, 1, 0, 0, 0, 0, 0, 1, nullptr), "steps count from 1");
    CHECK_REFUSED(adaspec_sum_of_squares(nullptr, &x, -1, nullptr), "negative size");
    return finish();
}
