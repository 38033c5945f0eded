/*
 * Whole rows: adding a bias, gathering, scattering. A block takes a row at a time and its threads the columns: neighbours read neighbours, and the row's
 * number is read once.
 */
#include "device.cuh"

namespace {

constexpr int THREADS = 128;
constexpr int64_t MOST_BLOCKS = 132 * 32;

/* f(i, j) for the rows i in [0, n) and columns j in [0, c). */
template <class F>
__global__ void __launch_bounds__(THREADS) rows_kernel(int64_t n, int64_t c, F f) {
    for (int64_t i = blockIdx.x; i < n; i += gridDim.x) {
        UNROLL_4
        for (int64_t j = threadIdx.x; j < c; j += THREADS) {
            f(i, j);
        }
    }
}

template <class F>
int32_t for_rows(const char* operation, int64_t n, int64_t c, void* stream, F f) {
    return launch(operation, rows_kernel<F>, {blocks_for(n, 1, MOST_BLOCKS), THREADS}, stream, n, c, f);
}

struct AddBias {
    float* out;
    int64_t ld_out;
    const float* bias;

    DEVICE void operator()(int64_t i, int64_t j) const {
        out[i * ld_out + j] += bias[j];
    }
};

struct Gather {
    float* out;
    const float* x;
    int64_t ld_x;
    const int32_t* rows;
    int64_t c;

    DEVICE void operator()(int64_t i, int64_t j) const {
        out[i * c + j] = x[rows[i] * ld_x + j];
    }
};

struct ScatterAdd {
    float* x;
    int64_t ld_x;
    const float* d;
    const int32_t* rows;
    int64_t c;

    DEVICE void operator()(int64_t i, int64_t j) const {
        x[rows[i] * ld_x + j] += d[i * c + j];
    }
};

}  // namespace

extern "C" int32_t adaspec_bias_add(float* out, int64_t ld_out, const float* bias, int64_t n, int64_t c, void* stream) {
    REQUIRE(n >= 0 && c >= 0 && ld_out >= c, "bias_add: out is (%lld, %lld) with row stride %lld", (long long)n, (long long)c, (long long)ld_out);
    return for_rows("bias_add", n, c, stream, AddBias{out, ld_out, bias});
}

extern "C" int32_t adaspec_gather_rows(float* out, const float* x, int64_t ld_x, const int32_t* rows, int64_t k, int64_t c, void* stream) {
    REQUIRE(k >= 0 && c >= 0 && ld_x >= c, "gather_rows: out is (%lld, %lld), x has row stride %lld", (long long)k, (long long)c, (long long)ld_x);
    return for_rows("gather_rows", k, c, stream, Gather{out, x, ld_x, rows, c});
}

extern "C" int32_t adaspec_scatter_add_rows(float* x, int64_t ld_x, const float* d, const int32_t* rows, int64_t k, int64_t c, void* stream) {
    REQUIRE(k >= 0 && c >= 0 && ld_x >= c, "scatter_add_rows: d is (%lld, %lld), x has row stride %lld", (long long)k, (long long)c, (long long)ld_x);
    return for_rows("scatter_add_rows", k, c, stream, ScatterAdd{x, ld_x, d, rows, c});
}
