/*
 * Root mean square norm (Zhang and Sennrich, 2019) by row: out = x * rstd * gain, rstd = 1 / sqrt(mean(x^2) + eps). Its backward, with xhat = x * rstd and
 * g = dout * gain:
 *
 *   dx += rstd * (g - xhat * mean(g * xhat));  dgain += sum over rows of dout * xhat
 *
 * A block takes a row: norm.cuh.
 */
#include "column_sum.cuh"
#include "norm.cuh"

namespace {

__global__ void __launch_bounds__(NORM_THREADS)
    forward_kernel(float* out, float* sum, float* rstd, const float* x, const float* residual, const float* gain, float eps, int64_t c) {
    const int64_t i = blockIdx.x;
    const float* row = row_of(sum, x, residual, i, c);
    const double square = mean_over(c, shared_memory<double>(), [=](int64_t j) { return row[j] * row[j]; });
    const float r = (float)(1.0 / sqrt(square + (double)eps));
    if (threadIdx.x == 0) {
        rstd[i] = r;
    }
    for (int64_t j = threadIdx.x; j < c; j += NORM_THREADS) {
        out[i * c + j] = row[j] * r * gain[j];
    }
}

__global__ void __launch_bounds__(NORM_THREADS)
    backward_kernel(float* dx, const float* dout, const float* x, const float* rstd, const float* gain, int64_t c) {
    const int64_t i = blockIdx.x;
    const float* row = x + i * c;
    const float* gradient = dout + i * c;
    const float r = rstd[i];
    const float mean_gx = (float)mean_over(c, shared_memory<double>(), [=](int64_t j) { return gradient[j] * gain[j] * (row[j] * r); });
    for (int64_t j = threadIdx.x; j < c; j += NORM_THREADS) {
        dx[i * c + j] += r * (gradient[j] * gain[j] - row[j] * r * mean_gx);
    }
}

struct GainTerm {
    const float* dout;
    const float* x;
    const float* rstd;
    int64_t c;

    DEVICE float operator()(int64_t i, int64_t j) const {
        return dout[i * c + j] * (x[i * c + j] * rstd[i]);
    }
};

}  // namespace

extern "C" int32_t adaspec_rmsnorm_forward(
    float* out, float* rstd, const float* x, const float* gain, float eps, int64_t n, int64_t c, void* stream) {
    REQUIRE(n >= 0 && c >= 1, "rmsnorm_forward: x is (%lld, %lld); at least one channel was expected", (long long)n, (long long)c);
    const Grid grid = {(unsigned)n, NORM_THREADS, NORM_PARTIALS};
    return launch("rmsnorm_forward", forward_kernel, grid, stream, out, nullptr, rstd, x, nullptr, gain, eps, c);
}

extern "C" int32_t adaspec_add_rmsnorm_forward(
    float* out, float* sum, float* rstd, const float* x, const float* residual, const float* gain, float eps, int64_t n, int64_t c, void* stream) {
    REQUIRE(n >= 0 && c >= 1, "add_rmsnorm_forward: x is (%lld, %lld); at least one channel was expected", (long long)n, (long long)c);
    const Grid grid = {(unsigned)n, NORM_THREADS, NORM_PARTIALS};
    return launch("add_rmsnorm_forward", forward_kernel, grid, stream, out, sum, rstd, x, residual, gain, eps, c);
}

extern "C" int32_t adaspec_rmsnorm_backward(
    float* dx, float* dgain, const float* dout, const float* x, const float* rstd, const float* gain, int64_t n, int64_t c, void* stream) {
    REQUIRE(n >= 0 && c >= 1, "rmsnorm_backward: x is (%lld, %lld); at least one channel was expected", (long long)n, (long long)c);
    const int32_t status =
        launch("rmsnorm_backward", backward_kernel, {(unsigned)n, NORM_THREADS, NORM_PARTIALS}, stream, dx, dout, x, rstd, gain, c);
    return status == ADASPEC_OK ? sum_columns("rmsnorm_backward", dgain, n, c, stream, GainTerm{dout, x, rstd, c}) : status;
}
