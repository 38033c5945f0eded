/*
 * What nvcc and the emulator (cuda/emulator) say differently, by one name each; and the launch of a kernel. Kernels use nothing beyond this and the
 * built-ins that the emulator has.
 *
 * Shared memory is always dynamic: shared_memory<T>() is its start, and the launch says how much.
 */
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <type_traits>

#include "../host/status.h"

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#else
#include "../emulator/emulator.h"
#endif

#define DEVICE __device__ __forceinline__

/* UNROLL: before a loop of a fixed number of rounds whose arrays must lie in registers. UNROLL_4: where more rounds at once would not fit them. */
#if defined(__CUDACC__)
#define UNROLL _Pragma("unroll")
#define UNROLL_4 _Pragma("unroll 4")
#else
#define UNROLL _Pragma("GCC unroll 16")
#define UNROLL_4 _Pragma("GCC unroll 4")
#endif

/* Whether what is being compiled may have clusters and bulk copies. */
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define ADASPEC_CLUSTERS 1
#else
#define ADASPEC_CLUSTERS 0
#endif

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;

/* T where it must not be deduced: arguments convert to a kernel's parameters as in a call. */
template <class T>
struct GivenType {
    typedef T type;
};
template <class T>
using Given = typename GivenType<T>::type;

/* blocks of `threads` threads with `shared_bytes` of shared memory each, in clusters of `cluster` blocks along x. */
struct Grid {
    dim3 blocks;
    int threads;
    size_t shared_bytes = 0;
    int cluster = 1;
};

#if defined(__CUDACC__)

template <class T>
DEVICE T* shared_memory() {
    extern __shared__ __align__(128) unsigned char adaspec_shared[];
    return reinterpret_cast<T*>(adaspec_shared);
}

/* 2^x to about 2 ulp; -inf gives 0. */
DEVICE float exp2_fast(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/* The larger; NaN (the positive one) where either is NaN. */
DEVICE float max_or_nan(float a, float b) {
    float c;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(c) : "f"(a), "f"(b));
    return c;
}

DEVICE unsigned shared_address(const void* p) {
    return (unsigned)__cvta_generic_to_shared(p);
}

#if ADASPEC_CLUSTERS

/* A barrier in shared memory that `arrivals` threads and the announced bytes of bulk copies complete. One thread, then init_fence and __syncthreads. */
DEVICE void barrier_init(uint64_t* barrier, unsigned arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(arrivals));
}

DEVICE void barrier_init_fence() {
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

DEVICE void barrier_arrive(uint64_t* barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier)) : "memory");
}

/* Arrives, and announces bytes that the phase also waits for. */
DEVICE void barrier_arrive_expecting(uint64_t* barrier, unsigned bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)), "r"(bytes) : "memory");
}

/* Returns when the phase of that parity (0 for the first) is complete. */
DEVICE void barrier_wait(uint64_t* barrier, unsigned parity) {
    asm volatile(
        "{\n"
        ".reg .pred complete;\n"
        "WAIT:\n"
        "mbarrier.try_wait.parity.shared::cta.b64 complete, [%0], %1;\n"
        "@complete bra DONE;\n"
        "bra WAIT;\n"
        "DONE:\n"
        "}" ::"r"(shared_address(barrier)), "r"(parity) : "memory");
}

/* Asynchronous; both addresses and bytes are multiples of 16. */
DEVICE void bulk_copy(void* shared, const void* global, unsigned bytes, uint64_t* barrier) {
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(shared_address(shared)), "l"(global),
        "r"(bytes), "r"(shared_address(barrier)) : "memory");
}

DEVICE unsigned cluster_rank() {
    unsigned rank;
    asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}

