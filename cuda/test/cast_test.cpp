/*
 * Casts between the float types against the definition: the nearest representable number, found by bisection among all of them, the one with an even last
 * bit on ties. Every number of the narrow types must survive the way to f32 and back.
 */
#include <algorithm>

#include "check.h"

static double value_of(uint16_t bits, int32_t type) {
    return type == ADASPEC_BF16 ? from_bf16(bits) : from_f16(bits);
}

/* Bits of the finite numbers >= 0 of a type are in order. */
static uint16_t nearest(float x, int32_t type) {
    const uint16_t infinite = type == ADASPEC_BF16 ? 0x7f80 : 0x7c00;
    const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
    const double magnitude = fabs((double)x);
    const double largest = value_of(infinite - 1, type);
    const double last_step = largest - value_of(infinite - 2, type);
    if (magnitude >= largest + last_step / 2) {
        return sign | infinite;
    }
    uint16_t low = 0;
    uint16_t high = infinite - 1;
    while (low < high) {
        const uint16_t middle = (uint16_t)((low + high + 1) / 2);
        if (value_of(middle, type) <= magnitude) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    if (low == infinite - 1) {
        return sign | low;
    }
    const double below = magnitude - value_of(low, type);
    const double above = value_of((uint16_t)(low + 1), type) - magnitude;
    return sign | (below < above || (below == above && low % 2 == 0) ? low : (uint16_t)(low + 1));
}

static float of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

/* Any finite pattern, and patterns near the ties, the smallest and the largest numbers of the narrow types. */
static float sample(Random& random, int64_t i) {
    const uint32_t word = (uint32_t)random.next();
    switch (i % 4) {
        case 0: return of_bits((word & 0x7f800000u) == 0x7f800000u ? 0 : word);
        case 1: return of_bits((word & 0xffff0000u & ~0x40000000u) | (0x8000u + (word % 3) - 1));
        case 2: return of_bits((word & 0x80000000u) | (0x33000000u + word % 0x06000000u));
        default: return of_bits((word & 0x80000000u) | (0x47000000u + word % 0x01000000u));
    }
}

int main() {
    require_tier();
    for (int32_t type : {ADASPEC_BF16, ADASPEC_F16}) {
        for (int64_t n : SIZES) {
            Random random((uint64_t)(100 * n + type));
            Floats x(n, [&](int64_t i) { return sample(random, i); });
            Buffer<uint16_t> narrow(n);
            Floats wide(n);
            Buffer<uint16_t> again(n);
            Floats copy(n);
            CHECK_OK(adaspec_cast(narrow, type, x, ADASPEC_F32, n, nullptr));
            CHECK_OK(adaspec_cast(wide, ADASPEC_F32, narrow, type, n, nullptr));
            CHECK_OK(adaspec_cast(again, type, narrow, type, n, nullptr));
            CHECK_OK(adaspec_cast(copy, ADASPEC_F32, x, ADASPEC_F32, n, nullptr));
            for (int64_t i = 0; i < n; i++) {
                CHECK(narrow[i] == nearest(x[i], type), "%a to type %d is %04x, %04x was expected", (double)x[i], type, narrow[i], nearest(x[i], type));
                CHECK((double)wide[i] == value_of(narrow[i], type), "type %d %04x widened is %a", type, narrow[i], (double)wide[i]);
            }
            CHECK(same_bits(again.copy(), narrow.copy()), "type %d to itself changes bits, n %d", type, (int)n);
            CHECK(same_bits(copy.copy(), x.copy()), "f32 to f32 changes bits, n %d", (int)n);
        }
        Buffer<uint16_t> all(65536, [](int64_t i) { return (uint16_t)i; });
        Floats wide(65536);
        Buffer<uint16_t> back(65536);
        CHECK_OK(adaspec_cast(wide, ADASPEC_F32, all, type, 65536, nullptr));
        CHECK_OK(adaspec_cast(back, type, wide, ADASPEC_F32, 65536, nullptr));
        for (int64_t i = 0; i < 65536; i++) {
            if (std::isnan(wide[i])) {
                const float there = (float)value_of(back[i], type);
                CHECK(std::isnan(there) && (back[i] & 0x8000) == (i & 0x8000), "type %d: NaN %04x comes back as %04x", type, (int)i, back[i]);
            } else {
                CHECK(back[i] == i, "type %d: %04x comes back as %04x", type, (int)i, back[i]);
            }
        }
    }
    check_threads("cast", [] {
        Floats x(200001, normals(1));
        Buffer<uint16_t> narrow(200001);
        Floats wide(200001);
        CHECK_OK(adaspec_cast(narrow, ADASPEC_BF16, x, ADASPEC_F32, 200001, nullptr));
        CHECK_OK(adaspec_cast(wide, ADASPEC_F32, narrow, ADASPEC_BF16, 200001, nullptr));
        return wide.copy();
    });
    float x = 0;
    uint16_t y = 0;
    CHECK_REFUSED(adaspec_cast(&y, ADASPEC_BF16, &x, ADASPEC_F32, -1, nullptr), "negative size");
    CHECK_REFUSED(adaspec_cast(&y, 3, &x, ADASPEC_F32, 1, nullptr), "types 3 and 0");
    CHECK_REFUSED(adaspec_cast(&y, ADASPEC_BF16, &x, -1, 1, nullptr), "types 1 and -1");
    return finish();
}
