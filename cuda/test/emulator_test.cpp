/*
 * The emulator catches what it is for: each fault is planted in a small kernel that is right without it. `emulator_test` runs the right ones;
 * `emulator_test FAULT` runs a faulty one, which must end in a sentence of the emulator or of AddressSanitizer, or in a wrong result in some order of
 * threads (said as "wrong result"). CTest looks for those words.
 */
#include "check.h"

#include "device.cuh"

enum Fault { NONE, MISSING_BARRIER, MISSING_WAIT, DIVERGENT_BARRIER, MISSING_ARRIVAL, MISALIGNED_ROW, MISALIGNED_COPY, PAST_SHARED, PAST_GLOBAL,
             MISSING_CLUSTER_BARRIER, UNINITIALISED_SHARED, WRONG_BYTES, MISSING_ASYNC_WAIT };

const int THREADS = 128;

/* out[b] = the sum of the block's 128 numbers, by halves in shared memory. */
template <Fault FAULT>
static void sum_kernel(float* out, const float* x) {
    float* shared = shared_memory<float>();
    const int t = (int)threadIdx.x;
    if (FAULT != UNINITIALISED_SHARED || t != 77) {
        shared[t + (FAULT == PAST_SHARED ? 1 : 0)] = x[blockIdx.x * THREADS + threadIdx.x + (FAULT == PAST_GLOBAL ? 1 : 0)];
    }
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (FAULT != MISSING_BARRIER && !(FAULT == DIVERGENT_BARRIER && half == 1 && t >= 64)) {
            __syncthreads();
        }
        if (t < half) {
            shared[t] += shared[t + half];
        }
    }
    if (t == 0) {
        out[blockIdx.x] = shared[0];
    }
}

/* out (2 * 1024) = x, through shared memory by bulk copies in two stages: one warp asks for them, three wait. */
template <Fault FAULT>
static void copy_kernel(float* out, const float* x) {
    float* shared = shared_memory<float>();
    uint64_t* full = reinterpret_cast<uint64_t*>(shared + 512);
    uint64_t* empty = full + 1;
    if (threadIdx.x == 0) {
        barrier_init(full, 1);
        barrier_init(empty, 3);
        barrier_init_fence();
    }
    __syncthreads();
    if (threadIdx.x < WARP) {
        if (threadIdx.x == 0) {
            for (int stage = 0; stage < 4; stage++) {
                barrier_wait(empty, (stage & 1) ^ 1);
                barrier_arrive_expecting(full, FAULT == WRONG_BYTES ? 1024 : 2048);
                bulk_copy(shared, x + stage * 512 + (FAULT == MISALIGNED_COPY ? 1 : 0), 2048, full);
            }
        }
        return;
    }
    for (int stage = 0; stage < 4; stage++) {
        if (FAULT != MISSING_WAIT) {
            barrier_wait(full, stage & 1);
        }
        for (int i = (int)threadIdx.x - WARP; i < 512; i += THREADS - WARP) {
            out[stage * 512 + i] = shared[i];
        }
        __syncwarp();
        if (threadIdx.x % WARP == 0 && !(FAULT == MISSING_ARRIVAL && threadIdx.x == 64)) {
            barrier_arrive(empty);
        }
    }
}

/* out[rank] = the sum of the first numbers of the four blocks of a cluster. */
template <Fault FAULT>
static void cluster_kernel(float* out, const float* x) {
    float* shared = shared_memory<float>();
    if (threadIdx.x == 0) {
        shared[0] = x[blockIdx.x];
    }
    if (FAULT != MISSING_CLUSTER_BARRIER) {
        cluster_barrier();
    }
    if (threadIdx.x == 0) {
        float sum = 0;
        for (unsigned rank = 0; rank < 4; rank++) {
            sum += *in_cluster(shared, rank);
        }
        out[cluster_rank()] = sum;
    }
    cluster_barrier();
}

/* out (4 * 32) = x by four. */
template <Fault FAULT>
static void vector_kernel(float* out, const float* x) {
    const float4 four = __ldcs(reinterpret_cast<const float4*>(x + (FAULT == MISALIGNED_ROW ? 1 : 0)) + threadIdx.x);
    __stcs(reinterpret_cast<float4*>(out) + threadIdx.x, four);
}

