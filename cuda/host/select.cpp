/* The rows of largest gap: by the quantile 1 - k, as torch.quantile has it, or by their number. */
#include <math.h>

#include "share.h"
#include "status.h"
#include "vec.h"

/* Order of f32 as order of unsigned integers. -0 and +0 differ here; the comparison with the threshold is by value. */
INLINE uint32_t key_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

INLINE float value_of(uint32_t key) {
    const uint32_t bits = key & 0x80000000u ? key & 0x7fffffffu : ~key;
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

/* The value of rank `rank` (0: smallest), by four rounds of radix selection over the bytes. */
static float value_at_rank(const float* x, int64_t n, int64_t rank) {
    uint32_t prefix = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        const uint32_t mask = shift == 24 ? 0 : 0xffffffffu << (shift + 8);
        int64_t histogram[256] = {};
        for (int64_t i = 0; i < n; i++) {
            const uint32_t key = key_of(x[i]);
            if ((key & mask) == prefix) {
                histogram[key >> shift & 255]++;
            }
        }
        uint32_t byte = 0;
        while (rank >= histogram[byte]) {
            rank -= histogram[byte];
            byte++;
        }
        prefix |= byte << shift;
    }
    return value_of(prefix);
}

/* torch.quantile's linear interpolation: the two-branch lerp, each branch one fused multiply-add as in PyTorch's kernels. */
static float lerp(float below, float above, float weight) {
    const float step = above - below;
    return weight < 0.5f ? __builtin_fmaf(weight, step, below) : __builtin_fmaf(weight - 1.0f, step, above);
}

/* The quantile 1 - k. */
static float quantile_threshold(const float* gap, double k, int64_t n) {
    const float quantile = (float)(1 - k);
    const float rank = quantile * (float)(n - 1);
    const int64_t below = (int64_t)floorf(rank);
    const int64_t above = (int64_t)ceilf(rank) < n ? (int64_t)ceilf(rank) : n - 1;
    const float low = value_at_rank(gap, n, below);
    return lerp(low, above == below ? low : value_at_rank(gap, n, above), rank - (float)below);
}

/* Lists the rows above the threshold and of those at it the first so many that there are `most`. */
static int32_t list_rows(int32_t* rows, const float* gap, float threshold, int64_t most, int64_t n) {
    int64_t room = most;
    for (int64_t i = 0; i < n; i++) {
        room -= gap[i] > threshold;
    }
    int32_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        if (gap[i] > threshold || (gap[i] == threshold && room-- > 0)) {
            rows[count++] = (int32_t)i;
        }
    }
    return count;
}

ADASPEC_OPERATION(select)(int32_t* kept_rows, int32_t* kept, const float* gap, double k, int32_t rule, float*, int64_t n, void*) {
    REQUIRE(n >= 1 && n <= INT32_MAX, "select: %lld rows; at least one was expected", (long long)n);
    REQUIRE(k >= 0 && k <= 1, "select: k is %g; a share between 0 and 1 was expected", k);
    REQUIRE(rule == ADASPEC_SELECT_QUANTILE || rule == ADASPEC_SELECT_COUNT, "select: rule %d does not exist", rule);
    *kept = 0;
    for (int64_t i = 0; i < n; i++) {
        if (isnan(gap[i])) {
            return ADASPEC_OK;
        }
    }
    const int64_t most = rule == ADASPEC_SELECT_QUANTILE ? n : rows_of_share(k, n);
    if (most > 0) {
        const float threshold = rule == ADASPEC_SELECT_QUANTILE ? quantile_threshold(gap, k, n) : value_at_rank(gap, n, n - most);
        *kept = list_rows(kept_rows, gap, threshold, most, n);
    }
    return ADASPEC_OK;
}