/* All threads of the cluster's blocks, and what they wrote to each other's shared memory. */
DEVICE void cluster_barrier() {
    /* Lanes that went separate ways come together: the barrier takes warps. */
    __syncwarp();
    asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

/* The same place in the shared memory of block `rank` of the cluster. */
template <class T>
DEVICE T* in_cluster(T* shared, unsigned rank) {
    T* there;
    asm("mapa.u64 %0, %1, %2;" : "=l"(there) : "l"(shared), "r"(rank));
    return there;
}

#else

/* Compiled for devices without, so that kernels need no two versions, and never reached there: who launches asks has_clusters(). */
DEVICE void barrier_init(uint64_t*, unsigned) {
    __trap();
}

DEVICE void barrier_init_fence() {
    __trap();
}

DEVICE void barrier_arrive(uint64_t*) {
    __trap();
}

DEVICE void barrier_arrive_expecting(uint64_t*, unsigned) {
    __trap();
}

DEVICE void barrier_wait(uint64_t*, unsigned) {
    __trap();
}

DEVICE void bulk_copy(void*, const void*, unsigned, uint64_t*) {
    __trap();
}

DEVICE unsigned cluster_rank() {
    __trap();
    return 0;
}

DEVICE void cluster_barrier() {
    __trap();
}

template <class T>
DEVICE T* in_cluster(T* shared, unsigned) {
    __trap();
    return shared;
}

#endif

/*
 * Asynchronous: the first `bytes` (0 to 16) of 16 from `global`, then zeros; past the second-level cache's line nothing is kept. Both addresses are multiples
 * of 16. What was asked for since the last async_commit is a group; the asking thread sees it after async_wait, the others after a barrier behind that.
 */
DEVICE void async_copy_16(void* shared, const void* global, int bytes) {
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global), "r"(bytes) : "memory");
}

DEVICE void async_commit() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}

/* Returns when at most the LEFT latest of this thread's groups are under way. */
template <int LEFT>
DEVICE void async_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory");
}

/*
 * d (16, 8) += a (16, 16) b (16, 8) of bf16 numbers, two in a register, the lower index in its lower half. Lane l, g = l / 4 and t = 2 (l % 4), holds
 *
 *   a[0] (g, t..), a[1] (g + 8, t..), a[2] (g, t + 8..), a[3] (g + 8, t + 8..);  b[0] (t.., g), b[1] (t + 8.., g)
 *   d[0], d[1] (g, t..), d[2], d[3] (g + 8, t..)
 *
 * Products are exact; the order and the rounding of the sum are not specified, and are toward zero on the devices there are.
 */
DEVICE void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* Barrier `id` (1 to 15) of the block for `threads` of its threads. */
DEVICE void named_barrier(int id, int threads) {
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

/* Whether the current device has clusters and bulk copies (9.0 and later). */
inline bool has_clusters() {
    int device = 0;
    int major = 0;
    return cudaGetDevice(&device) == cudaSuccess && cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess
        && major >= 9;
}

/* Bytes of shared memory that a block may have. */
inline int64_t most_shared_bytes() {
    int device = 0;
    int bytes = 0;
    return cudaGetDevice(&device) == cudaSuccess && cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) == cudaSuccess
        ? bytes : 48 << 10;
}

/* The launch of a grid; `cluster` must live as long. */
inline cudaLaunchConfig_t config_of(const Grid& grid, void* stream, cudaLaunchAttribute& cluster) {
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim.x = (unsigned)grid.cluster;
    cluster.val.clusterDim.y = 1;
    cluster.val.clusterDim.z = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = grid.blocks;
    config.blockDim = dim3((unsigned)grid.threads);
    config.dynamicSmemBytes = grid.shared_bytes;
    config.stream = (cudaStream_t)stream;
    config.attrs = &cluster;
    config.numAttrs = grid.cluster > 1 ? 1 : 0;
    return config;
}

/*
 * More than 48 KB of shared memory must be asked for. All there is, whatever this launch takes: it is a property of the kernel, and who asks for less
 * must not take it from another thread that is about to launch the kernel with more.
 */
inline cudaError_t allow_shared(const void* kernel, size_t bytes) {
    if (bytes <= 48 << 10) {
        return cudaSuccess;
    }
    const int64_t most = most_shared_bytes();
    return (int64_t)bytes > most ? cudaErrorInvalidValue : cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)most);
}

/* How many of the grid's clusters the device runs at once: as many as a kernel launches that takes its work in turns. 0: none fits. */
template <class... Parameters>
inline int64_t clusters_at_once(void (*kernel)(Parameters...), const Grid& grid) {
    cudaLaunchAttribute cluster;
    const cudaLaunchConfig_t config = config_of(grid, nullptr, cluster);
    int count = 0;
    if (allow_shared((const void*)kernel, grid.shared_bytes) != cudaSuccess) {
        return 0;
    }
    if (grid.cluster > 1) {
        return cudaOccupancyMaxActiveClusters(&count, kernel, &config) == cudaSuccess ? count : 0;
    }
    int device = 0;
    int processors = 0;
    return cudaGetDevice(&device) == cudaSuccess && cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device) == cudaSuccess
            && cudaOccupancyMaxActiveBlocksPerMultiprocessor(&count, kernel, grid.threads, grid.shared_bytes) == cudaSuccess
        ? (int64_t)count * processors : 0;
}

