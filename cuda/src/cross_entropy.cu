/*
 * Cross entropy with the token that was to come: loss = lse - logits[target]; gradient scale * (softmax - one-hot). A block takes a row: the forward reads
 * it once, the backward reads and writes it once.
 */
#include "reduce.cuh"
#include "softmax.cuh"

namespace {

constexpr int THREADS = 256;

__global__ void __launch_bounds__(THREADS)
    forward_kernel(float* loss, float* lse, const float* logits, int64_t ld_logits, const int32_t* targets, int64_t v) {
    const int64_t i = blockIdx.x;
    const float* row = logits + i * ld_logits;
    Softmax softmax;
    for (int64_t j = threadIdx.x; j < v; j += THREADS) {
        softmax.add(row[j]);
    }
    softmax = block_merge<THREADS>(softmax, shared_memory<Softmax>());
    if (threadIdx.x == 0) {
        const double value = softmax.finite() ? softmax.log_sum_exp() : (double)NAN;
        lse[i] = (float)value;
        loss[i] = (float)(value - (double)row[targets[i]]);
    }
}

/* A thread reads an element before it writes it: dlogits may be logits. */
__global__ void __launch_bounds__(THREADS) backward_kernel(
    float* dlogits, int64_t ld_dlogits, const float* logits, int64_t ld_logits, const float* lse, const int32_t* targets, float scale, int64_t v) {
    const int64_t i = blockIdx.x;
    const float* row = logits + i * ld_logits;
    const float row_lse = lse[i];
    const int32_t target = targets[i];
    for (int64_t j = threadIdx.x; j < v; j += THREADS) {
        const float p = expf(row[j] - row_lse);
        dlogits[i * ld_dlogits + j] = scale * (j == target ? p - 1.0f : p);
    }
}

int32_t check(const char* operation, int64_t ld_logits, int64_t n, int64_t v) {
    REQUIRE(n >= 0 && v >= 1 && ld_logits >= v, "%s: logits are (%lld, %lld) with row stride %lld", operation, (long long)n, (long long)v,
        (long long)ld_logits);
    return ADASPEC_OK;
}

}  // namespace

extern "C" int32_t adaspec_cross_entropy_forward(
    float* loss, float* lse, const float* logits, int64_t ld_logits, const int32_t* targets, int64_t n, int64_t v, void* stream) {
    const int32_t status = check("cross_entropy_forward", ld_logits, n, v);
    if (status != ADASPEC_OK) {
        return status;
    }
    const Grid grid = {(unsigned)n, THREADS, THREADS / WARP * sizeof(Softmax)};
    return launch("cross_entropy_forward", forward_kernel, grid, stream, loss, lse, logits, ld_logits, targets, v);
}

extern "C" int32_t adaspec_cross_entropy_backward(
    float* dlogits, int64_t ld_dlogits, const float* logits, int64_t ld_logits, const float* lse, const int32_t* targets, float scale, int64_t n,
    int64_t v, void* stream) {
    const int32_t status = check("cross_entropy_backward", ld_logits, n, v);
    if (status != ADASPEC_OK) {
        return status;
    }
    REQUIRE(ld_dlogits >= v, "cross_entropy_backward: dlogits has row stride %lld for rows of %lld", (long long)ld_dlogits, (long long)v);
    return launch(
        "cross_entropy_backward", backward_kernel, {(unsigned)n, THREADS}, stream, dlogits, ld_dlogits, logits, ld_logits, lse,
        targets, scale, v);
}
