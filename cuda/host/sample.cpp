/* One token from each row of logits. */
#include "draw.h"
#include "status.h"
#include "threads.h"

template <class Type>
static void sample_rows(
    int32_t* token, float* probability, const void* logits, int64_t ld_logits, const adaspec_draw* draws, int32_t purpose, int32_t index, int64_t b,
    int64_t v) {
#pragma omp parallel for schedule(static) num_threads(threads_for_rows(b, 4 * b * v))
    for (int64_t i = 0; i < b; i++) {
        const auto row = (const typename Type::element*)logits + i * ld_logits;
        const bool greedy = draws[i].temperature == 0;
        if (greedy) {
            token[i] = argmax<Type>(row, v);
            if (probability != nullptr) {
                const Softmax softmax = softmax_row<Type>(row, v, 1);
                probability[i] = token[i] < 0 ? NAN : (float)(1 / softmax.sum);
            }
            continue;
        }
        const Law<Type> law(row, v, draws[i]);
        token[i] = law.finite() ? draw_token(law, uniform_number(draws[i], purpose, index)) : -1;
        if (probability != nullptr) {
            probability[i] = token[i] < 0 ? NAN : (float)law.probability(token[i]);
        }
    }
}

ADASPEC_OPERATION(sample)(
    int32_t* token, float* probability, const void* logits, int32_t logits_type, int64_t ld_logits, const adaspec_draw* draws, int32_t purpose,
    int32_t index, int64_t b, int64_t v, void*) {
    REQUIRE(is_float_type(logits_type), "sample: element type %d; f32 (0), bf16 (1) or f16 (2) was expected", logits_type);
    REQUIRE(b >= 0 && v >= 1 && ld_logits >= v, "sample: logits are (%lld, %lld) with row stride %lld", (long long)b, (long long)v,
        (long long)ld_logits);
    REQUIRE(index >= 0, "sample: index %d; zero or more was expected", index);
    REQUIRE_DRAWS("sample", draws, b);
    return with_type(logits_type, [=](auto type) {
        sample_rows<decltype(type)>(token, probability, logits, ld_logits, draws, purpose, index, b, v);
        return ADASPEC_OK;
    });
}
