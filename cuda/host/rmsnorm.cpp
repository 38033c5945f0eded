/* Root mean square norm (Zhang and Sennrich, 2019): out = x * rstd * gain by row, rstd = 1 / sqrt(mean(x^2) + eps). */
#include "column_sum.h"
#include "row_sum.h"
#include "status.h"
#include "threads.h"
#include "vec.h"

#include <math.h>

/* residual null: of x. Else of sum = x + residual. */
static void normalise(
    float* out, float* sum, float* rstd, const float* x, const float* residual, const float* gain, float eps, int64_t n, int64_t c) {
#pragma omp parallel for schedule(static) num_threads(threads_for(n * c))
    for (int64_t i = 0; i < n; i++) {
        const float* row = x + i * c;
        if (residual != nullptr) {
            add_row(sum + i * c, row, residual + i * c, c);
            row = sum + i * c;
        }
        float* target = out + i * c;
        const double square = sum_row(c, [=](int64_t j, int64_t count) {
            const vf value = load_count(row + j, count);
            return value * value;
        });
        const float r = (float)(1.0 / sqrt(square / (double)c + (double)eps));
        rstd[i] = r;
        for (int64_t j = 0; j < c; j += VL) {
            const int64_t count = c - j < VL ? c - j : VL;
            store_count(target + j, load_count(row + j, count) * r * load_count(gain + j, count), count);
        }
    }
}

ADASPEC_OPERATION(rmsnorm_forward)(float* out, float* rstd, const float* x, const float* gain, float eps, int64_t n, int64_t c, void*) {
    REQUIRE(n >= 0 && c >= 1, "rmsnorm_forward: x is (%lld, %lld); at least one channel was expected", (long long)n, (long long)c);
    normalise(out, nullptr, rstd, x, nullptr, gain, eps, n, c);
    return ADASPEC_OK;
}

ADASPEC_OPERATION(add_rmsnorm_forward)(
    float* out, float* sum, float* rstd, const float* x, const float* residual, const float* gain, float eps, int64_t n, int64_t c, void*) {
    REQUIRE(n >= 0 && c >= 1, "add_rmsnorm_forward: x is (%lld, %lld); at least one channel was expected", (long long)n, (long long)c);
    normalise(out, sum, rstd, x, residual, gain, eps, n, c);
    return ADASPEC_OK;
}

/* With xhat = x * rstd and g = dout * gain: dx += rstd * (g - xhat * mean(g * xhat)), dgain += sum dout * xhat. */
ADASPEC_OPERATION(rmsnorm_backward)(
    float* dx, float* dgain, const float* dout, const float* x, const float* rstd, const float* gain, int64_t n, int64_t c, void*) {
    REQUIRE(n >= 0 && c >= 1, "rmsnorm_backward: x is (%lld, %lld); at least one channel was expected", (long long)n, (long long)c);
#pragma omp parallel for schedule(static) num_threads(threads_for(n * c))
    for (int64_t i = 0; i < n; i++) {
        const float* row = x + i * c;
        const float* gradient = dout + i * c;
        float* target = dx + i * c;
        const float r = rstd[i];
        const float mean_gx = (float)(sum_row(c, [=](int64_t j, int64_t count) {
            return load_count(gradient + j, count) * load_count(gain + j, count) * (load_count(row + j, count) * r);
        }) / (double)c);
        for (int64_t j = 0; j < c; j += VL) {
            const int64_t count = c - j < VL ? c - j : VL;
            const vf xhat = load_count(row + j, count) * r;
            const vf g = load_count(gradient + j, count) * load_count(gain + j, count);
            store_count(target + j, load_count(target + j, count) + r * (g - xhat * mean_gx), count);
        }
    }
    sum_columns(dgain, n, c, [=](int64_t i, int64_t j, int64_t count) {
        return load_count(dout + i * c + j, count) * (load_count(x + i * c + j, count) * rstd[i]);
    });
    return ADASPEC_OK;
}
