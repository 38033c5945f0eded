/* Laws, Philox and the inverse distribution function in double, for the tests of sampling and verification. */
#pragma once

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

inline std::vector<double> law(const float* x, int64_t v, double temperature) {
    double largest = -INFINITY;
    for (int64_t i = 0; i < v; i++) {
        largest = fmax(largest, x[i]);
    }
    std::vector<double> p((size_t)v);
    double sum = 0;
    for (int64_t i = 0; i < v; i++) {
        p[(size_t)i] = exp((x[i] - largest) / temperature);
        sum += p[(size_t)i];
    }
    for (double& value : p) {
        value /= sum;
    }
    return p;
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
