/*
 * exp, log, the logistic function and the normal distribution function on vectors. Errors are measured over all tiers by cuda/test/vecmath_test.cpp.
 */
#pragma once

#include "vec.h"

/*
 * e^x: relative error below 1.1e-7 where the result is normal; subnormal results are right to one subnormal step; exp(-inf) = 0, exp(+inf) = +inf,
 * NaN stays NaN. x = n ln 2 + r, |r| <= ln 2 / 2, and the polynomial of Cephes' expf in r.
 */
INLINE vf exp(vf x) {
    /* x second: NaN passes. */
    const vf clamped = min(splat(89.0f), max(splat(-104.0f), x));
    /* Adding 1.5 * 2^23 rounds to an integer. */
    const vf n = (clamped * 1.44269504088896341f + 12582912.0f) - 12582912.0f;
    vf r = clamped - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    vf p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
#if defined(__AVX512F__)
    return (vf)_mm512_maskz_scalef_ps((__mmask16)-1, (__m512)p, (__m512)n);
#else
    /* 2^n in two factors, as n reaches -150 and +128. */
    const vi exponent = __builtin_convertvector(n, vi);
    const vi half = exponent >> 1;
    const vf low = (vf)((half + 127) << 23);
    const vf high = (vf)((exponent - half + 127) << 23);
    return p * low * high;
#endif
}

/*
 * log x: relative error below 1.2e-7 for normal finite x > 0; smaller x counts as the smallest normal number, NaN stays NaN. x = 2^n m with m in
 * [sqrt(1/2), sqrt(2)), and the polynomial of Cephes' logf in m - 1.
 */
INLINE vf log(vf x) {
    /* The bits of sqrt(1/2): the distance from them holds n above the mantissa. */
    const vi distance = (vi)max(splat(1.17549435e-38f), x) - 0x3f3504f3;
    const vf n = __builtin_convertvector(distance >> 23, vf);
    const vf f = (vf)((distance & 0x007fffff) + 0x3f3504f3) - 1.0f;
    vf p = f * 7.0376836292e-2f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    const vf square = f * f;
    const vf tail = n * -2.12194440e-4f + p * f * square - 0.5f * square;
    return x == x ? n * 0.693359375f + (f + tail) : x;
}

/* 1 / (1 + e^-x): relative error below 2e-7 where the result is normal. */
INLINE vf logistic(vf x) {
    return 1.0f / (1.0f + exp(-x));
}

/*
 * Phi(x), the standard normal distribution function: absolute error below 1e-7; relative error below 5e-7 for |x| < 3, 5e-6 down to x = -12.
 * For a = |x|, z = a / sqrt(2): Phi(-a) = e^(-a^2 / 2) erfcx(z) / 2, erfcx a polynomial in (z - 3) / (z + 3) fitted for relative error (1.4e-9) on
 * z in [0, 10].
 */
INLINE vf normal_cdf(vf x) {
    vf a = x < 0.0f ? -x : x;
    a = a > 15.0f ? splat(15.0f) : a;
    const vf z = a * 0.70710678118654752f;
    const vf t = (z - 3.0f) / (z + 3.0f);
    vf p = t * 5.5807308e-5f + 2.8624520e-5f;
    p = p * t - 5.9468890e-4f;
    p = p * t + 7.1584530e-4f;
    p = p * t + 4.2689660e-3f;
    p = p * t - 2.4394244e-2f;
    p = p * t + 7.1665846e-2f;
    p = p * t - 1.5011579e-1f;
    p = p * t + 2.4560380e-1f;
    p = p * t - 3.2623357e-1f;
    p = p * t + 1.7900115e-1f;
    const vf tail = 0.5f * exp(-0.5f * a * a) * p;
    return x < 0.0f ? tail : 1.0f - tail;
}
