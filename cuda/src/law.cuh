/*
 * What a row of logits means under temperature, top-k and top-p, found by one block: a normaliser and the least logit that is kept.
 *
 * No sorting and no rounds of rejection: the least kept value is found byte by byte of the floats' order, from the counts (top-k) or the masses (top-p)
 * of 256 bins. Counts and masses are integers, a mass in units of 2^-40 of the largest logit's weight, so that the order in which threads add them does
 * not matter: the law depends on the row alone. Equal values share a bin to the end, so ties are kept or dropped together.
 */
#pragma once

#include "reduce.cuh"
#include "softmax.cuh"

constexpr int BINS = 256;
constexpr double MASS_UNIT = 1099511627776.0; /* 2^40 */

/* The shared memory of a block that works with laws. */
struct LawShared {
    unsigned long long bins[BINS];
    double partials[WARP];
    Softmax softmax[WARP];
    double chunks[WARP];
    unsigned long long before; /* measure of the bins above the chosen one */
    int bin;
    int token;
};

/* Order of f32 as order of unsigned integers, both zeros alike. */
DEVICE uint32_t order_of(float x) {
    const uint32_t bits = __float_as_uint(x + 0.0f);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

DEVICE float value_at(uint32_t order) {
    return __uint_as_float(order & 0x80000000u ? order & 0x7fffffffu : ~order);
}

/* What a logit weighs. */
struct Weighing {
    float largest;
    float scale; /* log2(e) / temperature */

    static DEVICE Weighing of(float largest, float temperature) {
        /* A temperature near 0 must not make 0 * infinity of the largest logit. */
        return {largest, fminf(LOG2_E / temperature, 3e38f)};
    }
    DEVICE float weight(float x) const {
        return exp2_fast((x - largest) * scale);
    }
    DEVICE unsigned long long mass(float x) const {
        return (unsigned long long)((double)weight(x) * MASS_UNIT);
    }
};

struct Counting {
    DEVICE unsigned long long operator()(float) const {
        return 1;
    }
};

struct Massing {
    Weighing weighing;

    DEVICE unsigned long long operator()(float x) const {
        return weighing.mass(x);
    }
};

/* By the first warp: the highest bin at which the running measure, from the top bin down, reaches goal - above; and what is above that bin. */
DEVICE void choose_bin(LawShared& shared, unsigned long long above, unsigned long long goal) {
    constexpr int EACH = BINS / WARP;
    const int lane = (int)threadIdx.x;
    unsigned long long mine = 0;
    for (int i = 0; i < EACH; i++) {
        mine += shared.bins[BINS - 1 - (lane * EACH + i)];
    }
    unsigned long long through = mine;
    UNROLL
    for (int lanes = 1; lanes < WARP; lanes *= 2) {
        const unsigned long long lower = __shfl_up_sync(ALL_LANES, through, (unsigned)lanes);
        through += lane >= lanes ? lower : 0;
    }
    const unsigned reached = __ballot_sync(ALL_LANES, above + through >= goal);
    const int owner = reached != 0 ? __ffs(reached) - 1 : WARP - 1;
    if (lane == owner) {
        unsigned long long before = above + through - mine;
        int bin = BINS - 1 - lane * EACH;
        const int last = bin - EACH + 1;
        while (bin > last && before + shared.bins[bin] < goal) {
            before += shared.bins[bin];
            bin--;
        }
        shared.bin = bin;
        shared.before = before;
    }
}

/* The largest value t of the row such that the values in [t, +inf) that are at least `least` have a measure of `goal` or more. All threads. */
template <int THREADS, class Measure>
DEVICE float least_kept(LawShared& shared, const float* x, int64_t v, float least, unsigned long long goal, Measure measure) {
    uint32_t prefix = 0;
    unsigned long long above = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        const uint32_t mask = shift == 24 ? 0 : 0xffffffffu << (shift + 8);
        for (int bin = (int)threadIdx.x; bin < BINS; bin += THREADS) {
            shared.bins[bin] = 0;
        }
        __syncthreads();
        for (int64_t j = threadIdx.x; j < v; j += THREADS) {
            const uint32_t order = order_of(x[j]);
            if ((order & mask) == prefix && x[j] >= least) {
                atomicAdd(&shared.bins[order >> shift & 255], measure(x[j]));
            }
        }
        __syncthreads();
        if (threadIdx.x < WARP) {
            choose_bin(shared, above, goal);
        }
        __syncthreads();
        prefix |= (uint32_t)shared.bin << shift;
        above = shared.before;
        __syncthreads();
    }
    const float kept = value_at(prefix);
    return kept > least ? kept : least;
}

/* One row of logits as a law: weight(x) / sum where x >= least. Draft and target come through here alike; every thread holds the same. */
struct Law {
    const float* x;
    Weighing weighing;
    float least;
    double sum; /* 0 or NaN for a row that has no law */

    DEVICE bool finite() const {
        return sum > 0 && sum < INFINITY;
    }
    DEVICE float weight(int64_t id) const {
        return x[id] >= least ? weighing.weight(x[id]) : 0.0f;
    }
    DEVICE double probability(int64_t id) const {
        return (double)weight(id) / sum;
    }
};

/* The sum over the ids of `weight`, in an order that depends on v and THREADS only; each warp's part, of contiguous ids, in shared.chunks. All threads. */
template <int THREADS, class Weight>
DEVICE double sum_chunks(LawShared& shared, int64_t v, Weight weight) {
    constexpr int WARPS = THREADS / WARP;
    const int warp = (int)threadIdx.x / WARP;
    const int64_t length = ((v + WARPS - 1) / WARPS + WARP - 1) / WARP * WARP;
    const int64_t end = (warp + 1) * length < v ? (warp + 1) * length : v;
    float mine = 0;
    for (int64_t j = warp * length + threadIdx.x % WARP; j < end; j += WARP) {
        mine += weight(j);
    }
    const double chunk = warp_sum((double)mine);
    if (threadIdx.x % WARP == 0) {
        shared.chunks[warp] = chunk;
    }
    __syncthreads();
    double total = 0;
    for (int w = 0; w < WARPS; w++) {
        total += shared.chunks[w];
    }
    return total;
}

/* All threads; shared is free again when it returns. */
template <int THREADS>
DEVICE Law law_of(LawShared& shared, const float* x, int64_t v, const adaspec_draw& draw) {
    Softmax softmax;
    for (int64_t j = threadIdx.x; j < v; j += THREADS) {
        softmax.add(x[j]);
    }
    softmax = block_merge<THREADS>(softmax, shared.softmax);
    Law law = {x, Weighing::of(softmax.largest, draw.temperature), MINUS_INFINITY, (double)softmax.sum};
    if (!law.finite()) {
        return law;
    }
    if (draw.top_k > 0 && draw.top_k < v) {
        law.least = least_kept<THREADS>(shared, x, v, MINUS_INFINITY, (unsigned long long)draw.top_k, Counting());
    }
    if (draw.top_p < 1) {
        unsigned long long mass = 0;
        for (int64_t j = threadIdx.x; j < v; j += THREADS) {
            mass += x[j] >= law.least ? law.weighing.mass(x[j]) : 0;
        }
        const double kept = (double)block_sum<THREADS>(mass, reinterpret_cast<unsigned long long*>(shared.partials));
        const double goal = ceil((double)draw.top_p * kept);
        law.least = least_kept<THREADS>(shared, x, v, law.least, goal > 1 ? (unsigned long long)goal : 1ull, Massing{law.weighing});
    }
    law.sum = sum_chunks<THREADS>(shared, v, [&](int64_t j) { return law.weight(j); });
    __syncthreads();
    return law;
}
