/* One token from each row of logits. */
#include "draw.h"
#include "status.h"
#include "threads.h"

ADASPEC_OPERATION(sample)(
    int32_t* token, float* probability, const float* logits, int64_t ld_logits, const adaspec_draw* draws, int32_t purpose, int32_t index, int64_t b,
    int64_t v, void*) {
    REQUIRE(b >= 0 && v >= 1 && ld_logits >= v, "sample: logits are (%lld, %lld) with row stride %lld", (long long)b, (long long)v,
        (long long)ld_logits);
    REQUIRE(index >= 0, "sample: index %d; zero or more was expected", index);
    REQUIRE_DRAWS("sample", draws, b);
#pragma omp parallel for schedule(static) num_threads(threads_for_rows(b, 4 * b * v))
    for (int64_t i = 0; i < b; i++) {
        const float* row = logits + i * ld_logits;
        const bool greedy = draws[i].temperature == 0;
        if (greedy) {
            token[i] = argmax(row, v);
            if (probability != nullptr) {
                const Softmax softmax = softmax_row(row, v, 1);
                probability[i] = token[i] < 0 ? NAN : (float)(1 / softmax.sum);
            }
            continue;
        }
        const Law law(row, v, draws[i]);
        token[i] = law.finite() ? draw_token(law, uniform_number(draws[i], purpose, index)) : -1;
        if (probability != nullptr) {
            probability[i] = token[i] < 0 ? NAN : (float)law.probability(token[i]);
        }
    }
    return ADASPEC_OK;
}
