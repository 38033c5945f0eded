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
 * (rows, v) logits stored as `type`, beside what they are in f32. by_16: rows begin at multiples of 16 bytes, as bulk copies want them, and their ends
 * are padded with NaN; else rows lie at odd strides, and the last ends where its memory does. value() is called row by row, in the order of ids.
 */
struct Logits {
    int32_t type;
    int64_t v, ld;
    Floats values;
    Buffer<uint16_t> halves;

    Logits(int32_t type, int64_t rows, int64_t v, bool by_16, const std::function<float(int64_t)>& value)
        : type(type), v(v), ld(by_16 ? (v + 7) / 8 * 8 : v + 1 + v % 2), values(rows == 0 ? 0 : by_16 ? rows * ld : (rows - 1) * ld + v),
          halves(type == ADASPEC_F32 ? 0 : values.n) {
        for (int64_t i = 0; i < values.n; i++) {
            set(i, i % ld < v ? value(i) : NAN);
        }
    }
    /* Element i of the whole memory. */
    void set(int64_t i, float x) {
        values[i] = x;
        if (type != ADASPEC_F32) {
            halves[i] = narrowed(x, type);
            values[i] = widened(halves[i], type);
        }
    }
    const void* data(int64_t row = 0) const {
        return type == ADASPEC_F32 ? (const void*)(values.data + row * ld) : halves.data + row * ld;
    }
    const float* row(int64_t i) const {
        return values.data + i * ld;
    }
};



constexpr int32_t TYPES[] = {ADASPEC_F32, ADASPEC_BF16, ADASPEC_F16};

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

/* What the rules of adaspec.h say about one draft, whose token i is from q[i] and whose place i has the target's law p[i]. */
struct Decision {
    int32_t verification;
    std::vector<std::vector<double>> p, q;
    std::vector<double> bound, scale; /* token i passes below bound[i]; scale[i] p - q is left after i tokens */

    Decision(int32_t verification, const std::vector<std::vector<double>>& p, const std::vector<std::vector<double>>& q, const int32_t* tokens)
        : verification(verification), p(p), q(q), bound(q.size()), scale(q.size()) {
        const bool block = verification == ADASPEC_VERIFY_BLOCK;
        double stands = 1;
        for (size_t i = 0; i < q.size(); i++) {
            const size_t x = (size_t)tokens[i];
            scale[i] = block ? stands : 1;
            const double ratio = scale[i] * p[i][x] / q[i][x];
            stands = scale[i] * p[i][x] == 0 ? 0 : ratio < 1 ? ratio : 1;
            bound[i] = stands;
            if (block && i + 1 < q.size()) {
                double left = 0;
                for (size_t j = 0; j < p[i + 1].size(); j++) {
                    left += fmax(stands * p[i + 1][j] - q[i + 1][j], 0);
                }
                bound[i] = stands == 1 ? 1 : left / (left + 1 - stands);
            }
        }
    }
    /* How many tokens stand. Block: up to the last that passes. Token: up to the first that does not. */
    int32_t accepted(const double* u) const {
        int32_t last = 0;
        for (size_t i = 0; i < bound.size(); i++) {
            if (u[i] < bound[i]) {
                last = (int32_t)i + 1;
            } else if (verification == ADASPEC_VERIFY_TOKEN) {
                break;
            }
        }
        return last;
    }
    /* What the next token is drawn from, not normalised. */
    std::vector<double> left(size_t accepted) const {
        std::vector<double> weights = p[accepted];
        if (accepted == q.size()) {
            return weights;
        }
        bool some = false;
        for (size_t j = 0; j < weights.size(); j++) {
            weights[j] = fmax(scale[accepted] * weights[j] - q[accepted][j], 0);
            some = some || weights[j] > 1e-15;
        }
        return some ? weights : p[accepted];
    }
};
