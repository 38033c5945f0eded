/*
 * Slices of rows in the shared memory of a cluster's blocks: each block has its part of every row, brought by bulk copies while earlier rows are worked
 * on. Rows that come together are a stage; there are one or two.
 */
#pragma once

#include "draw.cuh"

constexpr int CLUSTER_THREADS = 256;

/* A row this short is read sooner by one block. */
constexpr int64_t SHORT_ROW = 4096;

/* How a cluster is laid out. blocks is 0 where there should be none. */
struct SlicePlan {
    int blocks;
    int slice_bytes;
    int stages;
    int stage_rows;
};

/* Behind a kernel's own shared memory lie the bins of as many rows as it works on at once, and behind them the slices. */
inline size_t bytes_of_bins(int rows) {
    return (size_t)2 * (size_t)rows * BINS * sizeof(Whole);
}

/*
 * For `sequences` clusters over rows of v logits, `rows` of each at most, `rows_at_once` at least at a time. Where clusters are many, two blocks share a
 * multiprocessor: one computes while the other waits. What is found does not depend on the plan.
 */
inline SlicePlan plan_slices(int64_t sequences, int64_t v, int32_t type, int64_t rows, int rows_at_once) {
    constexpr int64_t MULTIPROCESSORS = 132;
    SlicePlan plan = {0, 0, 0, 0};
    if (v <= SHORT_ROW || !has_clusters()) {
        return plan;
    }
    const int blocks = v > 65536 || sequences * 8 <= MULTIPROCESSORS ? 8 : 4;
    const int64_t groups = (v + GROUP - 1) / GROUP;
    const int64_t slice = (groups + blocks - 1) / blocks * GROUP * element_bytes(type);
    const int64_t bins = (int64_t)bytes_of_bins(1);
    /* A multiprocessor's 227 KiB, or half of them, without what a kernel has of its own. */
    const int64_t most = most_shared_bytes() - (11 << 10);
    for (int64_t room : {sequences * blocks > MULTIPROCESSORS ? most / 2 - 1024 : most, most}) {
        const int64_t fitting = room / (slice + bins);
        const int64_t halves = room / (2 * slice + bins);
        const int64_t half = halves < ROWS ? halves : ROWS;
        if (rows <= fitting && rows <= ROWS) {
            plan = {blocks, (int)slice, 1, (int)rows};
        } else if (half >= rows_at_once) {
            plan = {blocks, (int)slice, 2, (int)(half / rows_at_once * rows_at_once)};
        } else if (fitting >= rows_at_once) {
            plan = {blocks, (int)slice, 1, rows_at_once};
        }
        if (plan.blocks != 0) {
            break;
        }
    }
    return plan;
}

inline size_t bytes_of_slices(const SlicePlan& plan) {
    return (size_t)plan.stages * (size_t)plan.stage_rows * (size_t)plan.slice_bytes;
}

struct Slices {
    uint64_t* full; /* a barrier a stage */
    unsigned char* memory;
    int slice_bytes;
    int stage_rows;
    int64_t from; /* byte of a row where this block's slice begins */
    unsigned bytes;  /* that are copied: whole groups */
    unsigned parities = 0;
    unsigned under_way = 0;

    DEVICE unsigned char* at(int stage, int r) const {
        return memory + (int64_t)(stage * stage_rows + r) * slice_bytes;
    }

#if ADASPEC_CLUSTERS
    /* All threads. */
    DEVICE void init() const {
        if (threadIdx.x == 0) {
            barrier_init(full, 1);
            barrier_init(full + 1, 1);
            barrier_init_fence();
        }
        __syncthreads();
    }
    /* Asks for the slices of rows row_at(r). No thread of the block reads the stage any more. All threads. */
    template <class RowAt>
    DEVICE void begin(int stage, int rows, const RowAt& row_at) {
        if (threadIdx.x == 0) {
            barrier_arrive_expecting(full + stage, bytes * (unsigned)rows);
            for (int r = 0; r < rows && bytes > 0; r++) {
                bulk_copy(at(stage, r), row_at(r) + from, bytes, full + stage);
            }
        }
        under_way |= 1u << stage;
    }
    /* Returns when the stage's slices are there. All threads. */
    DEVICE void wait(int stage) {
        if ((under_way >> stage & 1) != 0) {
            barrier_wait(full + stage, parities >> stage & 1);
            parities ^= 1u << stage;
            under_way &= ~(1u << stage);
        }
    }
    /* A block must not end before its copies have come. */
    DEVICE void drain() {
        wait(0);
        wait(1);
    }
#endif
};

/* This block's part of rows of v logits of `size` bytes. */
template <class Team>
DEVICE Slices slices_of(const Team& team, uint64_t* full, unsigned char* memory, const SlicePlan& plan, int32_t v, int size) {
    const int32_t groups = (v + GROUP - 1) / GROUP;
    const int32_t in_block = (groups + team.blocks - 1) / team.blocks;
    const int32_t first = team.rank * in_block;
    const int32_t complete = v / GROUP;
    const int32_t end = first + in_block < complete ? first + in_block : complete;
    const unsigned bytes = end > first ? (unsigned)((end - first) * GROUP * size) : 0;
    return {full, memory, plan.slice_bytes, plan.stage_rows, (int64_t)first * GROUP * size, bytes};
}