/* out (4 * 4 * 32) = x, by asynchronous copies of 16 bytes in a ring of three; of the last of a thread's four, only three numbers, then a zero. */
template <Fault FAULT>
static void async_kernel(float* out, const float* x) {
    float4* ring = shared_memory<float4>() + threadIdx.x;
    for (int i = 0; i < 2; i++) {
        async_copy_16(ring + i * WARP, x + 4 * (i * WARP + (int)threadIdx.x), 16);
        async_commit();
    }
    for (int i = 0; i < 4; i++) {
        async_wait<FAULT == MISSING_ASYNC_WAIT ? 2 : 1>();
        *(reinterpret_cast<float4*>(out) + i * WARP + threadIdx.x) = ring[i % 3 * WARP];
        if (i < 2) {
            async_copy_16(ring + (i + 2) % 3 * WARP, x + 4 * ((i + 2) * WARP + (int)threadIdx.x), i == 1 ? 12 : 16);
        }
        async_commit();
    }
}

/*
 * d (16, 8) += a (16, 16) b (16, 8): a lane's elements as the PTX ISA numbers them for mma.m16n8k16 (a_0 .. a_7, b_0 .. b_3, c_0 .. c_3), which is not how
 * the emulator finds them.
 */
static void mma_kernel(float* d, const uint16_t* a, const uint16_t* b) {
    const int group = (int)threadIdx.x >> 2;
    const int in_group = (int)threadIdx.x % 4;
    uint32_t left[4] = {};
    uint32_t right[2] = {};
    float sum[4];
    for (int i = 0; i < 8; i++) {
        const int row = (i < 2 || (4 <= i && i < 6)) ? group : group + 8;
        const int column = in_group * 2 + (i & 1) + (i < 4 ? 0 : 8);
        left[i / 2] |= (uint32_t)a[row * 16 + column] << 16 * (i & 1);
    }
    for (int i = 0; i < 4; i++) {
        const int row = in_group * 2 + (i & 1) + (i < 2 ? 0 : 8);
        right[i / 2] |= (uint32_t)b[row * 8 + group] << 16 * (i & 1);
    }
    const auto at = [=](int i) { return (i < 2 ? group : group + 8) * 8 + in_group * 2 + (i & 1); };
    for (int i = 0; i < 4; i++) {
        sum[i] = d[at(i)];
    }
    mma_bf16(sum, left, right);
    for (int i = 0; i < 4; i++) {
        d[at(i)] = sum[i];
    }
}

/* Memory of malloc: AddressSanitizer guards both its ends. */
struct Numbers {
    std::vector<float> x;

    explicit Numbers(size_t n) : x(n) {
        for (size_t i = 0; i < n; i++) {
            x[i] = (float)(i % 251) + 1;
        }
    }
};

template <Fault FAULT>
static bool right_sum() {
    Numbers in(3 * THREADS);
    std::vector<float> out(3, NAN);
    CHECK_OK(launch("sum", sum_kernel<FAULT>, {3, THREADS, THREADS * sizeof(float)}, nullptr, out.data(), in.x.data()));
    for (size_t b = 0; b < 3; b++) {
        float want = 0;
        for (size_t i = 0; i < THREADS; i++) {
            want += in.x[b * THREADS + i];
        }
        if (out[b] != want) {
            return false;
        }
    }
    return true;
}

template <Fault FAULT>
static bool right_copy() {
    Numbers in(2049);
    std::vector<float> out(2048, NAN);
    CHECK_OK(launch("copy", copy_kernel<FAULT>, {1, THREADS, 512 * sizeof(float) + 16}, nullptr, out.data(), in.x.data()));
    return memcmp(out.data(), in.x.data(), 2048 * sizeof(float)) == 0;
}

template <Fault FAULT>
static bool right_cluster() {
    Numbers in(8);
    std::vector<float> out(4, NAN);
    CHECK_OK(launch("cluster", cluster_kernel<FAULT>, {8, 32, 16, 4}, nullptr, out.data(), in.x.data()));
    return out == std::vector<float>({26, 26, 26, 26}) || out == std::vector<float>({10, 10, 10, 10});
}

template <Fault FAULT>
static bool right_vectors() {
    Numbers in(132);
    std::vector<float> out(128, NAN);
    CHECK_OK(launch("vectors", vector_kernel<FAULT>, {1, 32}, nullptr, out.data(), in.x.data()));
    return memcmp(out.data(), in.x.data(), 128 * sizeof(float)) == 0;
}

