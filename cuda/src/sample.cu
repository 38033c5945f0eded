/* One token from each row of logits; a block a row. */
#include "draw.cuh"

namespace {

template <int THREADS>
__global__ void __launch_bounds__(THREADS, 1) sample_kernel(
    int32_t* token, float* probability, const float* logits, int64_t ld_logits, const adaspec_draw* draws, int32_t purpose, int32_t index, int64_t v) {
    LawShared& shared = *shared_memory<LawShared>();
    const int64_t i = blockIdx.x;
    const float* row = logits + i * ld_logits;
    adaspec_draw draw = draws[i];
    const bool greedy = draw.temperature == 0;
    int32_t chosen = -1;
    if (greedy) {
        chosen = argmax<THREADS>(shared, row, v);
        /* What is asked of a greedy draw is the probability in the plain softmax. */
        draw.temperature = 1;
        draw.top_k = 0;
        draw.top_p = 1;
    }
    if (!greedy || probability != nullptr) {
        const Law law = law_of<THREADS>(shared, row, v, draw);
        if (!greedy && law.finite()) {
            chosen = draw_token<THREADS>(shared, law, v, uniform_number(draw, purpose, index));
        }
        if (probability != nullptr && threadIdx.x == 0) {
            probability[i] = chosen < 0 ? NAN : (float)law.probability(chosen);
        }
    }
    if (threadIdx.x == 0) {
        token[i] = chosen;
    }
}

}  // namespace

extern "C" int32_t adaspec_sample(
    int32_t* token, float* probability, const float* logits, int64_t ld_logits, const adaspec_draw* draws, int32_t purpose, int32_t index, int64_t b,
    int64_t v, void* stream) {
    REQUIRE(b >= 0 && v >= 1 && ld_logits >= v, "sample: logits are (%lld, %lld) with row stride %lld", (long long)b, (long long)v,
        (long long)ld_logits);
    REQUIRE(index >= 0, "sample: index %d; zero or more was expected", index);
    return with_threads(v, [=](auto threads) {
        constexpr int THREADS = decltype(threads)::value;
        const Grid grid = {(unsigned)b, THREADS, sizeof(LawShared)};
        return launch("sample", sample_kernel<THREADS>, grid, stream, token, probability, logits, ld_logits, draws, purpose, index, v);
    });
}