/* Puts the kernel on the stream; a refusal by the device becomes a sentence. No blocks: nothing to do. */
template <class... Parameters>
inline int32_t launch(
    const char* operation, void (*kernel)(Parameters...), const Grid& grid, void* stream, Given<Parameters>... arguments) {
    if ((uint64_t)grid.blocks.x * grid.blocks.y * grid.blocks.z == 0) {
        return ADASPEC_OK;
    }
    cudaLaunchAttribute cluster;
    const cudaLaunchConfig_t config = config_of(grid, stream, cluster);
    cudaError_t status = allow_shared((const void*)kernel, grid.shared_bytes);
    if (status == cudaSuccess) {
        status = cudaLaunchKernelEx(&config, kernel, arguments...);
    }
    return status == cudaSuccess ? ADASPEC_OK : adaspec_fail(ADASPEC_DEVICE_ERROR, "%s: %s", operation, cudaGetErrorString(status));
}

#else

template <class T>
DEVICE T* shared_memory() {
    return emulator::aligned(reinterpret_cast<T*>(emulator::shared_bytes()));
}

DEVICE float exp2_fast(float x) {
    return exp2f(x);
}

DEVICE float max_or_nan(float a, float b) {
    return a != a || b != b ? __uint_as_float(0x7fffffffu) : a > b ? a : b;
}

DEVICE void barrier_init(uint64_t* barrier, unsigned arrivals) {
    emulator::barrier_init(barrier, arrivals);
}

DEVICE void barrier_init_fence() {}

DEVICE void barrier_arrive(uint64_t* barrier) {
    emulator::barrier_arrive(barrier, 0);
}

DEVICE void barrier_arrive_expecting(uint64_t* barrier, unsigned bytes) {
    emulator::barrier_arrive(barrier, bytes);
}

DEVICE void barrier_wait(uint64_t* barrier, unsigned parity) {
    emulator::barrier_wait(barrier, parity);
}

DEVICE void bulk_copy(void* shared, const void* global, unsigned bytes, uint64_t* barrier) {
    emulator::bulk_copy(shared, global, bytes, barrier);
}

DEVICE unsigned cluster_rank() {
    return emulator::cluster_rank();
}

DEVICE void cluster_barrier() {
    emulator::cluster_barrier();
}

template <class T>
DEVICE T* in_cluster(T* shared, unsigned rank) {
    return static_cast<T*>(emulator::in_cluster(shared, rank));
}

DEVICE void async_copy_16(void* shared, const void* global, int bytes) {
    emulator::async_copy(shared, global, bytes);
}

DEVICE void async_commit() {
    emulator::async_commit();
}

template <int LEFT>
DEVICE void async_wait() {
    emulator::async_wait(LEFT);
}

DEVICE void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    emulator::mma_bf16(d, a, b);
}

DEVICE void named_barrier(int id, int threads) {
    emulator::named_barrier(id, threads);
}

/* ADASPEC_EMULATOR_CLUSTERS=0: as a device without. */
inline bool has_clusters() {
    const char* text = getenv("ADASPEC_EMULATOR_CLUSTERS");
    return text == nullptr || text[0] != '0';
}

/* Few, so that a test's rows are more. */
template <class... Parameters>
inline int64_t clusters_at_once(void (*)(Parameters...), const Grid&) {
    return 2;
}

inline int64_t most_shared_bytes() {
    return 227 << 10;
}

template <class... Parameters>
inline int32_t launch(
    const char*, void (*kernel)(Parameters...), const Grid& grid, void*, Given<Parameters>... arguments) {
    if ((uint64_t)grid.blocks.x * grid.blocks.y * grid.blocks.z > 0) {
        emulator::run({grid.blocks, grid.threads, grid.shared_bytes, grid.cluster}, [=] { kernel(arguments...); });
    }
    return ADASPEC_OK;
}

#endif

/*
 * a b + c d, the second product rounded. Left to itself the compiler fuses either product with the sum, and what two kernels must compute alike might
 * differ in the last bit.
 */
DEVICE float sum_of_products(float a, float b, float c, float d) {
    return fmaf(a, b, c * d);
}

/* Blocks of `threads` for n elements, or as many as keep every multiprocessor of today's devices busy: kernels stride over the rest. */
inline unsigned blocks_for(int64_t n, int64_t threads, int64_t most = 132 * 16) {
    const int64_t blocks = (n + threads - 1) / threads;
    return (unsigned)(blocks < most ? blocks : most);
}
