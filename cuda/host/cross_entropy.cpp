/* Cross entropy with the token that was to come: loss = lse - logits[target]. */
#include "softmax.h"
#include "status.h"
#include "threads.h"

static int32_t check_targets(const char* operation, const int32_t* targets, int64_t ld_logits, int64_t n, int64_t v) {
    REQUIRE(n >= 0 && v >= 1 && ld_logits >= v, "%s: logits are (%lld, %lld) with row stride %lld", operation, (long long)n, (long long)v,
        (long long)ld_logits);
    for (int64_t i = 0; i < n; i++) {
        REQUIRE(
            targets[i] >= 0 && targets[i] < v, "%s: target %d of row %lld is outside the vocabulary of %lld", operation, targets[i], (long long)i,
            (long long)v);
    }
    return ADASPEC_OK;
}

ADASPEC_OPERATION(cross_entropy_forward)(
    float* loss, float* lse, const float* logits, int64_t ld_logits, const int32_t* targets, int64_t n, int64_t v, void*) {
    const int32_t status = check_targets("cross_entropy_forward", targets, ld_logits, n, v);
    if (status != ADASPEC_OK) {
        return status;
    }
#pragma omp parallel for schedule(static) num_threads(threads_for_rows(n, 4 * n * v))
    for (int64_t i = 0; i < n; i++) {
        const float* row = logits + i * ld_logits;
        const Softmax softmax = softmax_row<F32>(row, v, 1.0f);
        const double value = softmax.finite() ? softmax.log_sum_exp() : NAN;
        lse[i] = (float)value;
        loss[i] = (float)(value - (double)row[targets[i]]);
    }
    return ADASPEC_OK;
}

ADASPEC_OPERATION(cross_entropy_backward)(
    float* dlogits, int64_t ld_dlogits, const float* logits, int64_t ld_logits, const float* lse, const int32_t* targets, float scale, int64_t n,
    int64_t v, void*) {
    const int32_t status = check_targets("cross_entropy_backward", targets, ld_logits, n, v);
    if (status != ADASPEC_OK) {
        return status;
    }
    REQUIRE(ld_dlogits >= v, "cross_entropy_backward: dlogits has row stride %lld for rows of %lld", (long long)ld_dlogits, (long long)v);
#pragma omp parallel for schedule(static) num_threads(threads_for_rows(n, 4 * n * v))
    for (int64_t i = 0; i < n; i++) {
        const float* row = logits + i * ld_logits;
        float* out = dlogits + i * ld_dlogits;
        /* Before the row is overwritten: dlogits may be logits. */
        const float at_target = scale * (exp(splat(row[targets[i]] - lse[i]))[0] - 1.0f);
        for (int64_t j = 0; j < v; j += VL) {
            const int64_t count = v - j < VL ? v - j : VL;
            store_count(out + j, scale * exp(load_logits(row + j, count) - lse[i]), count);
        }
        out[targets[i]] = at_target;
    }
    return ADASPEC_OK;
}
