/* Laws, Philox and the inverse distribution function in double, for the tests of sampling and verification. */
#pragma once

#include <algorithm>

#include "check.h"

/* Philox4x32-10 written apart from the library's, as four words. */
struct Philox {
    uint32_t word[4];

    Philox(uint32_t k0, uint32_t k1, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3) {
        uint32_t c[4] = {c0, c1, c2, c3};
        uint32_t k[2] = {k0, k1};
        for (int round = 0; round < 10; round++) {
            const uint64_t a = 0xD2511F53ull * c[0];
            const uint64_t b = 0xCD9E8D57ull * c[2];
            const uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k[1], (uint32_t)a};
            memcpy(c, next, sizeof c);
            k[0] += 0x9E3779B9u;
            k[1] += 0xBB67AE85u;
        }
        memcpy(word, c, sizeof word);
    }
};

inline double uniform(uint64_t seed, int32_t sequence, int64_t position, int32_t purpose) {
    const Philox block((uint32_t)seed, (uint32_t)(seed >> 32), (uint32_t)position, (uint32_t)((uint64_t)position >> 32), (uint32_t)sequence,
        (uint32_t)purpose);
    return (double)(((uint64_t)block.word[0] << 32 | block.word[1]) >> 11) * 0x1p-53;
}

/* A draw of one sequence, as the library takes it. */
inline adaspec_draw draw_of(uint64_t seed, int64_t position, int32_t sequence, float temperature, int32_t top_k = 0, float top_p = 1) {
    return {seed, position, sequence, temperature, top_k, top_p};
}

/* The number of token `index` of a step. */
inline double uniform(const adaspec_draw& draw, int32_t purpose, int32_t index) {
    return uniform(draw.seed, draw.sequence, draw.position + index, purpose + 256 * index);
}

/*
 * The law of a row by sorting. top_p counts as at least `slack` more (or, negative, less) of the mass: where both give one law, it is the law; where
 * they do not, a mass lies on the boundary within rounding.
 */
inline std::vector<double> law(const float* x, int64_t v, double temperature, int64_t top_k = 0, double top_p = 1, double slack = 0) {
    std::vector<float> sorted(x, x + v);
    std::sort(sorted.begin(), sorted.end(), std::greater<float>());
    const double largest = sorted[0];
    const auto weight = [=](double value) { return exp((value - largest) / temperature); };
    double least = top_k > 0 && top_k < v ? sorted[(size_t)top_k - 1] : -INFINITY;
    if (top_p < 1) {
        double kept = 0;
        for (int64_t i = 0; i < v; i++) {
            kept += x[i] >= least ? weight(x[i]) : 0;
        }
        double reached = 0;
        size_t i = 0;
        while (reached += weight(sorted[i]), reached < (top_p + slack) * kept && i + 1 < (size_t)v && sorted[i + 1] >= least) {
            i++;
        }
        least = sorted[i];
    }
    std::vector<double> p((size_t)v);
    double sum = 0;
    for (int64_t i = 0; i < v; i++) {
        p[(size_t)i] = x[i] >= least ? weight(x[i]) : 0;
        sum += p[(size_t)i];
    }
    for (double& value : p) {
        value /= sum;
    }
    return p;
}

inline std::vector<double> law(const float* x, int64_t v, const adaspec_draw& draw, double slack = 0) {
    return law(x, v, draw.temperature, draw.top_k, draw.top_p, slack);
}

/* True where `id` is what u picks from weights, or u lies within `slack` of the total of an edge of id's interval. */
inline bool picks(const std::vector<double>& weights, double u, int32_t id, double slack) {
    double total = 0;
    for (double w : weights) {
        total += w;
    }
    if (id < 0 || id >= (int32_t)weights.size() || !(weights[(size_t)id] > 0)) {
        return false;
    }
    double before = 0;
    for (int32_t i = 0; i < id; i++) {
        before += weights[(size_t)i];
    }
    return u * total >= before - slack * total && u * total < before + weights[(size_t)id] + slack * total;
}
