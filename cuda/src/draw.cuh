/* Drawing a token by one block: uniform numbers by counter, and the inverse distribution function in id order. */
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

/*
 * The first id at which the running sum of weights exceeds u times their total, on every thread; -1 where the total is not above 0. A warp sums a chunk
 * of contiguous ids; the one in whose chunk the goal lies goes through it again, 32 ids at a time. Where the goal lies in the rounding of the last
 * additions: the last id of that chunk that has a weight. All threads; shared is free again when it returns.
 */
template <int THREADS, class Weight>
DEVICE int32_t draw_from(LawShared& shared, int64_t v, double u, Weight weight) {
    constexpr int WARPS = THREADS / WARP;
    const int warp = (int)threadIdx.x / WARP;
    const int lane = (int)threadIdx.x % WARP;
    const double total = sum_chunks<THREADS>(shared, v, weight);
    const double goal = u * total;
    int owner = -1;
    double before = 0;
    double running = 0;
    for (int w = 0; w < WARPS; w++) {
        /* The last chunk with a weight serves where rounding left the goal beyond all of them. */
        if (shared.chunks[w] > 0 && (owner < 0 || running <= goal)) {
            owner = w;
            before = running;
        }
        running += shared.chunks[w];
        if (owner >= 0 && running > goal) {
            break;
        }
    }
    if (threadIdx.x == 0) {
        shared.token = -1;
    }
    __syncthreads();
    if (total > 0 && warp == owner) {
        const int64_t length = ((v + WARPS - 1) / WARPS + WARP - 1) / WARP * WARP;
        const int64_t end = (warp + 1) * length < v ? (warp + 1) * length : v;
        int32_t last = -1;
        for (int64_t first = warp * length; first < end; first += WARP) {
            const int64_t j = first + lane;
            const float mine = j < end ? weight(j) : 0.0f;
            double through = (double)mine;
            UNROLL
            for (int lanes = 1; lanes < WARP; lanes *= 2) {
                const double lower = __shfl_up_sync(ALL_LANES, through, (unsigned)lanes);
                through += lane >= lanes ? lower : 0.0;
            }
            const unsigned positive = __ballot_sync(ALL_LANES, mine > 0);
            const unsigned crossed = __ballot_sync(ALL_LANES, mine > 0 && before + through > goal);
            if (crossed != 0) {
                last = (int32_t)(first + __ffs(crossed) - 1);
                break;
            }
            if (positive != 0) {
                last = (int32_t)(first + WARP - 1 - __clz((int)positive));
            }
            before += __shfl_sync(ALL_LANES, through, WARP - 1);
        }
        if (lane == 0) {
            shared.token = last;
        }
    }
    __syncthreads();
    const int32_t token = shared.token;
    __syncthreads();
    return token;
}

/* A token of a law that is finite. */
template <int THREADS>
DEVICE int32_t draw_token(LawShared& shared, const Law& law, int64_t v, double u) {
    return draw_from<THREADS>(shared, v, u, [&](int64_t j) { return law.weight(j); });
}

/* The largest logit and the lowest id that has it. */
struct Best {
    float value = MINUS_INFINITY;
    float id = -1; /* exact up to 2^24; merged as the other statistics are */
    float broken = 0;

    DEVICE void add(float x, int64_t j) {
        if (x > value) {
            value = x;
            id = (float)j;
        }
        broken = x != x ? 1.0f : broken;
    }
    DEVICE void merge(const Best& other) {
        if (other.value > value || (other.value == value && other.id >= 0 && (id < 0 || other.id < id))) {
            value = other.value;
            id = other.id;
        }
        broken = fmaxf(broken, other.broken);
    }
};

/* The lowest id of the largest logit, on every thread; -1 where the row has NaN or +inf, or only -inf. */
template <int THREADS>
DEVICE int32_t argmax(LawShared& shared, const float* x, int64_t v) {
    static_assert(sizeof(Best) * THREADS / WARP <= sizeof(shared.bins));
    Best best;
    for (int64_t j = threadIdx.x; j < v; j += THREADS) {
        best.add(x[j], j);
    }
    best = block_merge<THREADS>(best, reinterpret_cast<Best*>(shared.bins));
    return best.broken > 0 || best.value == INFINITY || best.value == MINUS_INFINITY ? -1 : (int32_t)best.id;
}

/* f(the number of threads of the block that a row of v logits gets): a barrier of few warps costs less, many warps read a long row sooner. */
template <class F>
int32_t with_threads(int64_t v, F f) {
    if (v <= 64) {
        return f(std::integral_constant<int, WARP>());
    }
    return v <= 4096 ? f(std::integral_constant<int, 128>()) : f(std::integral_constant<int, 512>());
}
