/* Layer norm: out = (x - mean) * rstd * gain + bias by row, rstd = 1 / sqrt(var + eps). */
#include "column_sum.h"
#include "row_sum.h"
#include "status.h"
#include "threads.h"
#include "vec.h"

#include <math.h>

/* Lanes at and past `count` become zero. */
INLINE vf keep_first(vf x, int64_t count) {
    vi lane;
    for (int l = 0; l < VL; l++) {
        lane[l] = l;
    }
    return lane < (int32_t)count ? x : splat(0);
}

/* residual null: of x. Else of sum = x + residual. */
static void normalise(
    float* out, float* sum, float* mean, float* rstd, const float* x, const float* residual, const float* gain, const float* bias, float eps, int64_t n,
    int64_t c) {
#pragma omp parallel for schedule(static) num_threads(threads_for(n * c))
    for (int64_t i = 0; i < n; i++) {
        const float* row = x + i * c;
        if (residual != nullptr) {
            add_row(sum + i * c, row, residual + i * c, c);
            row = sum + i * c;
        }
        float* target = out + i * c;
        const float m = (float)(sum_row(c, [=](int64_t j, int64_t count) { return load_count(row + j, count); }) / (double)c);
        /* Around the rounded mean, so that the second pass is about the numbers the third one subtracts. */
        const double square = sum_row(c, [=](int64_t j, int64_t count) {
            const vf centred = count == VL ? load(row + j) - m : keep_first(load_first(row + j, count) - m, count);
            return centred * centred;
        });
        const float r = (float)(1.0 / sqrt(square / (double)c + (double)eps));
        mean[i] = m;
        rstd[i] = r;
        for (int64_t j = 0; j < c; j += VL) {
            const int64_t count = c - j < VL ? c - j : VL;
            if (count == VL) {
                store(target + j, (load(row + j) - m) * r * load(gain + j) + load(bias + j));
            } else {
                store_first(target + j, (load_first(row + j, count) - m) * r * load_first(gain + j, count) + load_first(bias + j, count), count);
            }
        }
    }
}

ADASPEC_OPERATION(layernorm_forward)(
    float* out, float* mean, float* rstd, const float* x, const float* gain, const float* bias, float eps, int64_t n, int64_t c, void*) {
    REQUIRE(n >= 0 && c >= 1, "layernorm_forward: x is (%lld, %lld); at least one channel was expected", (long long)n, (long long)c);
    normalise(out, nullptr, mean, rstd, x, nullptr, gain, bias, eps, n, c);
    return ADASPEC_OK;
}

ADASPEC_OPERATION(add_layernorm_forward)(
    float* out, float* sum, float* mean, float* rstd, const float* x, const float* residual, const float* gain, const float* bias, float eps,
    int64_t n, int64_t c, void*) {
    REQUIRE(n >= 0 && c >= 1, "add_layernorm_forward: x is (%lld, %lld); at least one channel was expected", (long long)n, (long long)c);
    normalise(out, sum, mean, rstd, x, residual, gain, bias, eps, n, c);
    return ADASPEC_OK;
}

/*
 * With xhat = (x - mean) * rstd and g = dout * gain: dx += rstd * (g - mean(g) - xhat * mean(g * xhat)), dgain += sum dout * xhat, dbias += sum dout.
 */
ADASPEC_OPERATION(layernorm_backward)(
    float* dx, float* dgain, float* dbias, const float* dout, const float* x, const float* mean, const float* rstd, const float* gain, int64_t n,
    int64_t c, void*) {
    REQUIRE(n >= 0 && c >= 1, "layernorm_backward: x is (%lld, %lld); at least one channel was expected", (long long)n, (long long)c);
#pragma omp parallel for schedule(static) num_threads(threads_for(n * c))
    for (int64_t i = 0; i < n; i++) {
        const float* row = x + i * c;
        const float* gradient = dout + i * c;
        float* target = dx + i * c;
        const float m = mean[i];
        const float r = rstd[i];
        const float mean_g = (float)(sum_row(c, [=](int64_t j, int64_t count) {
            return load_count(gradient + j, count) * load_count(gain + j, count);
        }) / (double)c);
        const float mean_gx = (float)(sum_row(c, [=](int64_t j, int64_t count) {
            return load_count(gradient + j, count) * load_count(gain + j, count) * ((load_count(row + j, count) - m) * r);
        }) / (double)c);
        for (int64_t j = 0; j < c; j += VL) {
            const int64_t count = c - j < VL ? c - j : VL;
            const vf xhat = (load_count(row + j, count) - m) * r;
            const vf g = load_count(gradient + j, count) * load_count(gain + j, count);
            const vf value = load_count(target + j, count) + r * (g - mean_g - xhat * mean_gx);
            if (count == VL) {
                store(target + j, value);
            } else {
                store_first(target + j, value, count);
            }
        }
    }
    sum_columns(dgain, n, c, [=](int64_t i, int64_t j, int64_t count) {
        return load_count(dout + i * c + j, count) * ((load_count(x + i * c + j, count) - mean[i]) * rstd[i]);
    });
    sum_columns(dbias, n, c, [=](int64_t i, int64_t j, int64_t count) { return load_count(dout + i * c + j, count); });
    return ADASPEC_OK;
}
