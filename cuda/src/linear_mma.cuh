/*
 * out = x weight^T + bias for 16-bit weights on matrix units, m16n8k16 with f32 accumulators: outputs are the 16, rows of x the 8, so that one row costs no
 * more than eight and every weight is read once for all rows of a block.
 *
 * x is cut into three bf16 numbers of eight bits each, which add up to it exactly (above 2^-110; below it to within 2^-134), an f16 weight into two. A unit
 * multiplies exactly, but its sums are cut toward zero; so the products of the leading parts have an accumulator of their own, and what the units sum
 * is short: 16 products of matrices, then the two accumulators are added to a sum that rounds to nearest.
 *
 * The order of a dot product is fixed by k alone: columns go by steps of 32, steps to eight slices of consecutive ones, a slice's steps to groups of eight,
 * whose sums are added in order; so are the slices'. Eight warps of a block have the slices of the same outputs, or eight blocks of a cluster: what
 * that and the numbers of outputs and rows decide is only what is read how often. The place of a row among the eight of a product does not change its
 * bits: an element of the result is the same function of its row, its column and what it is added to in every place.
 *
 * The columns of a step are dealt so that a lane's are eight in a row, 16 bytes of a weight: since both operands are dealt alike, the sum is over the same
 * columns. A lane copies to shared memory what it alone will read, several steps ahead and without barriers. x comes from the caches, one step ahead.
 */
#pragma once

#include "element.cuh"

