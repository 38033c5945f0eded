/*
 * The threads that work on rows of logits together: a block's, or those of the blocks of a cluster. What they put together are whole numbers, so that
 * it does not matter who adds what, or how many they are.
 */
#pragma once

#include "device.cuh"

/* Rows that are worked on at once, at most. */
constexpr int ROWS = 16;
constexpr int BINS = 256;
constexpr int MOST_WARPS = 16;

typedef unsigned long long Whole;

struct Larger {
    DEVICE Whole operator()(Whole a, Whole b) const {
        return a > b ? a : b;
    }
};

struct Sum {
    DEVICE Whole operator()(Whole a, Whole b) const {
        return a + b;
    }
};

/* Of all lanes, on every lane. */
template <class Merge>
DEVICE Whole warp_merged(Whole x, Merge merge) {
    UNROLL
    for (int lanes = WARP / 2; lanes > 0; lanes /= 2) {
        x = merge(x, __shfl_xor_sync(ALL_LANES, x, lanes));
    }
    return x;
}

/* The sum of this lane and those before it. */
DEVICE Whole warp_running_sum(Whole x) {
    UNROLL
    for (int lanes = 1; lanes < WARP; lanes *= 2) {
        const Whole before = __shfl_up_sync(ALL_LANES, x, (unsigned)lanes);
        x += (int)threadIdx.x % WARP >= lanes ? before : 0;
    }
    return x;
}

/* What one row's search for its least kept value (cut.cuh) has found so far. */
struct Search {
    uint32_t base;
    int32_t shift; /* negative: it is over */
    Whole above;
    Whole goal;
    bool near;
};

/* In a block's shared memory. Of the two halves of the partials one may still be read while the other is written; the bins have halves too. */
struct TeamShared {
    Whole partials[2][ROWS][MOST_WARPS];
    Search searches[ROWS];
};

template <int THREADS_, bool CLUSTER_>
struct Team {
    static constexpr int THREADS = THREADS_;
    static constexpr bool CLUSTER = CLUSTER_;
    static constexpr int WARPS = THREADS / WARP;
    static_assert(THREADS % WARP == 0 && WARPS <= MOST_WARPS);

    TeamShared& shared;
    Whole* bins; /* two halves of bin_rows rows of BINS */
    int bin_rows;
    int blocks; /* of the cluster */
    int rank;
    int half = 0;
    int bins_half = 0;

    DEVICE Team(TeamShared& shared, Whole* bins, int bin_rows, int blocks)
        : shared(shared), bins(bins), bin_rows(bin_rows), blocks(CLUSTER ? blocks : 1), rank(0) {
#if ADASPEC_CLUSTERS
        if constexpr (CLUSTER) {
            rank = (int)cluster_rank();
        }
#endif
    }

    static DEVICE int warp() {
        return (int)threadIdx.x / WARP;
    }
    static DEVICE int lane() {
        return (int)threadIdx.x % WARP;
    }

    /* A barrier for all; what was written to shared memory before it is there for all after it. */
    DEVICE void meet() const {
#if ADASPEC_CLUSTERS
        if constexpr (CLUSTER) {
            cluster_barrier();
        } else
#endif
        {
            __syncthreads();
        }
    }

    /* The same place in the shared memory of block `other`. */
    template <class T>
    DEVICE T* at(T* place, int other) const {
#if ADASPEC_CLUSTERS
        if constexpr (CLUSTER) {
            return in_cluster(place, (unsigned)other);
        } else
#endif
        {
            (void)other;
            return place;
        }
    }

    /* This warp's part for row r, to be put together by the next merge or running total. All lanes of the warp. */
    template <class Merge>
    DEVICE void give(int r, Whole x, Merge merge) {
        x = warp_merged(x, merge);
        if (lane() == 0) {
            shared.partials[half][r][warp()] = x;
        }
    }

    /*
     * finish(r, the warps' parts for row r merged) by one thread of every block and row; what it writes to shared memory is there for the block when
     * this returns. All threads.
     */
    template <class Merge, class Finish>
    DEVICE void merge(int rows, Merge merge, Finish finish) {
        meet();
        for (int r = warp(); r < rows; r += WARPS) {
            Whole x = 0;
            for (int i = lane(); i < blocks * WARPS; i += WARP) {
                x = merge(x, *at(&shared.partials[half][r][i % WARPS], i / WARPS));
            }
            if (CLUSTER || WARPS > 1) {
                x = warp_merged(x, merge);
            }
            if (lane() == 0) {
                finish(r, x);
            }
        }
        half ^= 1;
        __syncthreads();
    }

    /* Where a number below the total of row 0 lies. */
    struct Place {
        Whole total;
        Whole goal;
        Whole before; /* what the warps before the owner's have */
        int owner;    /* a warp of the team, in order of blocks */
    };

    /* goal(total) is in [0, total), or anything where the total is 0. The same on all threads, all of which call it. */
    template <class Goal>
    DEVICE Place place_of(Goal goal) {
        constexpr int EACH = CLUSTER ? 8 * WARPS / WARP : 1;
        meet();
        Whole mine[EACH];
        Whole sum = 0;
        UNROLL
        for (int k = 0; k < EACH; k++) {
            const int i = lane() * EACH + k;
            mine[k] = i < blocks * WARPS ? *at(&shared.partials[half][0][i % WARPS], i / WARPS) : 0;
            sum += mine[k];
        }
        half ^= 1;
        const Whole through = warp_running_sum(sum);
        Place place;
        place.total = __shfl_sync(ALL_LANES, through, WARP - 1);
        place.goal = goal(place.total);
        const unsigned beyond = __ballot_sync(ALL_LANES, through > place.goal);
        const int owner_lane = beyond != 0 ? __ffs((int)beyond) - 1 : 0;
        Whole before = through - sum;
        int owner = lane() * EACH;
        UNROLL
        for (int k = 0; k < EACH - 1; k++) {
            const bool passes = owner == lane() * EACH + k && before + mine[k] <= place.goal;
            before += passes ? mine[k] : 0;
            owner += passes ? 1 : 0;
        }
        place.before = __shfl_sync(ALL_LANES, before, owner_lane);
        place.owner = __shfl_sync(ALL_LANES, owner, owner_lane);
        return place;
    }
};
