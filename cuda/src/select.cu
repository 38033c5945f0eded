/*
 * The rows whose gap reaches the quantile 1 - k, as torch.quantile has it; one block, of 256 threads for up to 4,096 rows (a
 * barrier of eight warps costs less) and 1,024 for more. The two neighbours of the quantile are found by
 * radix selection over the floats' bytes (counts are integers: their order of addition does not matter), then the rows are listed in order. N floats are
 * read nine times, from the second-level cache: latency, not bytes, is what this costs (some 10 microseconds), and nothing goes back to the host.
 */
#include "device.cuh"

namespace {

constexpr int MOST_WARPS = 1024 / WARP;
constexpr int BINS = 256;

/* The block's shared memory. */
struct Shared {
    int histogram[BINS];
    int counts[MOST_WARPS];
    int byte;
    int rank;
};

/* Order of f32 as order of unsigned integers. -0 and +0 differ here; the comparison with the threshold is by value. */
DEVICE uint32_t key_of(float x) {
    const uint32_t bits = __float_as_uint(x);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

DEVICE float value_of(uint32_t key) {
    return __uint_as_float(key & 0x80000000u ? key & 0x7fffffffu : ~key);
}

/* The value of rank `rank` (0: smallest), on every thread, by four rounds over the bytes. */
template <int THREADS>
DEVICE float value_at_rank(Shared& shared, const float* x, int64_t n, int rank) {
    uint32_t prefix = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        const uint32_t mask = shift == 24 ? 0 : 0xffffffffu << (shift + 8);
        for (int bin = (int)threadIdx.x; bin < BINS; bin += THREADS) {
            shared.histogram[bin] = 0;
        }
        __syncthreads();
        for (int64_t i = threadIdx.x; i < n; i += THREADS) {
            const uint32_t key = key_of(x[i]);
            if ((key & mask) == prefix) {
                atomicAdd(&shared.histogram[key >> shift & 255], 1);
            }
        }
        __syncthreads();
        if (threadIdx.x == 0) {
            int byte = 0;
            int left = rank;
            while (left >= shared.histogram[byte]) {
                left -= shared.histogram[byte];
                byte++;
            }
            shared.byte = byte;
            shared.rank = left;
        }
        __syncthreads();
        prefix |= (uint32_t)shared.byte << shift;
        rank = shared.rank;
        __syncthreads();
    }
    return value_of(prefix);
}

/* torch.quantile's linear interpolation: the two-branch lerp, each branch one fused multiply-add as in PyTorch's kernels. */
DEVICE float lerp_as_torch(float below, float above, float weight) {
    const float step = above - below;
    return weight < 0.5f ? fmaf(weight, step, below) : fmaf(weight - 1.0f, step, above);
}

/* Lists the i in [0, n) with wanted(i) in ascending order; their number on every thread. list may be null. */
template <int THREADS, class Wanted>
DEVICE int list_rows(Shared& shared, int32_t* list, int64_t n, Wanted wanted) {
    const int lane = (int)threadIdx.x % WARP;
    const int warp = (int)threadIdx.x / WARP;
    int before = 0;
    for (int64_t from = 0; from < n; from += THREADS) {
        const int64_t i = from + threadIdx.x;
        const bool mine = i < n && wanted(i);
        const unsigned votes = __ballot_sync(ALL_LANES, mine);
        if (lane == 0) {
            shared.counts[warp] = __popc(votes);
        }
        __syncthreads();
        int place = before + __popc(votes & ((1u << lane) - 1));
        int total = 0;
        for (int w = 0; w < THREADS / WARP; w++) {
            place += w < warp ? shared.counts[w] : 0;
            total += shared.counts[w];
        }
        if (mine && list != nullptr) {
            list[place] = (int32_t)i;
        }
        before += total;
        __syncthreads();
    }
    return before;
}

template <int THREADS>
__global__ void __launch_bounds__(THREADS) select_kernel(int32_t* kept_rows, int32_t* kept, const float* gap, float quantile, int64_t n) {
    Shared& shared = *shared_memory<Shared>();
    if (list_rows<THREADS>(shared, nullptr, n, [=](int64_t i) { return gap[i] != gap[i]; }) > 0) {
        if (threadIdx.x == 0) {
            *kept = 0;
        }
        return;
    }
    const float rank = __fmul_rn(quantile, (float)(n - 1));
    const int below = (int)floorf(rank);
    const int above = (int64_t)ceilf(rank) < n ? (int)ceilf(rank) : (int)(n - 1);
    const float low = value_at_rank<THREADS>(shared, gap, n, below);
    const float high = above == below ? low : value_at_rank<THREADS>(shared, gap, n, above);
    const float threshold = lerp_as_torch(low, high, rank - (float)below);
    const int count = list_rows<THREADS>(shared, kept_rows, n, [=](int64_t i) { return gap[i] >= threshold; });
    if (threadIdx.x == 0) {
        *kept = count;
    }
}

}  // namespace

extern "C" int32_t adaspec_select(int32_t* kept_rows, int32_t* kept, const float* gap, double k, float*, int64_t n, void* stream) {
    REQUIRE(n >= 1 && n <= INT32_MAX, "select: %lld rows; at least one was expected", (long long)n);
    REQUIRE(k >= 0 && k <= 1, "select: k is %g; a share between 0 and 1 was expected", k);
    const bool few = n <= 4096;
    const auto kernel = few ? select_kernel<256> : select_kernel<1024>;
    return launch("select", kernel, {1, few ? 256 : 1024, sizeof(Shared)}, stream, kept_rows, kept, gap, (float)(1 - k), n);
}
