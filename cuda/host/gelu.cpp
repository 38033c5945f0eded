/* The Gaussian error linear unit, with the error function or with its tanh approximation. */
#include "status.h"
#include "threads.h"
#include "vecmath.h"

static const float ROOT_2_OVER_PI = 0.79788456080286536f;
static const float CUBIC = 0.044715f;
static const float DENSITY_AT_0 = 0.39894228040143268f;

namespace {

/* 0.5 (1 + tanh y) is the logistic function of 2y, without the cancellation for y < 0. */
struct Tanh {
    static MEMBER vf value(vf x) {
        const vf y = ROOT_2_OVER_PI * (x + CUBIC * x * x * x);
        return x * logistic(2.0f * y);
    }
    static MEMBER vf slope(vf x) {
        const vf y = ROOT_2_OVER_PI * (x + CUBIC * x * x * x);
        const vf dy = ROOT_2_OVER_PI * (1.0f + 3.0f * CUBIC * x * x);
        const vf s = logistic(2.0f * y);
        /* Where s (1 - s) is 0 in f32 the slope is s, also where x^2 is infinite. */
        const vf spread = s * (1.0f - s);
        return spread > 0.0f ? s + 2.0f * x * spread * dy : s;
    }
};

/* x Phi(x), with derivative Phi(x) + x phi(x). */
struct Exact {
    static MEMBER vf value(vf x) {
        return x * normal_cdf(x);
    }
    static MEMBER vf slope(vf x) {
        const vf density = DENSITY_AT_0 * exp(-0.5f * x * x);
        return density > 0.0f ? normal_cdf(x) + x * density : normal_cdf(x);
    }
};

}  // namespace

/* out = f(i) over n elements in vectors; the last vector is partial. f(i, count) gives `count` <= VL values. */
template <class F>
static void map(float* out, int64_t n, F f) {
    const int64_t vectors = n / VL;
#pragma omp parallel for schedule(static) num_threads(threads_for(4 * n))
    for (int64_t i = 0; i < vectors; i++) {
        store(out + i * VL, f(i * VL, (int64_t)VL));
    }
    if (vectors * VL < n) {
        store_first(out + vectors * VL, f(vectors * VL, n - vectors * VL), n - vectors * VL);
    }
}

ADASPEC_OPERATION(gelu_forward)(float* out, const float* x, int32_t tanh_form, int64_t n, void*) {
    REQUIRE(n >= 0, "gelu_forward: negative size %lld", (long long)n);
    if (tanh_form) {
        map(out, n, [=](int64_t i, int64_t count) { return Tanh::value(load_count(x + i, count)); });
    } else {
        map(out, n, [=](int64_t i, int64_t count) { return Exact::value(load_count(x + i, count)); });
    }
    return ADASPEC_OK;
}

ADASPEC_OPERATION(gelu_backward)(float* dx, const float* dout, const float* x, int32_t tanh_form, int64_t n, void*) {
    REQUIRE(n >= 0, "gelu_backward: negative size %lld", (long long)n);
    if (tanh_form) {
        map(dx, n, [=](int64_t i, int64_t count) { return load_count(dout + i, count) * Tanh::slope(load_count(x + i, count)); });
    } else {
        map(dx, n, [=](int64_t i, int64_t count) { return load_count(dout + i, count) * Exact::slope(load_count(x + i, count)); });
    }
    return ADASPEC_OK;
}
