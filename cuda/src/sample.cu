/*
 * One token from each row of logits. A cluster of blocks a row, which is read from memory once; for short rows, rows that bulk copies cannot take, and
 * devices without clusters, a block a row, which reads it again for each walk. Both give the same tokens.
 */
#include "slices.cuh"

namespace {

/* The arguments. */
struct Sample {
    int32_t* token;
    float* probability;
    const unsigned char* logits;
    int32_t logits_type;
    int64_t row_bytes;
    const adaspec_draw* draws;
    int32_t purpose;
    int32_t index;
    int32_t v;
    bool aligned;
    SlicePlan plan;
};

struct SampleShared {
    TeamShared team;
    Law law;
    Whole best;
    uint64_t full[2];
};

template <int THREADS, bool CLUSTER, int32_t TYPE>
__global__ void __launch_bounds__(THREADS, CLUSTER ? 2 : 1) sample_kernel(Sample a) {
#if !ADASPEC_CLUSTERS
    if constexpr (CLUSTER) {
        return;
    }
#endif
    SampleShared& shared = *shared_memory<SampleShared>();
    Whole* bins = reinterpret_cast<Whole*>(&shared + 1);
    Team<THREADS, CLUSTER> team(shared.team, bins, 1, a.plan.blocks);
    const int64_t i = blockIdx.x / (unsigned)team.blocks;
    Row<TYPE> row = {a.logits + i * a.row_bytes, a.v, a.logits_type, a.aligned, nullptr};
    const Chunk chunk = Chunk::of(team, a.v);
#if ADASPEC_CLUSTERS
    Slices slices = {};
    if constexpr (CLUSTER) {
        constexpr int SIZE = (int)sizeof(typename StoredType<TYPE>::element);
        slices = slices_of(team, shared.full, reinterpret_cast<unsigned char*>(bins + 2 * BINS), a.plan, a.v, SIZE);
        slices.init();
        slices.begin(0, 1, [&](int) { return row.x; });
        slices.wait(0);
        row.shared = slices.at(0, 0) - slices.from;
    }
#endif
    adaspec_draw draw = a.draws[i];
    const auto emit = [&](int32_t id) {
        a.token[i] = id;
        if (a.probability != nullptr) {
            a.probability[i] = (float)shared.law.probability(row.at(id));
        }
    };
    const auto broken = [&] {
        if (team.rank == 0 && threadIdx.x == 0) {
            a.token[i] = -1;
            if (a.probability != nullptr) {
                a.probability[i] = NAN;
            }
        }
    };
    const bool greedy = draw.temperature == 0;
    int32_t best = -1;
    if (greedy) {
        team.give(0, best_of(row, chunk), Larger());
        team.merge(1, Larger(), [&](int, Whole largest) { shared.best = largest; });
        best = argmax_of(shared.best);
        /* What is asked of a greedy draw is the probability in the plain softmax. */
        draw.temperature = 1;
        draw.top_k = 0;
        draw.top_p = 1;
    }
    if (greedy ? best >= 0 && a.probability != nullptr : true) {
        find_laws(team, chunk, &shared.law, [&](int) { return row; }, 1, a.v, draw);
    }
    if (greedy) {
        if (best < 0) {
            broken();
        } else if (team.rank == 0 && threadIdx.x == 0) {
            emit(best);
        }
    } else if (!shared.law.finite()) {
        broken();
    } else {
        const Law law = shared.law;
        const float scale = (float)(1 / law.sum);
        draw_from(
            team, chunk, uniform_number(draw, a.purpose, a.index),
            [&](int32_t g, float (&w)[GROUP]) {
                row.group(g, w);
                /* Rounded before they are added: a group's mass is the same wherever it is computed. */
                UNROLL
                for (int e = 0; e < GROUP; e++) {
                    w[e] = __fmul_rn(law.weight(w[e]), scale);
                }
            },
            PROBABILITY_UNITS, emit);
    }
    /* Other blocks may still read this one's shared memory. */
    team.meet();
}

}  // namespace

extern "C" int32_t adaspec_sample(
    int32_t* token, float* probability, const void* logits, int32_t logits_type, int64_t ld_logits, const adaspec_draw* draws, int32_t purpose,
    int32_t index, int64_t b, int64_t v, void* stream) {
    REQUIRE(is_float_type(logits_type), "sample: element type %d; f32 (0), bf16 (1) or f16 (2) was expected", logits_type);
    REQUIRE(b >= 0 && v >= 1 && ld_logits >= v, "sample: logits are (%lld, %lld) with row stride %lld", (long long)b, (long long)v,
        (long long)ld_logits);
    REQUIRE(index >= 0, "sample: index %d; zero or more was expected", index);
    REQUIRE(v <= MOST_IDS, "sample: a vocabulary of %lld", (long long)v);
    const int64_t row_bytes = ld_logits * element_bytes(logits_type);
    const bool aligned = is_aligned(logits, ld_logits, logits_type);
    const SlicePlan plan = aligned ? plan_slices(b, v, logits_type, 1, 1) : SlicePlan();
    const Sample a = {token, probability, static_cast<const unsigned char*>(logits), logits_type, row_bytes, draws, purpose, index,
                      (int32_t)v, aligned, plan};
    const size_t own = sizeof(SampleShared) + bytes_of_bins(1);
    if (plan.blocks > 0) {
        return with_type(logits_type, [=](auto stored) {
            const Grid grid = {(unsigned)(b * plan.blocks), CLUSTER_THREADS, own + bytes_of_slices(plan), plan.blocks};
            return launch("sample", sample_kernel<CLUSTER_THREADS, true, decltype(stored)::TYPE>, grid, stream, a);
        });
    }
    return with_threads(v, [=](auto threads) {
        constexpr int THREADS = decltype(threads)::value;
        return launch("sample", sample_kernel<THREADS, false, ANY_TYPE>, {(unsigned)b, THREADS, own}, stream, a);
    });
}