template <Fault FAULT>
static bool right_async() {
    Numbers in(512);
    std::vector<float> out(512, NAN);
    CHECK_OK(launch("async", async_kernel<FAULT>, {1, 32, 3 * 512}, nullptr, out.data(), in.x.data()));
    bool right = true;
    for (size_t i = 0; i < 512; i++) {
        right = right && out[i] == (i >= 3 * 128 && i % 4 == 3 ? 0 : in.x[i]);
    }
    return right;
}

/* Whole numbers, whose sums are exact in any order. */
static bool right_product() {
    Random random(5);
    std::vector<uint16_t> a(16 * 16);
    std::vector<uint16_t> b(16 * 8);
    std::vector<float> d(16 * 8);
    for (uint16_t& x : a) {
        x = to_bf16((float)(random.below(255) - 127));
    }
    for (uint16_t& x : b) {
        x = to_bf16((float)(random.below(255) - 127));
    }
    for (float& x : d) {
        x = (float)(random.below(2001) - 1000);
    }
    std::vector<float> want = d;
    for (size_t row = 0; row < 16; row++) {
        for (size_t column = 0; column < 8; column++) {
            for (size_t k = 0; k < 16; k++) {
                want[row * 8 + column] += from_bf16(a[row * 16 + k]) * from_bf16(b[k * 8 + column]);
            }
        }
    }
    CHECK_OK(launch("product", mma_kernel, {1, 32}, nullptr, d.data(), a.data(), b.data()));
    return d == want;
}

/* 1 and two halves of its last place, which together would be one: both are cut off, and what is left is cut toward zero. NaN and infinities go through. */
static bool coarse_product() {
    std::vector<uint16_t> a(16 * 16);
    std::vector<uint16_t> b(16 * 8);
    std::vector<float> d(16 * 8);
    a[0] = a[1] = a[17] = a[34] = to_bf16(1);
    a[16] = to_bf16(INFINITY);
    a[51] = 0x7fc0;
    for (size_t column = 0; column < 8; column++) {
        b[column] = to_bf16(1);
        b[8 + column] = to_bf16(0x1p-24f);
        b[16 + column] = to_bf16(1);
        d[column] = 0x1p-24f;
        d[16 + column] = -0x1p-24f;
    }
    CHECK_OK(launch("product", mma_kernel, {1, 32}, nullptr, d.data(), a.data(), b.data()));
    return d[0] == 1 && d[8] == INFINITY && d[16] == 1 && isnan(d[24]) && d[32] == 0;
}

/* A missing barrier shows in some order of threads, if not in each. */
template <class Run>
static int wrong_in_some_order(Run run) {
    bool right = true;
    for (const char* order : {"forward", "reverse", "shuffled"}) {
        setenv("ADASPEC_EMULATOR_ORDER", order, 1);
        right = right && run();
    }
    fprintf(stderr, right ? "the fault was not seen\n" : "wrong result\n");
    return right ? 0 : 1;
}

static int plant(const std::string& fault) {
    const std::vector<std::pair<const char*, std::function<bool()>>> faults = {
        {"missing-barrier", right_sum<MISSING_BARRIER>},
        {"missing-wait", right_copy<MISSING_WAIT>},
        {"divergent-barrier", right_sum<DIVERGENT_BARRIER>},
        {"missing-arrival", right_copy<MISSING_ARRIVAL>},
        {"misaligned-row", right_vectors<MISALIGNED_ROW>},
        {"misaligned-copy", right_copy<MISALIGNED_COPY>},
        {"past-shared", right_sum<PAST_SHARED>},
        {"past-global", right_sum<PAST_GLOBAL>},
        {"missing-cluster-barrier", right_cluster<MISSING_CLUSTER_BARRIER>},
        {"uninitialised-shared", right_sum<UNINITIALISED_SHARED>},
        {"wrong-bytes", right_copy<WRONG_BYTES>},
        {"missing-async-wait", right_async<MISSING_ASYNC_WAIT>},
    };
    for (const auto& [name, run] : faults) {
        if (fault == name) {
            return wrong_in_some_order(run);
        }
    }
    fprintf(stderr, "no such fault: %s\n", fault.c_str());
    return 2;
}

int main(int count, char** arguments) {
    if (count > 1) {
        return plant(arguments[1]);
    }
    CHECK(right_sum<NONE>(), "sums");
    CHECK(right_copy<NONE>(), "copies");
    CHECK(right_cluster<NONE>(), "clusters");
    CHECK(right_vectors<NONE>(), "vectors");
    CHECK(right_async<NONE>(), "asynchronous copies");
    CHECK(right_product(), "matrix products");
    CHECK(coarse_product(), "matrix products as coarse as a device's");
    return finish();
}
