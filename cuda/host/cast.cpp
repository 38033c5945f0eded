/* Numbers from one float type to another: widened exactly, narrowed to nearest with ties to even. */
#include "status.h"
#include "threads.h"
#include "vec.h"

template <class To, class From>
static void convert(typename To::element* out, const typename From::element* x, int64_t n) {
    const int64_t vectors = n / VL;
#pragma omp parallel for schedule(static) num_threads(threads_for(n))
    for (int64_t i = 0; i < vectors; i++) {
        To::narrow(out + i * VL, From::widen(x + i * VL), VL);
    }
    if (vectors * VL < n) {
        To::narrow(out + vectors * VL, From::widen_first(x + vectors * VL, n - vectors * VL), n - vectors * VL);
    }
}

template <class To>
static void convert_from(typename To::element* out, const void* x, int32_t x_type, int64_t n) {
    switch (x_type) {
        case ADASPEC_F32: convert<To, F32>(out, (const float*)x, n); break;
        case ADASPEC_BF16: convert<To, BF16>(out, (const uint16_t*)x, n); break;
        default: convert<To, F16>(out, (const uint16_t*)x, n); break;
    }
}

ADASPEC_OPERATION(cast)(void* out, int32_t out_type, const void* x, int32_t x_type, int64_t n, void*) {
    REQUIRE(n >= 0, "cast: negative size %lld", (long long)n);
    REQUIRE(
        is_float_type(out_type) && is_float_type(x_type), "cast: types %d and %d; 0 (f32), 1 (bf16) or 2 (f16) was expected", out_type, x_type);
    switch (out_type) {
        case ADASPEC_F32: convert_from<F32>((float*)out, x, x_type, n); break;
        case ADASPEC_BF16: convert_from<BF16>((uint16_t*)out, x, x_type, n); break;
        default: convert_from<F16>((uint16_t*)out, x, x_type, n); break;
    }
    return ADASPEC_OK;
}
