/* Selection against a sort and torch.quantile's own f32 arithmetic, for many n and k, with ties, negative zero and NaN. */
#include "check.h"

#include <algorithm>

static std::vector<int32_t> expect(const std::vector<float>& gap, double k) {
    std::vector<float> sorted = gap;
    for (float x : gap) {
        if (isnan(x)) {
            return {};
        }
    }
    std::sort(sorted.begin(), sorted.end());
    const float rank = (float)(1 - k) * (float)(gap.size() - 1);
    const float low = sorted[(size_t)floorf(rank)];
    const float high = sorted[(size_t)ceilf(rank)];
    const float weight = rank - floorf(rank);
    const float threshold = weight < 0.5f ? fmaf(weight, high - low, low) : fmaf(weight - 1, high - low, high);
    std::vector<int32_t> kept;
    for (size_t i = 0; i < gap.size(); i++) {
        if (gap[i] >= threshold) {
            kept.push_back((int32_t)i);
        }
    }
    return kept;
}

static void check(const std::vector<float>& values, double k) {
    const int64_t n = (int64_t)values.size();
    Floats gap(n, [&](int64_t i) { return values[(size_t)i]; });
    Ints rows(n);
    Ints kept(1);
    Floats scratch(n);
    CHECK_OK(adaspec_select(rows, kept, gap, k, scratch, n, nullptr));
    const std::vector<int32_t> want = expect(values, k);
    CHECK(kept[0] == (int32_t)want.size(), "n %d k %g: %d kept, %d expected", (int)n, k, kept[0], (int)want.size());
    CHECK(kept[0] == (int32_t)want.size() && std::equal(want.begin(), want.end(), rows.data), "n %d k %g: other rows are kept", (int)n, k);
}

int main() {
    require_tier();
    for (int n = 1; n <= 260; n++) {
        Random random((uint64_t)n);
        std::vector<float> gap((size_t)n);
        for (float& x : gap) {
            x = random.normal();
        }
        for (double k : {0.0, 0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 1.0}) {
            check(gap, k);
        }
        /* Few values, many ties, both zeros. */
        for (float& x : gap) {
            const int64_t pick = random.below(4);
            x = pick == 0 ? -0.0f : pick == 1 ? 0.0f : pick == 2 ? -1.5f : 2.0f;
        }
        check(gap, 0.4);
        check(gap, 0.7);
    }
    std::vector<float> many(20011);
    Random random(5);
    for (float& x : many) {
        x = random.normal() * 1e-3f;
    }
    check(many, 0.4);
    check({1, NAN, 3}, 0.4);
    check({-INFINITY, 1, INFINITY, 2}, 0.5);
    check({7}, 0.4);
    float x = 0;
    int32_t i = 0;
    CHECK_REFUSED(adaspec_select(&i, &i, &x, 0.4, &x, 0, nullptr), "at least one was expected");
    CHECK_REFUSED(adaspec_select(&i, &i, &x, 1.5, &x, 1, nullptr), "a share between 0 and 1");
    CHECK_REFUSED(adaspec_select(&i, &i, &x, (double)NAN, &x, 1, nullptr), "a share between 0 and 1");
    return finish();
}
