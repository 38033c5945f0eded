/*
 * The Gaussian error linear unit, with the error function or with its tanh approximation.
 *
 *   exact   x Phi(x), slope Phi(x) + x phi(x)
 *   tanh    x s, s = logistic(2 y) = (1 + tanh y) / 2, y = sqrt(2/pi) (x + 0.044715 x^3); slope s + 2 x s (1 - s) y'
 */
#include "map.cuh"

namespace {

constexpr float ROOT_HALF = 0.70710678118654752f;
constexpr float ROOT_2_OVER_PI = 0.79788456080286536f;
constexpr float CUBIC = 0.044715f;
constexpr float DENSITY_AT_0 = 0.39894228040143268f;

struct Exact {
    static DEVICE float cdf(float x) {
        return 0.5f * erfcf(-x * ROOT_HALF);
    }
    static DEVICE float value(float x) {
        return x * cdf(x);
    }
    static DEVICE float slope(float x) {
        const float density = DENSITY_AT_0 * expf(-0.5f * x * x);
        return density > 0 ? cdf(x) + x * density : cdf(x);
    }
};

struct Tanh {
    static DEVICE float logistic(float y) {
        return 1 / (1 + expf(-y));
    }
    static DEVICE float value(float x) {
        return x * logistic(2 * ROOT_2_OVER_PI * (x + CUBIC * x * x * x));
    }
    static DEVICE float slope(float x) {
        const float s = logistic(2 * ROOT_2_OVER_PI * (x + CUBIC * x * x * x));
        /* Where s (1 - s) is 0 in f32 the slope is s, also where x^2 is infinite. */
        const float spread = s * (1 - s);
        return spread > 0 ? s + 2 * x * spread * ROOT_2_OVER_PI * (1 + 3 * CUBIC * x * x) : s;
    }
};

template <class Form>
struct Value {
    DEVICE float operator()(float x, float) const {
        return Form::value(x);
    }
};

template <class Form>
struct Slope {
    DEVICE float operator()(float dout, float x) const {
        return dout * Form::slope(x);
    }
};

}  // namespace

extern "C" int32_t adaspec_gelu_forward(float* out, const float* x, int32_t tanh_form, int64_t n, void* stream) {
    REQUIRE(n >= 0, "gelu_forward: negative size %lld", (long long)n);
    return tanh_form ? map("gelu_forward", out, x, nullptr, n, stream, Value<Tanh>()) : map("gelu_forward", out, x, nullptr, n, stream, Value<Exact>());
}

extern "C" int32_t adaspec_gelu_backward(float* dx, const float* dout, const float* x, int32_t tanh_form, int64_t n, void* stream) {
    REQUIRE(n >= 0, "gelu_backward: negative size %lld", (long long)n);
    return tanh_form ? map("gelu_backward", dx, dout, x, n, stream, Slope<Tanh>()) : map("gelu_backward", dx, dout, x, n, stream, Slope<Exact>());
}
