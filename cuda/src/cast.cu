/* Numbers from one stored type to another, one thread an element: 2 to 8 bytes each, of which the memory sees whole sectors. */
#include "element.cuh"

namespace {

constexpr int THREADS = 256;

template <class To, class From>
__global__ void __launch_bounds__(THREADS) cast_kernel(typename To::element* out, const typename From::element* x, int64_t n) {
    const int64_t stride = (int64_t)gridDim.x * THREADS;
    for (int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x; i < n; i += stride) {
        out[i] = To::narrow(From::widen(x[i]));
    }
}

}  // namespace

extern "C" int32_t adaspec_cast(void* out, int32_t out_type, const void* x, int32_t x_type, int64_t n, void* stream) {
    REQUIRE(n >= 0, "cast: negative size %lld", (long long)n);
    REQUIRE(
        is_float_type(out_type) && is_float_type(x_type), "cast: types %d and %d; 0 (f32), 1 (bf16) or 2 (f16) was expected", out_type, x_type);
    return with_type(out_type, [=](auto to) {
        return with_type(x_type, [=](auto from) {
            typedef decltype(to) To;
            typedef decltype(from) From;
            return launch(
                "cast", cast_kernel<To, From>, {blocks_for(n, THREADS), THREADS}, stream, static_cast<typename To::element*>(out),
                static_cast<const typename From::element*>(x), n);
        });
    });
}
