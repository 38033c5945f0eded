/* Numbers from one float type to another: widened exactly, narrowed to nearest with ties to even. */
#include "status.h"
#include "threads.h"
#include "vec.h"

namespace {

/* Elements of a stored type, narrowed from f32. */
struct ToF32 {
    typedef float element;
    static MEMBER void store_lanes(float* p, vf x, int64_t count) {
        store_count(p, x, count);
    }
};

INLINE void store_narrow(uint16_t* p, vu lanes, int64_t count) {
    const vh narrow = __builtin_convertvector(lanes, vh);
    if (count == VL) {
        *(vh_unaligned*)p = narrow;
    } else {
        memcpy(p, &narrow, count * sizeof(uint16_t));
    }
}

struct ToBF16 {
    typedef uint16_t element;
    /* The upper half after adding just under one half of its last place, and one more where that place is odd. NaN keeps its sign and is made quiet. */
    static MEMBER void store_lanes(uint16_t* p, vf x, int64_t count) {
        const vu bits = (vu)x;
        const vu rounded = (bits + (0x7fffu + ((bits >> 16) & 1u))) >> 16;
        const vu quiet = (bits >> 16) | 0x40u;
        const vu is_nan = (vu)(x != x);
        store_narrow(p, (quiet & is_nan) | (rounded & ~is_nan), count);
    }
};

struct ToF16 {
    typedef uint16_t element;
    static MEMBER void store_lanes(uint16_t* p, vf x, int64_t count) {
        const vu bits = (vu)x;
        const vu sign = (bits >> 16) & 0x8000u;
        const vu magnitude = bits & 0x7fffffffu;
        /* Normal results: the exponent is moved down by 112 and the mantissa rounded to 10 bits; what carries past the top exponent is infinite. */
        const vu odd = (magnitude >> 13) & 1u;
        const vu normal = (magnitude - 0x38000000u + 0xfffu + odd) >> 13;
        /* Subnormal results: adding 2^-1 (unit in the last place 2^-24) lets the adder round, and leaves the result in the low bits. */
        const vu subnormal = (vu)((vf)magnitude + 0.5f) - 0x3f000000u;
        const vu is_small = (vu)(magnitude < 0x38800000u);
        const vu is_large = (vu)(magnitude >= 0x47800000u);
        const vu is_nan = (vu)(magnitude > 0x7f800000u);
        vu result = (subnormal & is_small) | (normal & ~is_small);
        result = (is_large & 0x7c00u) | (~is_large & result);
        result = (is_nan & (0x7e00u | ((magnitude >> 13) & 0x3ffu))) | (~is_nan & result);
        store_narrow(p, result | sign, count);
    }
};

}  // namespace

template <class To, class From>
static void convert(typename To::element* out, const typename From::element* x, int64_t n) {
    const int64_t vectors = n / VL;
#pragma omp parallel for schedule(static) num_threads(threads_for(n))
    for (int64_t i = 0; i < vectors; i++) {
        To::store_lanes(out + i * VL, From::widen(x + i * VL), VL);
    }
    if (vectors * VL < n) {
        To::store_lanes(out + vectors * VL, From::widen_first(x + vectors * VL, n - vectors * VL), n - vectors * VL);
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
        case ADASPEC_F32: convert_from<ToF32>((float*)out, x, x_type, n); break;
        case ADASPEC_BF16: convert_from<ToBF16>((uint16_t*)out, x, x_type, n); break;
        default: convert_from<ToF16>((uint16_t*)out, x, x_type, n); break;
    }
    return ADASPEC_OK;
}
