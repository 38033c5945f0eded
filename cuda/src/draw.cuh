/* Drawing a token: uniform numbers by counter, the inverse distribution function in id order, and the argmax. */
#pragma once

#include "law.cuh"

/* Philox4x32-10 (Salmon et al., 2011), words 0 and 1 as a double in [0, 1) with 53 bits. */
DEVICE double uniform_number(uint64_t seed, uint64_t position, uint32_t sequence, uint32_t purpose) {
    uint32_t c0 = (uint32_t)position;
    uint32_t c1 = (uint32_t)(position >> 32);
    uint32_t c2 = sequence;
    uint32_t c3 = purpose;
    uint32_t k0 = (uint32_t)seed;
    uint32_t k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        const uint32_t high0 = __umulhi(0xD2511F53u, c0);
        const uint32_t low0 = 0xD2511F53u * c0;
        const uint32_t high1 = __umulhi(0xCD9E8D57u, c2);
        const uint32_t low1 = 0xCD9E8D57u * c2;
        c0 = high1 ^ c1 ^ k0;
        c2 = high0 ^ c3 ^ k1;
        c1 = low1;
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return (double)(((uint64_t)c0 << 32 | c1) >> 11) * 0x1p-53;
}

/* The number of token `index` of a step. */
DEVICE double uniform_number(const adaspec_draw& draw, int32_t purpose, int32_t index) {
    return uniform_number(draw.seed, (uint64_t)(draw.position + index), (uint32_t)draw.sequence, (uint32_t)purpose + 256u * (uint32_t)index);
}

/* What the weights of a group sum to, in units. weights(group, w) gives them. */
template <class Weights>
DEVICE Whole mass_of(const Weights& weights, int32_t group, float units) {
    float w[GROUP];
    weights(group, w);
    float sum = 0;
    UNROLL
    for (int e = 0; e < GROUP; e++) {
        sum += w[e];
    }
    return whole(sum, units);
}

/* The mass of all groups by warps, in row r of the next merge or place. All threads. */
template <class Team, class Weights>
DEVICE void weigh(Team& team, const Chunk& chunk, int r, const Weights& weights, float units) {
    Whole mass = 0;
    chunk.each([&](int32_t g) { mass += mass_of(weights, g, units); });
    team.give(r, mass, Sum());
}

/*
 * emit(id) by one thread: the first id at which the running mass exceeds u times the total, which therefore has a weight. Returns false, on all threads,
 * where the total is 0. All threads.
 */
template <class Team, class Weights, class Emit>
DEVICE bool draw_from(Team& team, const Chunk& chunk, double u, const Weights& weights, float units, Emit emit) {
    weigh(team, chunk, 0, weights, units);
    const auto place = team.place_of([=](Whole total) {
        const Whole goal = (Whole)(u * (double)total);
        return goal < total ? goal : total - 1;
    });
    if (place.total == 0) {
        return false;
    }
    if (place.owner != team.rank * Team::WARPS + team.warp()) {
        return true;
    }
    Whole before = place.before;
    for (int32_t first = chunk.begin; first < chunk.end; first += WARP) {
        const int32_t g = first + team.lane();
        const Whole mass = g < chunk.end ? mass_of(weights, g, units) : 0;
        const Whole through = before + warp_running_sum(mass);
        const unsigned beyond = __ballot_sync(ALL_LANES, through > place.goal);
        if (beyond != 0) {
            if (team.lane() == __ffs((int)beyond) - 1) {
                float w[GROUP];
                weights(g, w);
                float sum = 0;
                int32_t id = -1;
                UNROLL
                for (int e = 0; e < GROUP; e++) {
                    sum += w[e];
                    id = id < 0 && through - mass + whole(sum, units) > place.goal ? g * GROUP + e : id;
                }
                emit(id);
            }
            break;
        }
        before = __shfl_sync(ALL_LANES, through, WARP - 1);
    }
    return true;
}

/* The largest logit of a part of a row and the lowest id that has it, as one number that is larger where it is better. */
template <class AnyRow>
DEVICE Whole best_of(const AnyRow& row, const Chunk& chunk) {
    float value = MINUS_INFINITY;
    int32_t id = -1;
    bool nan = false;
    chunk.each([&](int32_t g) {
        float x[GROUP];
        row.group(g, x);
        UNROLL
        for (int e = 0; e < GROUP; e++) {
            id = x[e] > value ? g * GROUP + e : id;
            value = x[e] > value ? x[e] : value;
            nan = nan || x[e] != x[e];
        }
    });
    return nan ? ~(Whole)0 : (Whole)order_of(value) << 32 | (uint32_t)~id;
}

/* The argmax; -1 where the row has NaN or +inf, or only -inf. */
DEVICE int32_t argmax_of(Whole best) {
    const uint32_t order = (uint32_t)(best >> 32);
    return order >= order_of(INFINITY) || order <= order_of(MINUS_INFINITY) ? -1 : (int32_t)~(uint32_t)best;
}

/* f(the number of threads of the block that a row of v logits gets): a barrier of few warps costs less, many warps read a long row sooner. */
template <class F>
int32_t with_threads(int64_t v, F f) {
    if (v <= 256) {
        return f(std::integral_constant<int, WARP>());
    }
    return v <= 4096 ? f(std::integral_constant<int, 128>()) : f(std::integral_constant<int, 512>());
}
