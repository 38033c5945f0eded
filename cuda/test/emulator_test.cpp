/*
 * The emulator catches what it is for: each fault is planted in a small kernel that is right without it. `emulator_test` runs the right ones;
 * `emulator_test FAULT` runs a faulty one, which must end in a sentence of the emulator or of AddressSanitizer, or in a wrong result in some order of
 * threads (said as "wrong result"). CTest looks for those words.
 */
#include "check.h"

#include "device.cuh"

enum Fault { NONE, MISSING_BARRIER, MISSING_WAIT, DIVERGENT_BARRIER, MISSING_ARRIVAL, MISALIGNED_ROW, MISALIGNED_COPY, PAST_SHARED, PAST_GLOBAL,
             MISSING_CLUSTER_BARRIER, UNINITIALISED_SHARED, WRONG_BYTES };

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
    return finish();
}
