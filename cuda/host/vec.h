/*
 * Vectors of the tier being compiled: VL floats, with GCC's portable vector types, so that one source serves every instruction set.
 *
 * Functions are static and types live in unnamed namespaces: the same source is compiled once per tier, and an inline function with external linkage
 * compiled for a wider tier would be merged by the linker into the narrower ones. For the same reason operations use no C++ library templates. A test
 * looks for such symbols.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "adaspec.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Of AVX-512's operations the masked forms are used, with all lanes: GCC 12 warns of an undefined register in the others. */
#if defined(__AVX512F__)
#define VL 16
#elif defined(__AVX2__)
#define VL 8
#else
#define VL 4
#endif

#if defined(__x86_64__)
#define ADASPEC_PASTE(name, tier) adaspec_##name##_##tier
#define ADASPEC_PASTE_EXPANDED(name, tier) ADASPEC_PASTE(name, tier)
/* Opens the definition of an ABI operation for the tier being compiled; one whose arguments are not those of the header does not compile. */
#define ADASPEC_OPERATION(name)                                                           \
    extern "C" decltype(adaspec_##name) ADASPEC_PASTE_EXPANDED(name, ADASPEC_TIER);       \
    extern "C" int32_t ADASPEC_PASTE_EXPANDED(name, ADASPEC_TIER)
#else
#define ADASPEC_OPERATION(name) extern "C" int32_t adaspec_##name
#endif

#define INLINE static inline __attribute__((always_inline))
#define MEMBER inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(VL * 4)));
typedef int32_t vi __attribute__((vector_size(VL * 4)));
typedef uint32_t vu __attribute__((vector_size(VL * 4)));
typedef uint16_t vh __attribute__((vector_size(VL * 2)));
typedef double vd __attribute__((vector_size(VL * 4)));  /* VL / 2 lanes: one register */
typedef float vf_half __attribute__((vector_size(VL * 2)));
typedef float vf_unaligned __attribute__((vector_size(VL * 4), aligned(4), may_alias));
typedef uint16_t vh_unaligned __attribute__((vector_size(VL * 2), aligned(2), may_alias));

INLINE vf splat(float value) {
    return vf{} + value;
}

INLINE vf load(const float* p) {
    return *(const vf_unaligned*)p;
}

INLINE void store(float* p, vf value) {
    *(vf_unaligned*)p = value;
}

/* The first `count` < VL elements; the rest are `fill`. Reads nothing past them. */
INLINE vf load_first(const float* p, int64_t count, float fill = 0) {
#if defined(__AVX512F__)
    return (vf)_mm512_mask_loadu_ps((__m512)splat(fill), (__mmask16)((1u << count) - 1), p);
#else
    float lanes[VL] __attribute__((aligned(VL * 4)));
    for (int l = 0; l < VL; l++) {
        lanes[l] = l < count ? p[l] : fill;
    }
    return *(const vf*)lanes;
#endif
}

INLINE void store_first(float* p, vf value, int64_t count) {
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)value);
#else
    for (int l = 0; l < count; l++) {
        p[l] = value[l];
    }
#endif
}

/* The first `count` <= VL elements, then zeros. */
INLINE vf load_count(const float* p, int64_t count) {
    return count == VL ? load(p) : load_first(p, count);
}

INLINE void store_count(float* p, vf value, int64_t count) {
    if (count == VL) {
        store(p, value);
    } else {
        store_first(p, value, count);
    }
}

/* The lower halves of the first `count` <= VL lanes. */
INLINE void store_narrow(uint16_t* p, vu lanes, int64_t count) {
    const vh narrow = __builtin_convertvector(lanes, vh);
    if (count == VL) {
        *(vh_unaligned*)p = narrow;
    } else {
        memcpy(p, &narrow, count * sizeof(uint16_t));
    }
}