namespace linear {

constexpr int WARPS = 8;
constexpr int THREADS = WARPS * WARP;
constexpr int SLICES = 8;
constexpr int STEP = 32;
constexpr int GROUP_STEPS = 8;
/* Consecutive columns of a step that a lane has. */
constexpr int RUN = 8;

/* The arguments. aligned_x, aligned_weight: rows of x, rows of the weights begin at multiples of 16 bytes. */
template <class Type>
struct Linear {
    float* out;
    int64_t ld_out;
    const float* x;
    int64_t ld_x;
    const typename Type::element* weight;
    int64_t ld_weight;
    const float* bias;
    int64_t m;
    int64_t n;
    int64_t k;
    bool aligned_x;
    bool aligned_weight;
};

/* The upper halves of two numbers, a's in the lower half: the numbers cut to bf16. */
DEVICE uint32_t upper_halves(float a, float b) {
    return __byte_perm(__float_as_uint(a), __float_as_uint(b), 0x7632);
}

/* What cutting to bf16 leaves of x: exact. NaN for an infinity. */
DEVICE float without_upper_half(float x) {
    return x - __uint_as_float(__float_as_uint(x) & 0xffff0000u);
}

/* The parts of two numbers, the leading one first: PARTS times eight bits. */
template <int PARTS>
DEVICE void split(uint32_t (&parts)[PARTS], float a, float b) {
    UNROLL
    for (int p = 0; p < PARTS; p++) {
        parts[p] = upper_halves(a, b);
        a = without_upper_half(a);
        b = without_upper_half(b);
    }
}

template <class Type>
constexpr int WEIGHT_PARTS = 1;
template <>
constexpr int WEIGHT_PARTS<F16> = 2;

/* The parts of two stored weights. */
template <class Type>
DEVICE void split_weights(uint32_t (&parts)[WEIGHT_PARTS<Type>], uint32_t pair) {
    if constexpr (WEIGHT_PARTS<Type> == 1) {
        parts[0] = pair;
    } else {
        split(parts, Type::widen((uint16_t)(pair & 0xffffu)), Type::widen((uint16_t)(pair >> 16)));
    }
}

/*
 * A block of eight warps, TILES tiles of 16 outputs a warp, ROWS tiles of 8 rows, STAGES steps of weights in shared memory. Not CLUSTERED: the warps have
 * the slices of the same outputs. CLUSTERED: they have different outputs of one slice, and the blocks of a cluster the slices.
 */
template <bool CLUSTERED, int TILES, int ROWS, int STAGES>
struct Shape {
    static constexpr int OUTPUTS = (CLUSTERED ? WARPS : 1) * TILES * 16;
    static constexpr int CLUSTER = CLUSTERED ? SLICES : 1;
    static constexpr size_t RING = (size_t)STAGES * TILES * 2 * THREADS * sizeof(uint4);
    static constexpr size_t SUMS = (size_t)TILES * ROWS * THREADS * sizeof(float4);
};

/* The weights of one step for a warp's tiles: those of output tile t and half h (rows g and g + 8) at [(t * 2 + h) * THREADS]. */
template <class Type, int TILES>
DEVICE void fetch_weights(uint4* to, const Linear<Type>& a, int64_t first_output, int64_t column) {
    typedef typename Type::element element;
    UNROLL
    for (int t = 0; t < TILES * 2; t++) {
        const int64_t output = first_output + t * 8;
        const int64_t left = output < a.n ? a.k - column : 0;
        const int count = left < 0 ? 0 : left < RUN ? (int)left : RUN;
        const element* from = a.weight + (count > 0 ? output * a.ld_weight + column : 0);
        if (a.aligned_weight) {
            async_copy_16(to + t * THREADS, from, count * (int)sizeof(element));
        } else {
            uint32_t words[4];
            UNROLL
            for (int w = 0; w < 4; w++) {
                words[w] = (2 * w < count ? (uint32_t)from[2 * w] : 0u) | (2 * w + 1 < count ? (uint32_t)from[2 * w + 1] << 16 : 0u);
            }
            to[t * THREADS] = {words[0], words[1], words[2], words[3]};
        }
    }
}

/* Columns column .. column + 3 of a row of x, zeros past k and past the last row. */
template <class Type>
DEVICE float4 fetch_x(const Linear<Type>& a, int64_t row, int64_t column) {
    float four[4] = {};
    if (row < a.m) {
        const float* from = a.x + row * a.ld_x + column;
        if (a.aligned_x && column + 4 <= a.k) {
            return __ldg(reinterpret_cast<const float4*>(from));
        }
        UNROLL
        for (int e = 0; e < 4; e++) {
            four[e] = column + e < a.k ? from[e] : 0.0f;
        }
    }
    return {four[0], four[1], four[2], four[3]};
}

/* x weight for one output by fused multiply-adds in the order of columns. */
template <class Type>
DEVICE float plain_dot(const Linear<Type>& a, int64_t row, int64_t output) {
    float sum = 0;
    for (int64_t i = 0; i < a.k; i++) {
        sum = fmaf(a.x[row * a.ld_x + i], Type::widen(a.weight[output * a.ld_weight + i]), sum);
    }
    return sum;
}

template <class Type>
DEVICE void store(const Linear<Type>& a, int64_t row, int64_t output, float sum) {
    if (row < a.m && output < a.n) {
        /* An infinity has no parts, and an infinite weight no product with a part that is 0; where one was met, and only there, the sum is not finite. */
        const float value = sum - sum == 0.0f ? sum : plain_dot(a, row, output);
        a.out[row * a.ld_out + output] = a.bias != nullptr ? value + a.bias[output] : value;
    }
}

/* The sum of this warp's slice, in tile t * ROWS + r of `sums`. */
template <class Type, int TILES, int ROWS, int STAGES>
DEVICE void sum_slice(float4* sums, uint4* ring, const Linear<Type>& a, int64_t first_output, int64_t first_row, int slice) {
    constexpr int PARTS = WEIGHT_PARTS<Type>;
    const int lane = (int)threadIdx.x % WARP;
    const int64_t steps = (a.k + STEP - 1) / STEP;
    const int64_t each = (steps + SLICES - 1) / SLICES;
    const int64_t begin = slice * each < steps ? slice * each : steps;
    const int64_t end = begin + each < steps ? begin + each : steps;
    const int64_t output = first_output + lane / 4;
    const int64_t row = first_row + lane / 4;
    const int offset = lane % 4 * RUN;
    const auto fetch = [&](int64_t step, int stage) {
        if (step < end) {
            fetch_weights<Type, TILES>(ring + stage * TILES * 2 * THREADS, a, output, step * STEP + offset);
        }
        async_commit();
    };
    for (int s = 0; s < STAGES - 1; s++) {
        fetch(begin + s, s);
    }
    float4 x[ROWS][2];
    UNROLL
    for (int r = 0; r < ROWS; r++) {
        UNROLL
        for (int j = 0; j < 2; j++) {
            x[r][j] = fetch_x(a, row + r * 8, begin * STEP + offset + j * 4);
        }
    }
    float leading[TILES][ROWS][4] = {};
    float rest[TILES][ROWS][4] = {};
    int stage = 0;
    for (int64_t step = begin; step < end; step++) {
        async_wait<STAGES - 2>();
        fetch(step + STAGES - 1, stage == 0 ? STAGES - 1 : stage - 1);
        const uint4* weights = ring + stage * TILES * 2 * THREADS;
        stage = stage == STAGES - 1 ? 0 : stage + 1;
        UNROLL
        for (int j = 0; j < 2; j++) {
            uint32_t w[PARTS][TILES][4];
            UNROLL
            for (int t = 0; t < TILES; t++) {
                UNROLL
                for (int half = 0; half < 2; half++) {
                    const uint2 four = reinterpret_cast<const uint2*>(weights + (t * 2 + half) * THREADS)[j];
                    uint32_t first[PARTS];
                    uint32_t second[PARTS];
                    split_weights<Type>(first, four.x);
                    split_weights<Type>(second, four.y);
                    UNROLL
                    for (int p = 0; p < PARTS; p++) {
                        w[p][t][half] = first[p];
                        w[p][t][half + 2] = second[p];
                    }
                }
            }
            UNROLL
            for (int r = 0; r < ROWS; r++) {
                uint32_t first[3];
                uint32_t second[3];
                split(first, x[r][j].x, x[r][j].y);
                split(second, x[r][j].z, x[r][j].w);
                if (step + 1 < end) {
                    x[r][j] = fetch_x(a, row + r * 8, (step + 1) * STEP + offset + j * 4);
                }
                UNROLL
                for (int p = 2; p >= 0; p--) {
                    const uint32_t part[2] = {first[p], second[p]};
                    UNROLL
                    for (int q = PARTS - 1; q >= 0; q--) {
                        UNROLL
                        for (int t = 0; t < TILES; t++) {
                            mma_bf16(p + q == 0 ? leading[t][r] : rest[t][r], w[q][t], part);
                        }
                    }
                }
            }
        }
        if ((step + 1 - begin) % GROUP_STEPS == 0 || step + 1 == end) {
            UNROLL
            for (int t = 0; t < TILES; t++) {
                UNROLL
                for (int r = 0; r < ROWS; r++) {
                    float4 sum = sums[(t * ROWS + r) * THREADS];
                    float(&big)[4] = leading[t][r];
                    float(&small)[4] = rest[t][r];
                    sum.x += big[0] + small[0];
                    sum.y += big[1] + small[1];
                    sum.z += big[2] + small[2];
                    sum.w += big[3] + small[3];
                    sums[(t * ROWS + r) * THREADS] = sum;
                    UNROLL
                    for (int e = 0; e < 4; e++) {
                        big[e] = 0;
                        small[e] = 0;
                    }
                }
            }
        }
    }
}

template <class Type, bool CLUSTERED, int TILES, int ROWS, int STAGES, int BLOCKS>
__global__ void __launch_bounds__(THREADS, BLOCKS) linear_mma_kernel(Linear<Type> a, int64_t row_tiles) {
    typedef Shape<CLUSTERED, TILES, ROWS, STAGES> Shape;
    const int warp = (int)threadIdx.x / WARP;
    uint4* ring = shared_memory<uint4>();
    float4* sums = reinterpret_cast<float4*>(ring + Shape::RING / sizeof(uint4)); /* (TILES * ROWS, THREADS) */
    int rank = 0;
    if constexpr (CLUSTERED) {
        rank = (int)cluster_rank();
    }
    /* Blocks with the same weights are neighbours. */
    const int64_t block = blockIdx.x / Shape::CLUSTER;
    const int64_t first_row = block % row_tiles * (ROWS * 8);
    const int64_t first_output = block / row_tiles * Shape::OUTPUTS;
    UNROLL
    for (int t = 0; t < TILES * ROWS; t++) {
        sums[t * THREADS + (int)threadIdx.x] = {0.0f, 0.0f, 0.0f, 0.0f};
    }
    const int64_t warp_output = first_output + (CLUSTERED ? warp * TILES * 16 : 0);
    if (warp_output < a.n) {
        sum_slice<Type, TILES, ROWS, STAGES>(
            sums + threadIdx.x, ring + threadIdx.x, a, warp_output, first_row, CLUSTERED ? rank : warp);
    }
    if constexpr (CLUSTERED) {
        cluster_barrier();
    } else {
        __syncthreads();
    }
    /* Each thread adds the slices of a place of a lane and tile: those of a warp's tiles, or of all warps', shared by the blocks. */
    constexpr int PLACES = TILES * ROWS * (CLUSTERED ? THREADS : WARP);
    for (int place = rank * THREADS + (int)threadIdx.x; place < PLACES; place += Shape::CLUSTER * THREADS) {
        const int tile = place / (CLUSTERED ? THREADS : WARP);
        float4 sum = {0.0f, 0.0f, 0.0f, 0.0f};
        UNROLL
        for (int s = 0; s < SLICES; s++) {
            const float4* from;
            if constexpr (CLUSTERED) {
                from = in_cluster(sums + place, (unsigned)s);
            } else {
                from = sums + tile * THREADS + s * WARP + place % WARP;
            }
            const float4 part = *from;
            sum.x += part.x;
            sum.y += part.y;
            sum.z += part.z;
            sum.w += part.w;
        }
        const int from_lane = place % WARP;
        const int64_t output = first_output + (CLUSTERED ? place % THREADS / WARP * TILES * 16 : 0) + tile / ROWS * 16 + from_lane / 4;
        const int64_t row = first_row + tile % ROWS * 8 + from_lane % 4 * 2;
        store(a, row, output, sum.x);
        store(a, row + 1, output, sum.y);
        store(a, row, output + 8, sum.z);
        store(a, row + 1, output + 8, sum.w);
    }
    if constexpr (CLUSTERED) {
        /* The others may still read this block's sums. */
        cluster_barrier();
    }
}

/* BLOCKS: as many on a multiprocessor as the registers must allow. */
template <bool CLUSTERED, int TILES, int ROWS, int STAGES, int BLOCKS, class Type>
int32_t run_mma(const Linear<Type>& a, void* stream) {
    typedef Shape<CLUSTERED, TILES, ROWS, STAGES> Shape;
    const int64_t row_tiles = (a.m + ROWS * 8 - 1) / (ROWS * 8);
    const int64_t output_tiles = (a.n + Shape::OUTPUTS - 1) / Shape::OUTPUTS;
    const Grid grid = {(unsigned)(row_tiles * output_tiles * Shape::CLUSTER), THREADS, Shape::RING + Shape::SUMS, Shape::CLUSTER};
    return launch("linear_rows", linear_mma_kernel<Type, CLUSTERED, TILES, ROWS, STAGES, BLOCKS>, grid, stream, a, row_tiles);
}

/*
 * Up to eight rows the weights are nearly all that is read. For more, x would be read by every multiprocessor as a whole; where a cluster has the slices,
 * one reads an eighth of it, for 256 outputs.
 */
template <class Type>
int32_t linear_mma(const Linear<Type>& a, void* stream) {
    if (a.m <= 8) {
        /* As many small blocks as fill the devices of today twice over, else larger ones, which read x half as often. */
        return a.n <= 16 * 2 * 132 ? run_mma<false, 1, 1, 5, 3>(a, stream) : run_mma<false, 2, 1, 4, 2>(a, stream);
    }
    if (!has_clusters()) {
        return a.m <= 16 ? run_mma<false, 2, 2, 4, 2>(a, stream) : run_mma<false, 2, 4, 4, 1>(a, stream);
    }
    return a.m <= 16 ? run_mma<true, 2, 2, 4, 2>(a, stream) : run_mma<true, 2, 4, 4, 1>(a, stream);
}

}  // namespace linear
