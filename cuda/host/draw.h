/* Drawing a token: uniform numbers by counter, and the inverse distribution function in id order. */
#pragma once

#include "law.h"

/* Philox4x32-10 (Salmon et al., 2011), words 0 and 1 as a double in [0, 1) with 53 bits. */
static double uniform_number(uint64_t seed, uint64_t position, uint32_t sequence, uint32_t purpose) {
    uint32_t c0 = (uint32_t)position;
    uint32_t c1 = (uint32_t)(position >> 32);
    uint32_t c2 = sequence;
    uint32_t c3 = purpose;
    uint32_t k0 = (uint32_t)seed;
    uint32_t k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t product0 = (uint64_t)0xD2511F53u * c0;
        const uint64_t product1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(product1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(product0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)product1;
        c3 = (uint32_t)product0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return (double)(((uint64_t)c0 << 32 | c1) >> 11) * 0x1p-53;
}

/* The number of token `index` of a step. */
static double uniform_number(const adaspec_draw& draw, int32_t purpose, int32_t index) {
    return uniform_number(draw.seed, (uint64_t)(draw.position + index), (uint32_t)draw.sequence, (uint32_t)purpose + 256u * (uint32_t)index);
}

/* The lowest id of the largest logit; -1 where the row has NaN or +inf, or only -inf. */
template <class Type>
static int32_t argmax(const typename Type::element* x, int64_t v) {
    vf largest = splat(-INFINITY);
    vi nan = {};
    int64_t j = 0;
    for (; j < v; j += VL) {
        const vf value = load_logits<Type>(x + j, v - j < VL ? v - j : VL);
        nan |= value != value;
        largest = max(value, largest);
    }
    const float top = max_lane(largest);
    if (any(nan) || top == INFINITY || top == -INFINITY) {
        return -1;
    }
    int64_t id = 0;
    while (Type::widen_one(x[id]) != top) {
        id++;
    }
    return (int32_t)id;
}

#define DRAW_BLOCK 256

/* The first place at which the running sum of a block, begun at `running`, exceeds goal; where none does, the last place with a weight, or -1. */
static int64_t crossing(const float* weights, int64_t count, double running, double goal) {
    int64_t last_positive = -1;
    for (int64_t j = 0; j < count; j++) {
        running += (double)weights[j];
        if (weights[j] > 0) {
            last_positive = j;
            if (running > goal) {
                break;
            }
        }
    }
    return last_positive;
}

/*
 * The first id at which the running sum of weights exceeds u * total. fill(weights, first, count) writes the weights of ids first .. first + count
 * and fills up to a multiple of VL with zeros; weights are added in id order in double, first by blocks, then inside the block. Where u * total lies
 * in the rounding of the last additions: the last id that has a weight.
 */
template <class Fill>
static int32_t inverse_distribution(double u, double total, int64_t v, Fill fill) {
    float weights[DRAW_BLOCK] __attribute__((aligned(64)));
    const double goal = u * total;
    double before = 0;
    int64_t last_block = 0;
    for (int64_t first = 0; first < v; first += DRAW_BLOCK) {
        const int64_t count = v - first < DRAW_BLOCK ? v - first : DRAW_BLOCK;
        fill(weights, first, count);
        vd sums = {};
        for (int64_t j = 0; j < count; j += VL) {
            const vf lanes = load(weights + j);
            sums += widen_low(lanes) + widen_high(lanes);
        }
        const double after = before + sum(sums);
        if (after > goal) {
            return (int32_t)(first + crossing(weights, count, before, goal));
        }
        last_block = after > before ? first : last_block;
        before = after;
    }
    const int64_t count = v - last_block < DRAW_BLOCK ? v - last_block : DRAW_BLOCK;
    fill(weights, last_block, count);
    return (int32_t)(last_block + crossing(weights, count, 0, INFINITY));
}

/* A token of a law that is finite. */
template <class Type>
static int32_t draw_token(const Law<Type>& law, double u) {
    return inverse_distribution(u, law.sum, law.v, [&law](float* weights, int64_t first, int64_t count) {
        for (int64_t j = 0; j < count; j += VL) {
            store(weights + j, law.weights(first + j, count - j < VL ? count - j : VL));
        }
    });
}
