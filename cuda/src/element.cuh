/*
 * Stored element types: widened exactly when read, narrowed to nearest with ties to even, by the processor's twin's integer arithmetic or by the
 * instruction that does the same (only a NaN's payload may differ).
 */
#pragma once

#include "device.cuh"

struct F32 {
    static constexpr int32_t TYPE = ADASPEC_F32;
    typedef float element;

    static DEVICE float widen(float x) {
        return x;
    }
    static DEVICE float narrow(float x) {
        return x;
    }
    static DEVICE float minus_infinity() {
        return -INFINITY;
    }
};

struct BF16 {
    static constexpr int32_t TYPE = ADASPEC_BF16;
    typedef uint16_t element;

    static DEVICE float widen(uint16_t x) {
        return __uint_as_float((uint32_t)x << 16);
    }
    /* The upper half after adding just under one half of its last place, and one more where that place is odd. NaN keeps its sign and is made quiet. */
    static DEVICE uint16_t narrow(float x) {
        const uint32_t bits = __float_as_uint(x);
        return (uint16_t)(x != x ? bits >> 16 | 0x40u : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
    }
    static DEVICE uint32_t narrow_pair(float low, float high) {
#if defined(__CUDA_ARCH__)
        uint32_t pair;
        asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
        return pair;
#else
        return (uint32_t)narrow(low) | (uint32_t)narrow(high) << 16;
#endif
    }
    static DEVICE uint16_t minus_infinity() {
        return 0xff80;
    }
};

struct F16 {
    static constexpr int32_t TYPE = ADASPEC_F16;
    typedef uint16_t element;

    /* The fraction and exponent moved into place and scaled by 2^112, which is exact for normal and subnormal numbers; the top exponent stays the top. */
    static DEVICE float widen(uint16_t x) {
#if defined(__CUDA_ARCH__)
        float y;
        asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));
        return y;
#else
        const uint32_t magnitude = (uint32_t)(x & 0x7fffu) << 13;
        const uint32_t finite = __float_as_uint(__uint_as_float(magnitude) * 0x1p112f);
        const uint32_t bits = (x & 0x7c00u) == 0x7c00u ? magnitude | 0x7f800000u : finite;
        return __uint_as_float(bits | (uint32_t)(x & 0x8000u) << 16);
#endif
    }
    static DEVICE uint16_t narrow(float x) {
#if defined(__CUDA_ARCH__)
        uint16_t y;
        asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));
        return y;
#else
        const uint32_t bits = __float_as_uint(x);
        const uint32_t sign = bits >> 16 & 0x8000u;
        const uint32_t magnitude = bits & 0x7fffffffu;
        uint32_t result;
        if (magnitude > 0x7f800000u) {
            result = 0x7e00u | (magnitude >> 13 & 0x3ffu);
        } else if (magnitude >= 0x47800000u) {
            result = 0x7c00u;
        } else if (magnitude < 0x38800000u) {
            /* Subnormal results: adding 2^-1, whose last place is 2^-24, lets the adder round and leaves the result in the low bits. */
            result = __float_as_uint(__uint_as_float(magnitude) + 0.5f) - 0x3f000000u;
        } else {
            /* The exponent is moved down by 112 and the fraction rounded to 10 bits; what carries past the top exponent is infinite. */
            result = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
        }
        return (uint16_t)(result | sign);
#endif
    }
    static DEVICE uint32_t narrow_pair(float low, float high) {
#if defined(__CUDA_ARCH__)
        uint32_t pair;
        asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
        return pair;
#else
        return (uint32_t)narrow(low) | (uint32_t)narrow(high) << 16;
#endif
    }
    static DEVICE uint16_t minus_infinity() {
        return 0xfc00;
    }
};

inline bool is_float_type(int32_t type) {
    return type == ADASPEC_F32 || type == ADASPEC_BF16 || type == ADASPEC_F16;
}

/* f(Type()) for the stored type that was checked. */
template <class F>
int32_t with_type(int32_t type, F f) {
    switch (type) {
        case ADASPEC_F32: return f(F32());
        case ADASPEC_BF16: return f(BF16());
        default: return f(F16());
    }
}
