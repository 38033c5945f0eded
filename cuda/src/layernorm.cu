/*
 * Layer norm by row: out = (x - mean) * rstd * gain + bias, rstd = 1 / sqrt(var + eps). Its backward, with xhat = (x - mean) * rstd and g = dout * gain:
 *
 *   dx += rstd * (g - mean(g) - xhat * mean(g * xhat));  dgain += sum over rows of dout * xhat;  dbias += sum over rows of dout
 *
 * A block takes a row: norm.cuh.
 */
#include "column_sum.cuh"
#include "norm.cuh"

namespace {

__global__ void __launch_bounds__(NORM_THREADS) layernorm_kernel(
    float* out, float* sum, float* mean, float* rstd, const float* x, const float* residual, const float* gain, const float* bias, float eps,
    int64_t c) {
    double* partials = shared_memory<double>();
    const int64_t i = blockIdx.x;
    const float* row = row_of(sum, x, residual, i, c);
    const float m = (float)mean_over(c, partials, [=](int64_t j) { return row[j]; });
    /* Around the rounded mean, so that the second pass is about the numbers the third one subtracts. */
    const double variance = mean_over(c, partials, [=](int64_t j) { return (row[j] - m) * (row[j] - m); });
    const float r = (float)(1.0 / sqrt(variance + (double)eps));
    if (threadIdx.x == 0) {
        mean[i] = m;
        rstd[i] = r;
    }
    for (int64_t j = threadIdx.x; j < c; j += NORM_THREADS) {
        out[i * c + j] = (row[j] - m) * r * gain[j] + bias[j];
    }
}

__global__ void __launch_bounds__(NORM_THREADS) layernorm_backward_kernel(
    float* dx, const float* dout, const float* x, const float* mean, const float* rstd, const float* gain, int64_t c) {
    double* partials = shared_memory<double>();
    const int64_t i = blockIdx.x;
    const float* row = x + i * c;
    const float* gradient = dout + i * c;
    const float m = mean[i];
    const float r = rstd[i];
    const float mean_g = (float)mean_over(c, partials, [=](int64_t j) { return gradient[j] * gain[j]; });
    const float mean_gx = (float)mean_over(c, partials, [=](int64_t j) { return gradient[j] * gain[j] * ((row[j] - m) * r); });
    for (int64_t j = threadIdx.x; j < c; j += NORM_THREADS) {
        dx[i * c + j] += r * (gradient[j] * gain[j] - mean_g - (row[j] - m) * r * mean_gx);
    }
}

struct GainTerm {
    const float* dout;
    const float* x;
    const float* mean;
    const float* rstd;
    int64_t c;

    DEVICE float operator()(int64_t i, int64_t j) const {
        return dout[i * c + j] * ((x[i * c + j] - mean[i]) * rstd[i]);
    }
};

struct BiasTerm {
    const float* dout;
    int64_t c;

    DEVICE float operator()(int64_t i, int64_t j) const {
        return dout[i * c + j];
    }
};

}  // namespace

extern "C" int32_t adaspec_layernorm_forward(
    float* out, float* mean, float* rstd, const float* x, const float* gain, const float* bias, float eps, int64_t n, int64_t c, void* stream) {
    REQUIRE(n >= 0 && c >= 1, "layernorm_forward: x is (%lld, %lld); at least one channel was expected", (long long)n, (long long)c);
    const Grid grid = {(unsigned)n, NORM_THREADS, NORM_PARTIALS};
    return launch("layernorm_forward", layernorm_kernel, grid, stream, out, nullptr, mean, rstd, x, nullptr, gain, bias, eps, c);
}

extern "C" int32_t adaspec_add_layernorm_forward(
    float* out, float* sum, float* mean, float* rstd, const float* x, const float* residual, const float* gain, const float* bias, float eps,
    int64_t n, int64_t c, void* stream) {
    REQUIRE(n >= 0 && c >= 1, "add_layernorm_forward: x is (%lld, %lld); at least one channel was expected", (long long)n, (long long)c);
    const Grid grid = {(unsigned)n, NORM_THREADS, NORM_PARTIALS};
    return launch("add_layernorm_forward", layernorm_kernel, grid, stream, out, sum, mean, rstd, x, residual, gain, bias, eps, c);
}

extern "C" int32_t adaspec_layernorm_backward(
    float* dx, float* dgain, float* dbias, const float* dout, const float* x, const float* mean, const float* rstd, const float* gain, int64_t n,
    int64_t c, void* stream) {
    REQUIRE(n >= 0 && c >= 1, "layernorm_backward: x is (%lld, %lld); at least one channel was expected", (long long)n, (long long)c);
    const Grid grid = {(unsigned)n, NORM_THREADS, NORM_PARTIALS};
    int32_t status = launch("layernorm_backward", layernorm_backward_kernel, grid, stream, dx, dout, x, mean, rstd, gain, c);
    if (status == ADASPEC_OK) {
        status = sum_columns("layernorm_backward", dgain, n, c, stream, GainTerm{dout, x, mean, rstd, c});
    }
    return status == ADASPEC_OK ? sum_columns("layernorm_backward", dbias, n, c, stream, BiasTerm{dout, c}) : status;
}
