/*
 * The rows of largest gap: by the quantile 1 - k, as torch.quantile has it, or by their number. The value at a rank is found by radix selection over the
 * floats' bytes (counts are integers: their order of addition does not matter), then the rows are listed in order; nothing goes back to the host.
 *
 * Seven walks over n floats that the second-level cache holds: latency, not bytes, is what this costs (some 10 microseconds for a batch's rows). Up to
 * 4,096 rows one block of 256 threads (a barrier of eight warps costs less), for more one of 1,024; from 65,536 rows, where a device has clusters, eight
 * blocks share the walks and add up each other's counts.
 */
#include "device.cuh"

#include "../host/share.h"

namespace {

constexpr int MOST_WARPS = 1024 / WARP;
constexpr int BINS = 256;
constexpr int CLUSTER = 8; /* the largest that every device with clusters takes */

/* A block's shared memory. What blocks tell each other has two places, used in turn: one barrier separates writing from reading. */
struct Shared {
    int histogram[2][BINS];
    int total[BINS];
    int told[2];
    int partials[MOST_WARPS];
    int byte;
    int rank;
};

/* Order of f32 as order of unsigned integers. -0 and +0 differ here; comparisons with the threshold are by value. */
DEVICE uint32_t key_of(float x) {
    const uint32_t bits = __float_as_uint(x);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

DEVICE float value_of(uint32_t key) {
    return __uint_as_float(key & 0x80000000u ? key & 0x7fffffffu : ~key);
}

/* The blocks that select together, seen by one of their threads: each warp has a run of whole warps' worth of rows. */
template <int THREADS, int BLOCKS>
struct Team {
    static constexpr int WARPS = THREADS / WARP;

    Shared& shared;
    const float* x;
    int64_t n;
    int64_t begin; /* the rows of this warp */
    int64_t end;
    int rank;
    int turn = 0;

    DEVICE Team(Shared& shared, const float* x, int64_t n) : shared(shared), x(x), n(n), rank(own_rank()) {
        const int64_t length = (n + (int64_t)BLOCKS * WARPS * WARP - 1) / ((int64_t)BLOCKS * WARPS * WARP) * WARP;
        const int64_t first = (rank * WARPS + (int)threadIdx.x / WARP) * length;
        begin = first < n ? first : n;
        end = first + length < n ? first + length : n;
    }

    static DEVICE int own_rank() {
        if constexpr (BLOCKS > 1) {
            return (int)cluster_rank();
        } else {
            return 0;
        }
    }

    DEVICE void barrier() const {
        if constexpr (BLOCKS > 1) {
            cluster_barrier();
        } else {
            __syncthreads();
        }
    }

    /* The same place in block b's shared memory. */
    DEVICE int* at(int* place, int b) const {
        if constexpr (BLOCKS > 1) {
            return in_cluster(place, (unsigned)b);
        } else {
            return place;
        }
    }

    /* f(row, value, valid) for the rows of this warp, by lane; all lanes call it together. Four rows a lane are on their way at once. */
    template <class F>
    DEVICE void each(F f) const {
        constexpr int AT_ONCE = 4;
        for (int64_t from = begin + threadIdx.x % WARP; from - threadIdx.x % WARP < end; from += AT_ONCE * WARP) {
            float values[AT_ONCE];
            UNROLL
            for (int j = 0; j < AT_ONCE; j++) {
                values[j] = from + j * WARP < end ? x[from + j * WARP] : 0.0f;
            }
            UNROLL
            for (int j = 0; j < AT_ONCE; j++) {
                f(from + j * WARP, values[j], from + j * WARP < end);
            }
        }
    }

    /* The sum of `mine`, equal on a warp's lanes, over all warps of all blocks; before: that of the warps before this one. */
    DEVICE int sum_warps(int mine, int& before) {
        const int warp = (int)threadIdx.x / WARP;
        if (threadIdx.x % WARP == 0) {
            shared.partials[warp] = mine;
        }
        __syncthreads();
        int own = 0;
        before = 0;
        for (int w = 0; w < WARPS; w++) {
            before += w < warp ? shared.partials[w] : 0;
            own += shared.partials[w];
        }
        if (BLOCKS == 1) {
            __syncthreads();
            return own;
        }
        if (threadIdx.x == 0) {
            shared.told[turn] = own;
        }
        barrier();
        int sum = 0;
        for (int b = 0; b < BLOCKS; b++) {
            const int told = *at(&shared.told[turn], b);
            before += b < rank ? told : 0;
            sum += told;
        }
        turn ^= 1;
        return sum;
    }

    /* The value of rank `wanted` (0: smallest), on every thread, by four rounds over the bytes. */
    DEVICE float value_at_rank(int wanted) {
        uint32_t prefix = 0;
        for (int shift = 24; shift >= 0; shift -= 8) {
            const uint32_t mask = shift == 24 ? 0 : 0xffffffffu << (shift + 8);
            int* histogram = shared.histogram[turn];
            for (int bin = (int)threadIdx.x; bin < BINS; bin += THREADS) {
                histogram[bin] = 0;
            }
            __syncthreads();
            each([&](int64_t, float value, bool valid) {
                const uint32_t key = key_of(value);
                if (valid && (key & mask) == prefix) {
                    atomicAdd(&histogram[key >> shift & 255], 1);
                }
            });
            barrier();
            for (int bin = (int)threadIdx.x; bin < BINS; bin += THREADS) {
                int count = 0;
                for (int b = 0; b < BLOCKS; b++) {
                    count += at(histogram, b)[bin];
                }
                shared.total[bin] = count;
            }
            __syncthreads();
            if (threadIdx.x < WARP) {
                choose_bin(wanted);
            }
            __syncthreads();
            prefix |= (uint32_t)shared.byte << shift;
            wanted = shared.rank;
            turn ^= 1;
        }
        return value_of(prefix);
    }

    /* By the first warp: the bin that holds rank `wanted`, and that rank among the bin's own. */
    DEVICE void choose_bin(int wanted) const {
        constexpr int EACH = BINS / WARP;
        const int lane = (int)threadIdx.x;
        int mine = 0;
        for (int i = 0; i < EACH; i++) {
            mine += shared.total[lane * EACH + i];
        }
        int through = mine;
        UNROLL
        for (int lanes = 1; lanes < WARP; lanes *= 2) {
            const int lower = __shfl_up_sync(ALL_LANES, through, (unsigned)lanes);
            through += lane >= lanes ? lower : 0;
        }
        const unsigned reached = __ballot_sync(ALL_LANES, through > wanted);
        if (lane == __ffs((int)reached) - 1) {
            int left = wanted - (through - mine);
            int bin = lane * EACH;
            while (left >= shared.total[bin]) {
                left -= shared.total[bin];
                bin++;
            }
            shared.byte = bin;
            shared.rank = left;
        }
    }

    /* The value of rank `wanted` + 1, given that of `wanted`: the same where more than wanted + 1 rows do not exceed it, else the least that does. */
    DEVICE float value_after(float low, int wanted) {
        int not_above = 0;
        uint32_t least = 0xffffffffu;
        each([&](int64_t, float value, bool valid) {
            not_above += __popc(__ballot_sync(ALL_LANES, valid && value <= low));
            least = valid && value > low && key_of(value) < least ? key_of(value) : least;
        });
        int unused;
        if (sum_warps(not_above, unused) > wanted + 1) {
            return low;
        }
        return value_of(smallest(least));
    }

    DEVICE uint32_t smallest(uint32_t mine) {
        UNROLL
        for (int lanes = WARP / 2; lanes > 0; lanes /= 2) {
            const uint32_t other = __shfl_xor_sync(ALL_LANES, mine, lanes);
            mine = other < mine ? other : mine;
        }
        if (threadIdx.x % WARP == 0) {
            shared.partials[threadIdx.x / WARP] = (int)mine;
        }
        barrier();
        for (int b = 0; b < BLOCKS; b++) {
            for (int w = 0; w < WARPS; w++) {
                const uint32_t other = (uint32_t)at(shared.partials, b)[w];
                mine = other < mine ? other : mine;
            }
        }
        barrier();
        return mine;
    }

    /* How many rows are not numbers. */
    DEVICE int broken() {
        int mine = 0;
        each([&](int64_t, float value, bool valid) { mine += __popc(__ballot_sync(ALL_LANES, valid && value != value)); });
        int unused;
        return sum_warps(mine, unused);
    }

    /* Lists the rows above the threshold and of those at it the first so many that there are `most`, in ascending order; their number. */
    DEVICE int list(int32_t* rows, float threshold, int64_t most) {
        int above = 0;
        int ties = 0;
        each([&](int64_t, float value, bool valid) {
            above += __popc(__ballot_sync(ALL_LANES, valid && value > threshold));
            ties += __popc(__ballot_sync(ALL_LANES, valid && value == threshold));
        });
        int above_before;
        int ties_before;
        above = sum_warps(above, above_before);
        ties = sum_warps(ties, ties_before);
        const int room = above + (int64_t)ties < most ? ties : (int)(most - above);
        const unsigned lower_lanes = (1u << threadIdx.x % WARP) - 1;
        each([&](int64_t i, float value, bool valid) {
            const unsigned is_above = __ballot_sync(ALL_LANES, valid && value > threshold);
            const unsigned is_tie = __ballot_sync(ALL_LANES, valid && value == threshold);
            const int tie = ties_before + __popc(is_tie & lower_lanes);
            if (valid && (value > threshold || (value == threshold && tie < room))) {
                rows[above_before + __popc(is_above & lower_lanes) + (tie < room ? tie : room)] = (int32_t)i;
            }
            above_before += __popc(is_above);
            ties_before += __popc(is_tie);
        });
        return above + room;
    }
};

/* What is looked for: the value at rank `below`, or between it and the next by `weight`, and at most so many rows from it on. */
struct Wanted {
    int32_t rule;
    int below;
    bool between;
    float weight;
    int64_t most;
};

/* torch.quantile's linear interpolation: the two-branch lerp, each branch one fused multiply-add as in PyTorch's kernels. */
DEVICE float lerp_as_torch(float below, float above, float weight) {
    const float step = above - below;
    return weight < 0.5f ? fmaf(weight, step, below) : fmaf(weight - 1.0f, step, above);
}

template <int THREADS, int BLOCKS>
__global__ void __launch_bounds__(THREADS) select_kernel(int32_t* kept_rows, int32_t* kept, const float* gap, Wanted wanted, int64_t n) {
    Team<THREADS, BLOCKS> team(*shared_memory<Shared>(), gap, n);
    int count = 0;
    if (wanted.most > 0 && team.broken() == 0) {
        float threshold = team.value_at_rank(wanted.below);
        if (wanted.rule == ADASPEC_SELECT_QUANTILE) {
            const float above = wanted.between ? team.value_after(threshold, wanted.below) : threshold;
            threshold = lerp_as_torch(threshold, above, wanted.weight);
        }
        count = team.list(kept_rows, threshold, wanted.most);
    }
    if (threadIdx.x == 0 && team.rank == 0) {
        *kept = count;
    }
    /* A block's shared memory must outlive the reads of it. */
    team.barrier();
}

}  // namespace

extern "C" int32_t adaspec_select(
    int32_t* kept_rows, int32_t* kept, const float* gap, double k, int32_t rule, float*, int64_t n, void* stream) {
    REQUIRE(n >= 1 && n <= INT32_MAX, "select: %lld rows; at least one was expected", (long long)n);
    REQUIRE(k >= 0 && k <= 1, "select: k is %g; a share between 0 and 1 was expected", k);
    REQUIRE(rule == ADASPEC_SELECT_QUANTILE || rule == ADASPEC_SELECT_COUNT, "select: rule %d does not exist", rule);
    Wanted wanted;
    wanted.rule = rule;
    if (rule == ADASPEC_SELECT_QUANTILE) {
        const float rank = (float)(1 - k) * (float)(n - 1);
        const float below = floorf(rank);
        wanted.below = below < (float)(n - 1) ? (int)below : (int)(n - 1);
        wanted.between = rank > below && wanted.below < n - 1;
        wanted.weight = rank - below;
        wanted.most = n;
    } else {
        wanted.most = rows_of_share(k, n);
        wanted.below = (int)(n - wanted.most);
        wanted.between = false;
        wanted.weight = 0;
    }
    const size_t shared = sizeof(Shared);
    if (n <= 4096) {
        return launch("select", select_kernel<256, 1>, {1, 256, shared}, stream, kept_rows, kept, gap, wanted, n);
    }
    if (n < 65536 || !has_clusters()) {
        return launch("select", select_kernel<1024, 1>, {1, 1024, shared}, stream, kept_rows, kept, gap, wanted, n);
    }
    return launch("select", select_kernel<1024, CLUSTER>, {CLUSTER, 1024, shared, CLUSTER}, stream, kept_rows, kept, gap, wanted, n);
}