/* One instruction, which GCC 12 makes of no portable expression: it halves the vector, widens the halves and joins them. */
INLINE vu widen_bits(vh lanes) {
#if defined(__AVX512F__)
    return (vu)_mm512_maskz_cvtepu16_epi32((__mmask16)-1, (__m256i)lanes);
#elif defined(__AVX2__)
    return (vu)_mm256_cvtepu16_epi32((__m128i)lanes);
#else
    return __builtin_convertvector(lanes, vu);
#endif
}

namespace {

/* Elements of a stored type: widened exactly, narrowed to nearest with ties to even; narrow stores the first `count` <= VL of x. */
struct F32 {
    typedef float element;
    static MEMBER vf widen(const float* p) {
        return load(p);
    }
    static MEMBER vf widen_first(const float* p, int64_t count, float fill = 0) {
        return load_first(p, count, fill);
    }
    static MEMBER float widen_one(float x) {
        return x;
    }
    static MEMBER void narrow(float* p, vf x, int64_t count) {
        store_count(p, x, count);
    }
    static MEMBER float minus_infinity() {
        return -__builtin_inff();
    }
};

struct BF16 {
    typedef uint16_t element;
    static MEMBER vf widen(const uint16_t* p) {
        return (vf)(widen_bits(*(const vh_unaligned*)p) << 16);
    }
    static MEMBER vf widen_first(const uint16_t* p, int64_t count, uint16_t fill = 0) {
        vh lanes = vh{} + fill;
        memcpy(&lanes, p, count * 2);
        return (vf)(widen_bits(lanes) << 16);
    }
    static MEMBER float widen_one(uint16_t x) {
        uint32_t bits = (uint32_t)x << 16;
        float value;
        memcpy(&value, &bits, 4);
        return value;
    }
    /* The upper half after adding just under one half of its last place, and one more where that place is odd. NaN keeps its sign and is made quiet. */
    static MEMBER void narrow(uint16_t* p, vf x, int64_t count) {
        const vu bits = (vu)x;
        const vu rounded = (bits + (0x7fffu + ((bits >> 16) & 1u))) >> 16;
        const vu quiet = (bits >> 16) | 0x40u;
        const vu is_nan = (vu)(x != x);
        store_narrow(p, (quiet & is_nan) | (rounded & ~is_nan), count);
    }
    static MEMBER uint16_t minus_infinity() {
        return 0xff80;
    }
};

struct F16 {
    typedef uint16_t element;
    static MEMBER vf widen_lanes(vh lanes) {
#if defined(__AVX512F__)
        return (vf)_mm512_maskz_cvtph_ps((__mmask16)-1, (__m256i)lanes);
#elif defined(__F16C__)
        return (vf)_mm256_cvtph_ps((__m128i)lanes);
#else
        /* Exponent and mantissa moved up, then scaled by 2^112: exact for normal and subnormal numbers; infinities and NaN get the top exponent. */
        vu wide = widen_bits(lanes);
        vu magnitude = (wide & 0x7fff) << 13;
        vu sign = (wide & 0x8000) << 16;
        vu special = (vu)(magnitude >= 0x0f800000u) & 0x7f800000u;
        vf scaled = (vf)magnitude * 0x1p112f;
        return (vf)(((vu)scaled | special) | sign);
#endif
    }
    static MEMBER vf widen(const uint16_t* p) {
        return widen_lanes(*(const vh_unaligned*)p);
    }
    static MEMBER vf widen_first(const uint16_t* p, int64_t count, uint16_t fill = 0) {
        vh lanes = vh{} + fill;
        memcpy(&lanes, p, count * 2);
        return widen_lanes(lanes);
    }
    static MEMBER float widen_one(uint16_t x) {
        return widen_first(&x, 1)[0];
    }
    static MEMBER void narrow(uint16_t* p, vf x, int64_t count) {
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
    static MEMBER uint16_t minus_infinity() {
        return 0xfc00;
    }
};

}  // namespace

INLINE bool is_float_type(int32_t type) {
    return type == ADASPEC_F32 || type == ADASPEC_BF16 || type == ADASPEC_F16;
}

/* f(Type()) for the stored type that was checked. */
template <class F>
static inline int32_t with_type(int32_t type, F f) {
    switch (type) {
        case ADASPEC_F32: return f(F32());
        case ADASPEC_BF16: return f(BF16());
        default: return f(F16());
    }
}

/* a > b ? a : b, so that NaN in either gives b; and likewise min. One instruction, which GCC does not see in the expression. */
INLINE vf max(vf a, vf b) {
#if defined(__AVX512F__)
    return (vf)_mm512_maskz_max_ps((__mmask16)-1, (__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__SSE__)
    return (vf)_mm_max_ps((__m128)a, (__m128)b);
#else
    return a > b ? a : b;
#endif
}

INLINE vf min(vf a, vf b) {
#if defined(__AVX512F__)
    return (vf)_mm512_maskz_min_ps((__mmask16)-1, (__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
#elif defined(__SSE__)
    return (vf)_mm_min_ps((__m128)a, (__m128)b);
#else
    return a < b ? a : b;
#endif
}

/* The sum of the lanes, always by halves: l and l + VL/2 first. */
INLINE float sum(vf x) {
    float lanes[VL];
    memcpy(lanes, &x, sizeof lanes);
    for (int width = VL / 2; width > 0; width /= 2) {
        for (int l = 0; l < width; l++) {
            lanes[l] += lanes[l + width];
        }
    }
    return lanes[0];
}

#if VL == 16
#define LOW_LANES 0, 1, 2, 3, 4, 5, 6, 7
#define HIGH_LANES 8, 9, 10, 11, 12, 13, 14, 15
#elif VL == 8
#define LOW_LANES 0, 1, 2, 3
#define HIGH_LANES 4, 5, 6, 7
#else
#define LOW_LANES 0, 1
#define HIGH_LANES 2, 3
#endif

INLINE vf_half low_half(vf x) {
    return __builtin_shufflevector(x, x, LOW_LANES);
}

INLINE vf_half high_half(vf x) {
    return __builtin_shufflevector(x, x, HIGH_LANES);
}

/* Lanes of the lower and of the upper half, widened. */
INLINE vd widen_low(vf x) {
    return __builtin_convertvector(low_half(x), vd);
}

INLINE vd widen_high(vf x) {
    return __builtin_convertvector(high_half(x), vd);
}

INLINE vf narrow(vd low, vd high) {
    return __builtin_shufflevector(__builtin_convertvector(low, vf_half), __builtin_convertvector(high, vf_half), LOW_LANES, HIGH_LANES);
}

/* The sum of the lanes by halves. */
INLINE double sum(vd x) {
    double lanes[VL / 2];
    memcpy(lanes, &x, sizeof lanes);
    for (int width = VL / 4; width > 0; width /= 2) {
        for (int l = 0; l < width; l++) {
            lanes[l] += lanes[l + width];
        }
    }
    return lanes[0];
}

/* The sum of the lanes in double, by halves. */
INLINE double sum_double(vf x) {
    return sum(widen_low(x) + widen_high(x));
}

/* The largest lane; NaN lanes may be passed over. */
INLINE float max_lane(vf x) {
    float largest = x[0];
    for (int l = 1; l < VL; l++) {
        largest = x[l] > largest ? x[l] : largest;
    }
    return largest;
}

INLINE bool any(vi mask) {
#if defined(__AVX512F__)
    return _mm512_movepi32_mask((__m512i)mask) != 0;
#elif defined(__AVX2__)
    return _mm256_movemask_ps((__m256)mask) != 0;
#elif defined(__SSE__)
    return _mm_movemask_ps((__m128)mask) != 0;
#else
    int32_t bits = 0;
    for (int l = 0; l < VL; l++) {
        bits |= mask[l];
    }
    return bits != 0;
#endif
}
