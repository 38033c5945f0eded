/*
 * The gated linear unit of Llama's MLP (Shazeer, "GLU Variants Improve Transformer", 2020): silu(gate) * up, gates and ups side by side in a row. With
 * s = logistic(gate): dup = dout * gate * s, dgate = dout * up * (s + gate * s * (1 - s)). A block takes a row.
 */
#include "device.cuh"

namespace {

constexpr int THREADS = 256;

DEVICE float logistic(float x) {
    return 1 / (1 + expf(-x));
}

__global__ void __launch_bounds__(THREADS) forward_kernel(float* out, const float* x, int64_t c) {
    const float* gates = x + (int64_t)blockIdx.x * 2 * c;
    for (int64_t j = threadIdx.x; j < c; j += THREADS) {
        out[blockIdx.x * c + j] = gates[j] * logistic(gates[j]) * gates[c + j];
    }
}

__global__ void __launch_bounds__(THREADS) backward_kernel(float* dx, const float* dout, const float* x, int64_t c) {
    const float* gates = x + (int64_t)blockIdx.x * 2 * c;
    float* dgates = dx + (int64_t)blockIdx.x * 2 * c;
    for (int64_t j = threadIdx.x; j < c; j += THREADS) {
        const float gradient = dout[blockIdx.x * c + j];
        const float s = logistic(gates[j]);
        const float value = gates[j] * s;
        dgates[j] = gradient * gates[c + j] * (s + value * (1 - s));
        dgates[c + j] = gradient * value;
    }
}

}  // namespace

extern "C" int32_t adaspec_swiglu_forward(float* out, const float* x, int64_t n, int64_t c, void* stream) {
    REQUIRE(n >= 0 && c >= 0, "swiglu_forward: negative size (n %lld, c %lld)", (long long)n, (long long)c);
    return launch("swiglu_forward", forward_kernel, {(unsigned)n, THREADS}, stream, out, x, c);
}

extern "C" int32_t adaspec_swiglu_backward(float* dx, const float* dout, const float* x, int64_t n, int64_t c, void* stream) {
    REQUIRE(n >= 0 && c >= 0, "swiglu_backward: negative size (n %lld, c %lld)", (long long)n, (long long)c);
    return launch("swiglu_backward", backward_kernel, {(unsigned)n, THREADS}, stream, dx, dout, x, c);
}
