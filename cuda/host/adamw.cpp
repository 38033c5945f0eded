/* AdamW (Loshchilov and Hutter, 2019) as torch.optim.AdamW orders it, and the sum of squares that clips its gradient. */
#include <math.h>

#include "status.h"
#include "threads.h"
#include "vec.h"

ADASPEC_OPERATION(adamw)(
    float* param, const float* grad, float* m, float* v, float grad_scale, float lr, float beta1, float beta2, float eps, float weight_decay,
    int64_t step, int64_t n, void*) {
    REQUIRE(n >= 0, "adamw: negative size %lld", (long long)n);
    REQUIRE(step >= 1, "adamw: step %lld; steps count from 1", (long long)step);
    const float keep = (float)(1.0 - (double)lr * (double)weight_decay);
    const float one_minus_beta1 = (float)(1.0 - (double)beta1);
    const float one_minus_beta2 = (float)(1.0 - (double)beta2);
    const float step_size = (float)((double)lr / (1.0 - pow((double)beta1, (double)step)));
    const float root_correction = (float)sqrt(1.0 - pow((double)beta2, (double)step));
#pragma omp parallel for schedule(static) num_threads(threads_for(n))
    for (int64_t i = 0; i < (n + VL - 1) / VL; i++) {
        const int64_t at = i * VL;
        const int64_t count = n - at < VL ? n - at : VL;
        const vf g = load_count(grad + at, count) * grad_scale;
        const vf mean = beta1 * load_count(m + at, count) + one_minus_beta1 * g;
        const vf square = beta2 * load_count(v + at, count) + one_minus_beta2 * g * g;
        vf root;
        for (int l = 0; l < VL; l++) {
            root[l] = __builtin_sqrtf(square[l]);
        }
        const vf denominator = root / root_correction + eps;
        store_count(param + at, load_count(param + at, count) * keep - step_size * (mean / denominator), count);
        store_count(m + at, mean, count);
        store_count(v + at, square, count);
    }
    return ADASPEC_OK;
}

ADASPEC_OPERATION(sum_of_squares)(double* sum, const float* x, int64_t n, void*) {
    REQUIRE(n >= 0, "sum_of_squares: negative size %lld", (long long)n);
    /* 64 parts whatever the number of threads, added in order. */
    double parts[64];
    const int64_t length = (n + 64 * VL - 1) / (64 * VL) * VL;
#pragma omp parallel for schedule(static) num_threads(threads_for(n))
    for (int64_t part = 0; part < 64; part++) {
        const int64_t first = part * length < n ? part * length : n;
        const int64_t last = first + length < n ? first + length : n;
        vd low = {};
        vd high = {};
        for (int64_t i = first; i < last; i += VL) {
            const vf value = load_count(x + i, last - i < VL ? last - i : VL);
            low += widen_low(value) * widen_low(value);
            high += widen_high(value) * widen_high(value);
        }
        parts[part] = ::sum(low + high);
    }
    double total = 0;
    for (int part = 0; part < 64; part++) {
        total += parts[part];
    }
    *sum = total;
    return ADASPEC_OK;
}
