/*
 * What rows of logits mean under temperature, top-k and top-p: a largest logit, the least one that is kept, and the mass of those between. A team of
 * threads finds the laws of several rows at once, with as many barriers as for one.
 *
 * A weight is f32, relative to the largest logit's. Weights of a group of eight neighbours are added one after the other in f32; what groups sum to is
 * a whole number of units, and whole numbers are added in any order: a law, and what is drawn from it, depend on the row alone, not on the number of
 * threads, blocks or sequences. A unit is 2^-62 of the number of ids, rounded up to a power of two: about 2^-46 of the largest weight for 50,000 ids.
 */
#pragma once

#include "groups.cuh"
#include "softmax.cuh"
#include "team.cuh"

/* Order of f32 as order of unsigned integers, both zeros alike; positive NaN above all. */
DEVICE uint32_t order_of(float x) {
    const uint32_t bits = __float_as_uint(x + 0.0f);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

DEVICE float value_at(uint32_t order) {
    return __uint_as_float(order & 0x80000000u ? order & 0x7fffffffu : ~order);
}

/* Units in a weight of 1, where v weights of at most 1 sum to 2^62 units at most. */
DEVICE float units_for(int32_t v) {
    const int bits = 32 - __clz(v);
    return __uint_as_float((uint32_t)(127 + 62 - bits) << 23);
}

/* Probabilities sum to 1. */
constexpr float PROBABILITY_UNITS = 0x1p62f;

DEVICE Whole whole(float x, float units) {
    return (Whole)(x * units);
}

/* One row of logits as a law: weight(x) / sum. Draft and target come through here alike. */
struct Law {
    float largest;
    float scale; /* log2(e) / temperature */
    float least;
    double sum; /* NaN for a row that has no law */

    static DEVICE Law of(float largest, float temperature) {
        const bool finite = largest > MINUS_INFINITY && largest < INFINITY;
        /* A temperature near 0 must not make 0 * infinity of the largest logit. */
        return {largest, fminf(LOG2_E / temperature, 3e38f), MINUS_INFINITY, finite ? 1 : (double)NAN};
    }
    DEVICE bool finite() const {
        return sum > 0;
    }
    DEVICE float weight(float x) const {
        const float weight = exp2_fast((x - largest) * scale);
        return x >= least ? weight : 0.0f;
    }
    DEVICE double probability(float x) const {
        return (double)weight(x) / sum;
    }
};

/* The groups of a row that a warp of the team goes through: neighbours, in the order of ranks and warps. */
struct Chunk {
    int32_t begin;
    int32_t end;

    template <class Team>
    static DEVICE Chunk of(const Team& team, int32_t v) {
        const int32_t groups = (v + GROUP - 1) / GROUP;
        const int32_t in_block = (groups + team.blocks - 1) / team.blocks;
        const int32_t in_warp = (in_block + Team::WARPS - 1) / Team::WARPS;
        const int32_t from = team.rank * in_block;
        const int32_t block_end = from + in_block < groups ? from + in_block : groups;
        const int32_t begin = from + team.warp() * in_warp;
        const int32_t end = begin + in_warp < block_end ? begin + in_warp : block_end;
        return {begin, end};
    }
    template <class F>
    DEVICE void each(F f) const {
        for (int32_t g = begin + (int32_t)(threadIdx.x % WARP); g < end; g += WARP) {
            f(g);
        }
    }
};

#include "cut.cuh"

/*
 * laws[r], in shared memory, of each row: row_of(r). All threads, on all of which rows is the same; laws are there for all when it returns. What other
 * threads wrote to shared memory before is there too.
 */
template <class Team, class RowOf>
DEVICE void find_laws(Team& team, const Chunk& chunk, Law* laws, const RowOf& row_of, int rows, int32_t v, const adaspec_draw& draw) {
    const float units = units_for(v);
    for (int r = 0; r < rows; r++) {
        const auto row = row_of(r);
        float largest = MINUS_INFINITY;
        chunk.each([&](int32_t g) {
            float x[GROUP];
            row.group(g, x);
            UNROLL
            for (int e = 0; e < GROUP; e++) {
                largest = max_or_nan(largest, x[e]);
            }
        });
        team.give(r, order_of(largest), Larger());
    }
    team.merge(rows, Larger(), [&](int r, Whole order) { laws[r] = Law::of(value_at((uint32_t)order), draw.temperature); });
    if (draw.top_k > 0 && draw.top_k < v) {
        cut(team, chunk, laws, row_of, rows, [](const Law&, float) { return (Whole)1; }, [&](const Law&) { return (Whole)draw.top_k; });
    }
    for (bool cuts = draw.top_p < 1;; cuts = false) {
        for (int r = 0; r < rows; r++) {
            const auto row = row_of(r);
            const Law law = laws[r];
            Whole mass = 0;
            if (law.finite()) {
                chunk.each([&](int32_t g) {
                    float x[GROUP];
                    row.group(g, x);
                    float sum = 0;
                    UNROLL
                    for (int e = 0; e < GROUP; e++) {
                        sum += law.weight(x[e]);
                    }
                    mass += whole(sum, units);
                });
            }
            team.give(r, mass, Sum());
        }
        team.merge(rows, Sum(), [&](int r, Whole mass) { laws[r].sum = laws[r].finite() ? (double)mass / (double)units : (double)NAN; });
        if (!cuts) {
            return;
        }
        cut(team, chunk, laws, row_of, rows, [=](const Law& law, float x) { return whole(law.weight(x), units); },
            [&](const Law& law) {
                const double goal = ceil((double)draw.top_p * law.sum * (double)units);
                return goal > 1 ? (Whole)goal : (Whole)1;
            });
    }
}
