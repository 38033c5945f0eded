/*
 * Runs CUDA kernels on a processor, for tests: the sources of cuda/src compiled by the host's compiler, every CUDA thread a fiber, clusters one after
 * the other. What it is for is not speed but faults, so everything that a GPU leaves open is made to go wrong:
 *
 *   shared memory     starts as NaN bits in every block
 *   bulk copies       arrive when a wait has nothing else to wait for, not before; until then their destination is NaN bits
 *   async copies      arrive when their thread waits for their group, not before; until then likewise
 *   matrix products   lose what a device may lose: the low bits of every term, and of the sum
 *   threads           run in one of three orders: forward, reverse, shuffled (ADASPEC_EMULATOR_ORDER, ADASPEC_EMULATOR_SEED)
 *   barriers          are complete when every thread of the block has come, those that returned included: a divergent one is a deadlock, and named
 *   vectors           must be aligned
 *
 * It cannot see: memory ordering between threads, PTX, the accuracy of approximate instructions, bank conflicts, time.
 */
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) uint2 { uint32_t x, y; };
struct alignas(16) uint4 { uint32_t x, y, z, w; };

namespace emulator {

/* What a kernel sees of its place. */
struct Place {
    dim3 thread;
    dim3 block;
    dim3 blocks;
    dim3 threads;
};

struct Launch {
    dim3 blocks;
    int threads;
    size_t shared_bytes;
    int cluster;
};

/* Runs body once per thread. */
void run(const Launch& launch, const std::function<void()>& body);

/* The running thread's. */
const Place& place();
unsigned char* shared_bytes();
unsigned cluster_rank();
/* `shared`, an address in the running block's shared memory, in that of block `rank` of the cluster. */
void* in_cluster(void* shared, unsigned rank);

/* Stops the program with a sentence that names the block and the thread. */
[[noreturn]] __attribute__((format(printf, 1, 2))) void fault(const char* format, ...);

void block_barrier();
/* Barrier `id` of the block's sixteen, for `count` threads; 0 is block_barrier's. */
void named_barrier(int id, int count);
void cluster_barrier();

/*
 * All lanes of `mask` give `bytes` <= 16 bytes and then see each other's: lane l's lie at result + 16 l until the lanes' next exchange but one.
 */
const unsigned char* exchange(unsigned mask, const void* value, size_t bytes);

void barrier_init(uint64_t* barrier, unsigned arrivals);
void barrier_arrive(uint64_t* barrier, unsigned transaction_bytes);
void barrier_wait(uint64_t* barrier, unsigned parity);
void bulk_copy(void* shared, const void* global, unsigned bytes, uint64_t* barrier);

/* cp.async of the running thread: 16 bytes, zeros past `bytes`. */
void async_copy(void* shared, const void* global, int bytes);
void async_commit();
void async_wait(int left);

/*
 * mma.m16n8k16 of a warp. Terms are cut to 24 bits below the largest term's leading one, the sum toward zero: the coarsest that was found on a device
 * (Fasi et al., Numerical behavior of NVIDIA tensor cores, 2021).
 */
void mma_bf16(float* d, const uint32_t* a, const uint32_t* b);

/* p, or a fault where it is not aligned to its type. */
template <class T>
T* aligned(T* p) {
    if (reinterpret_cast<uintptr_t>(p) % alignof(T) != 0) {
        fault("%zu bytes are read or written at %p, which is misaligned", sizeof(T), (const void*)p);
    }
    return p;
}

template <class T>
T lane_value(const unsigned char* lanes, int lane) {
    T value;
    memcpy(&value, lanes + 16 * lane, sizeof value);
    return value;
}

inline int lane() {
    return (int)(place().thread.x % 32);
}

}  // namespace emulator

#define threadIdx (emulator::place().thread)
#define blockIdx (emulator::place().block)
#define blockDim (emulator::place().threads)
#define gridDim (emulator::place().blocks)

inline void __syncthreads() {
    emulator::block_barrier();
}

inline void __syncwarp(unsigned mask = ~0u) {
    const char nothing = 0;
    emulator::exchange(mask, &nothing, 1);
}

template <class T>
T __shfl_sync(unsigned mask, T value, int lane) {
    return emulator::lane_value<T>(emulator::exchange(mask, &value, sizeof value), lane % 32);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes) {
    return emulator::lane_value<T>(emulator::exchange(mask, &value, sizeof value), emulator::lane() ^ lanes);
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta) {
    const int from = emulator::lane() - (int)delta;
    return emulator::lane_value<T>(emulator::exchange(mask, &value, sizeof value), from < 0 ? emulator::lane() : from);
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta) {
    const int from = emulator::lane() + (int)delta;
    return emulator::lane_value<T>(emulator::exchange(mask, &value, sizeof value), from > 31 ? emulator::lane() : from);
}

inline unsigned __ballot_sync(unsigned mask, bool vote) {
    const unsigned char* lanes = emulator::exchange(mask, &vote, sizeof vote);
    unsigned votes = 0;
    for (int l = 0; l < 32; l++) {
        votes |= (mask >> l & 1) && emulator::lane_value<bool>(lanes, l) ? 1u << l : 0;
    }
    return votes;
}

inline bool __any_sync(unsigned mask, bool vote) {
    return __ballot_sync(mask, vote) != 0;
}

inline bool __all_sync(unsigned mask, bool vote) {
    return __ballot_sync(mask, vote) == mask;
}

inline int __popc(unsigned x) {
    return __builtin_popcount(x);
}

inline int __clz(int x) {
    return x == 0 ? 32 : __builtin_clz((unsigned)x);
}

inline int __ffs(unsigned x) {
    return __builtin_ffs((int)x);
}

/* Integers only: sums of floats would depend on the order, and the kernels have none. */
template <class T, class U>
T atomicAdd(T* p, U value) {
    static_assert(std::is_integral_v<T>, "no float atomics");
    const T before = *p;
    *p = before + (T)value;
    return before;
}

template <class T, class U>
T atomicOr(T* p, U value) {
    const T before = *p;
    *p = before | (T)value;
    return before;
}

template <class T>
T __ldcs(const T* p) {
    return *emulator::aligned(p);
}

template <class T>
T __ldg(const T* p) {
    return *emulator::aligned(p);
}

template <class T>
void __stcs(T* p, T value) {
    *emulator::aligned(p) = value;
}

inline float __uint_as_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

inline uint32_t __float_as_uint(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Rounded products and sums that no compiler fuses. */
inline float __fmul_rn(float a, float b) {
    volatile float product = a * b;
    return product;
}

inline float __fadd_rn(float a, float b) {
    volatile float sum = a + b;
    return sum;
}

/* Four of the eight bytes of y:x, by the lower three bits of each digit of `selector`. */
inline uint32_t __byte_perm(uint32_t x, uint32_t y, uint32_t selector) {
    const uint64_t bytes = (uint64_t)y << 32 | x;
    uint32_t result = 0;
    for (int i = 0; i < 4; i++) {
        result |= (uint32_t)(bytes >> 8 * (selector >> 4 * i & 7) & 0xff) << 8 * i;
    }
    return result;
}

inline uint64_t __umul64hi(uint64_t a, uint64_t b) {
    return (uint64_t)((unsigned __int128)a * b >> 64);
}

inline uint32_t __umulhi(uint32_t a, uint32_t b) {
    return (uint32_t)((uint64_t)a * b >> 32);
}
