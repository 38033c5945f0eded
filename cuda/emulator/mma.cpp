/* A warp's product of matrices. */
#include <algorithm>

#include "emulator.h"

namespace emulator {

namespace {

/* The sum of 17 terms as a matrix unit forms it; the last is what it is added to. */
float sum_of_terms(const float (&terms)[17]) {
    float largest = 0;
    for (int i = 0; i < 16; i++) {
        largest = std::max(largest, std::fabs(terms[i]));
    }
    float plain = 0;
    for (float term : terms) {
        plain += term;
    }
    if (largest == 0 || !std::isfinite(plain)) {
        return plain;
    }
    /* Cut to the last of 24 bits: a sum of whole numbers, exact in double. */
    const int exponent = std::max(std::ilogb(std::max(largest, std::fabs(terms[16]))), -126) - 23;
    const double units = std::ldexp(1.0, -exponent);
    int64_t sum = 0;
    for (float term : terms) {
        sum += (int64_t)((double)term * units);
    }
    const double exact = std::ldexp((double)sum, exponent);
    const float rounded = (float)exact;
    return std::fabs((double)rounded) > std::fabs(exact) ? std::nextafter(rounded, 0.0f) : rounded;
}

}  // namespace

void mma_bf16(float* d, const uint32_t* a, const uint32_t* b) {
    /* What lane `l` holds in register `r`, half `k % 2`. */
    const auto held = [](const unsigned char* lanes, int l, int r, int k) {
        uint32_t pair;
        memcpy(&pair, lanes + 16 * l + 4 * r, sizeof pair);
        return __uint_as_float(k % 2 == 0 ? pair << 16 : pair & 0xffff0000u);
    };
    /* Read before the second exchange: a lane that is through with that one may begin a third, which writes where the first lies. */
    float left[2][16];
    const unsigned char* lanes = exchange(~0u, a, 16);
    for (int half = 0; half < 2; half++) {
        for (int k = 0; k < 16; k++) {
            left[half][k] = held(lanes, lane() / 4 * 4 + k % 8 / 2, half + k / 8 * 2, k);
        }
    }
    lanes = exchange(~0u, b, 8);
    for (int i = 0; i < 4; i++) {
        const int column = lane() % 4 * 2 + i % 2;
        float terms[17];
        for (int k = 0; k < 16; k++) {
            terms[k] = left[i / 2][k] * held(lanes, column * 4 + k % 8 / 2, k / 8, k);
        }
        terms[16] = d[i];
        d[i] = sum_of_terms(terms);
    }
}

}  // namespace emulator
