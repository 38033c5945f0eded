/*
 * Whole rows: adding a bias, gathering, scattering. A block takes a row and its threads the columns: neighbours read neighbours, and the row's number is
 * read once.
 */
#include "device.cuh"

namespace {

constexpr int THREADS = 128;

/* Row i of f's, which then takes every column. */
template <class F>
__global__ void __launch_bounds__(THREADS) rows_kernel(int64_t c, F f) {
    const int64_t i = blockIdx.x;
    const auto row = f.row(i);
    for (int64_t j = threadIdx.x; j < c; j += THREADS) {
        row.apply(j);
    }
}

template <class F>
int32_t for_rows(const char* operation, int64_t n, int64_t c, void* stream, F f) {
    return launch(operation, rows_kernel<F>, {(unsigned)n, THREADS}, stream, c, f);
}

struct AddTo {
    float* out;
    const float* x;

    DEVICE void apply(int64_t j) const {
        out[j] += x[j];
    }
};

struct CopyTo {
    float* out;
    const float* x;

    DEVICE void apply(int64_t j) const {
        out[j] = x[j];
    }
};

struct AddBias {
    float* out;
    int64_t ld_out;
    const float* bias;

    DEVICE AddTo row(int64_t i) const {
        return {out + i * ld_out, bias};
    }
};

struct Gather {
    float* out;
    const float* x;
    int64_t ld_x;
    const int32_t* rows;
    int64_t c;

    DEVICE CopyTo row(int64_t i) const {
        return {out + i * c, x + rows[i] * ld_x};
    }
};

struct ScatterAdd {
    float* x;
    int64_t ld_x;
    const float* d;
    const int32_t* rows;
    int64_t c;

    DEVICE AddTo row(int64_t i) const {
        return {x + rows[i] * ld_x, d + i * c};
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
