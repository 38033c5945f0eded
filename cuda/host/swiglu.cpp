/* The gated linear unit of Llama's MLP (Shazeer, "GLU Variants Improve Transformer", 2020): silu(gate) * up, gates and ups side by side in a row. */
#include "status.h"
#include "threads.h"
#include "vecmath.h"

ADASPEC_OPERATION(swiglu_forward)(float* out, const float* x, int64_t n, int64_t c, void*) {
    REQUIRE(n >= 0 && c >= 0, "swiglu_forward: negative size (n %lld, c %lld)", (long long)n, (long long)c);
#pragma omp parallel for schedule(static) num_threads(threads_for(4 * n * c))
    for (int64_t i = 0; i < n; i++) {
        const float* gates = x + i * 2 * c;
        const float* ups = gates + c;
        for (int64_t j = 0; j < c; j += VL) {
            const int64_t count = c - j < VL ? c - j : VL;
            const vf gate = load_count(gates + j, count);
            store_count(out + i * c + j, gate * logistic(gate) * load_count(ups + j, count), count);
        }
    }
    return ADASPEC_OK;
}

/* With s = logistic(gate): dup = dout * gate * s, dgate = dout * up * (s + gate * s * (1 - s)). */
ADASPEC_OPERATION(swiglu_backward)(float* dx, const float* dout, const float* x, int64_t n, int64_t c, void*) {
    REQUIRE(n >= 0 && c >= 0, "swiglu_backward: negative size (n %lld, c %lld)", (long long)n, (long long)c);
#pragma omp parallel for schedule(static) num_threads(threads_for(4 * n * c))
    for (int64_t i = 0; i < n; i++) {
        const float* gates = x + i * 2 * c;
        const float* ups = gates + c;
        float* dgates = dx + i * 2 * c;
        float* dups = dgates + c;
        for (int64_t j = 0; j < c; j += VL) {
            const int64_t count = c - j < VL ? c - j : VL;
            const vf gate = load_count(gates + j, count);
            const vf gradient = load_count(dout + i * c + j, count);
            const vf s = logistic(gate);
            const vf value = gate * s;
            store_count(dgates + j, gradient * load_count(ups + j, count) * (s + value * (1.0f - s)), count);
            store_count(dups + j, gradient * value, count);
        }
    }
    return ADASPEC_OK;
}
