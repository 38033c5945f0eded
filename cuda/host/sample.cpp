/* One token from each row of logits. */
#include "draw.h"
#include "status.h"
#include "threads.h"

ADASPEC_OPERATION(sample)(
    int32_t* token, const float* logits, int64_t ld_logits, float temperature, uint64_t seed, int32_t first_sequence, int64_t position,
    int32_t purpose, int64_t b, int64_t v, void*) {
    REQUIRE(b >= 0 && v >= 1 && ld_logits >= v, "sample: logits are (%lld, %lld) with row stride %lld", (long long)b, (long long)v,
        (long long)ld_logits);
    REQUIRE(temperature >= 0 && temperature < INFINITY, "sample: temperature is %g; zero or more was expected", (double)temperature);
#pragma omp parallel for schedule(static) num_threads(threads_for(4 * b * v))
    for (int64_t i = 0; i < b; i++) {
        const float* row = logits + i * ld_logits;
        if (temperature == 0) {
            token[i] = argmax(row, v);
        } else {
            const Softmax softmax = softmax_row(row, v, temperature);
            const double u = uniform_number(seed, (uint64_t)position, (uint32_t)first_sequence + (uint32_t)i, (uint32_t)purpose);
            token[i] = softmax.finite() ? draw(row, v, softmax, temperature, u) : -1;
        }
    }
    return ADASPEC_OK;
}
