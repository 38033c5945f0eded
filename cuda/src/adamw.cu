/* AdamW (Loshchilov and Hutter, 2019) as torch.optim.AdamW orders it: 28 bytes a parameter and one thread each, four parameters at a time where aligned. */
#include "map.cuh"

namespace {

struct AdamW {
    float grad_scale;
    float keep;
    float step_size;
    float beta1;
    float one_minus_beta1;
    float beta2;
    float one_minus_beta2;
    float root_correction;
    float eps;

    DEVICE void operator()(float& param, float grad, float& m, float& v) const {
        const float g = grad * grad_scale;
        m = beta1 * m + one_minus_beta1 * g;
        v = beta2 * v + one_minus_beta2 * g * g;
        param = param * keep - step_size * (m / (sqrtf(v) / root_correction + eps));
    }
};

__global__ void __launch_bounds__(MAP_THREADS) adamw_kernel(float* param, const float* grad, float* m, float* v, int64_t n, int64_t quads, AdamW step) {
    const int64_t stride = (int64_t)gridDim.x * MAP_THREADS;
    const int64_t first = (int64_t)blockIdx.x * MAP_THREADS + threadIdx.x;
    for (int64_t i = first; i < quads; i += stride) {
        float4 p = reinterpret_cast<float4*>(param)[i];
        const float4 g = __ldcs(reinterpret_cast<const float4*>(grad) + i);
        float4 a = reinterpret_cast<float4*>(m)[i];
        float4 b = reinterpret_cast<float4*>(v)[i];
        step(p.x, g.x, a.x, b.x);
        step(p.y, g.y, a.y, b.y);
        step(p.z, g.z, a.z, b.z);
        step(p.w, g.w, a.w, b.w);
        reinterpret_cast<float4*>(param)[i] = p;
        reinterpret_cast<float4*>(m)[i] = a;
        reinterpret_cast<float4*>(v)[i] = b;
    }
    for (int64_t i = 4 * quads + first; i < n; i += stride) {
        step(param[i], grad[i], m[i], v[i]);
    }
}

}  // namespace

extern "C" int32_t adaspec_adamw(
    float* param, const float* grad, float* m, float* v, float grad_scale, float lr, float beta1, float beta2, float eps, float weight_decay,
    int64_t step, int64_t n, void* stream) {
    REQUIRE(n >= 0, "adamw: negative size %lld", (long long)n);
    REQUIRE(step >= 1, "adamw: step %lld; steps count from 1", (long long)step);
    AdamW adamw;
    adamw.grad_scale = grad_scale;
    adamw.keep = (float)(1.0 - (double)lr * (double)weight_decay);
    adamw.step_size = (float)((double)lr / (1.0 - pow((double)beta1, (double)step)));
    adamw.beta1 = beta1;
    adamw.one_minus_beta1 = (float)(1.0 - (double)beta1);
    adamw.beta2 = beta2;
    adamw.one_minus_beta2 = (float)(1.0 - (double)beta2);
    adamw.root_correction = (float)sqrt(1.0 - pow((double)beta2, (double)step));
    adamw.eps = eps;
    const bool by_four = aligned_to_16(param) && aligned_to_16(grad) && aligned_to_16(m) && aligned_to_16(v);
    const int64_t quads = by_four ? n / 4 : 0;
    return launch(
        "adamw", adamw_kernel, {blocks_for(by_four ? quads + 3 : n, MAP_THREADS), MAP_THREADS}, stream, param, grad, m, v, n, quads, adamw);
}
