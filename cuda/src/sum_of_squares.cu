/*
 * The sum of squares of x in double, in an order that depends on n only and without memory beside the result: the array is cut into PARTS contiguous
 * parts, a block's 1,024 threads add one each, and the parts are added in order. The blocks are one cluster and give each other their sums through
 * shared memory; where a device has no clusters one block takes the parts in turn, to the same bits.
 */
#include "reduce.cuh"

namespace {

constexpr int THREADS = 1024;
constexpr int PARTS = 8; /* the largest cluster that every device with clusters takes */

/* The sum over part `part`, on every thread. */
DEVICE double part_sum(const float* x, int64_t n, int part, double* partials) {
    const int64_t length = (n + PARTS - 1) / PARTS;
    const int64_t first = part * length;
    const int64_t last = first + length < n ? first + length : n;
    double sum = 0;
    for (int64_t i = first + threadIdx.x; i < last; i += THREADS) {
        sum += (double)x[i] * (double)x[i];
    }
    return block_sum<THREADS>(sum, partials);
}

/* Shared memory: the part's sum, then block_sum's partials. */
__global__ void __launch_bounds__(THREADS) cluster_kernel(double* sum, const float* x, int64_t n) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
    double* shared = shared_memory<double>();
    const double part = part_sum(x, n, (int)cluster_rank(), shared + 1);
    if (threadIdx.x == 0) {
        shared[0] = part;
    }
    cluster_barrier();
    if (cluster_rank() == 0 && threadIdx.x == 0) {
        double total = 0;
        for (unsigned p = 0; p < PARTS; p++) {
            total += *in_cluster(shared, p);
        }
        *sum = total;
    }
    /* A block's shared memory must outlive the reads of it. */
    cluster_barrier();
#endif
}

__global__ void __launch_bounds__(THREADS) block_kernel(double* sum, const float* x, int64_t n) {
    double total = 0;
    for (int part = 0; part < PARTS; part++) {
        total += part_sum(x, n, part, shared_memory<double>());
    }
    if (threadIdx.x == 0) {
        *sum = total;
    }
}

}  // namespace

extern "C" int32_t adaspec_sum_of_squares(double* sum, const float* x, int64_t n, void* stream) {
    REQUIRE(n >= 0, "sum_of_squares: negative size %lld", (long long)n);
    const size_t shared = (THREADS / WARP + 1) * sizeof(double);
    if (has_clusters()) {
        return launch("sum_of_squares", cluster_kernel, {PARTS, THREADS, shared, PARTS}, stream, sum, x, n);
    }
    return launch("sum_of_squares", block_kernel, {1, THREADS, shared}, stream, sum, x, n);
}
