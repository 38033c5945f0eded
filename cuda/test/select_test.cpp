/*
 * Selection against a sort: with torch.quantile's own f32 arithmetic, and of a number of rows; for many n and k, with ties, negative zero and NaN.
 */
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

/* The first `count` rows in the order of descending gap, then ascending index. */
static std::vector<int32_t> largest(const std::vector<float>& gap, size_t count) {
    std::vector<int32_t> order;
    for (size_t i = 0; i < gap.size(); i++) {
        if (isnan(gap[i])) {
            return {};
        }
        order.push_back((int32_t)i);
    }
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return gap[(size_t)a] > gap[(size_t)b]; });
    order.resize(count);
    std::sort(order.begin(), order.end());
    return order;
}

static void check_rule(const std::vector<float>& values, double k, int32_t rule, const std::vector<int32_t>& want) {
    const int64_t n = (int64_t)values.size();
    Floats gap(n, [&](int64_t i) { return values[(size_t)i]; });
    Ints rows(n);
    Ints kept(1);
    Floats scratch(n);
    CHECK_OK(adaspec_select(rows, kept, gap, k, rule, scratch, n, nullptr));
    CHECK(kept[0] == (int32_t)want.size(), "rule %d n %d k %g: %d kept, %d expected", rule, (int)n, k, kept[0], (int)want.size());
    CHECK(kept[0] == (int32_t)want.size() && std::equal(want.begin(), want.end(), rows.data), "rule %d n %d k %g: other rows are kept", rule, (int)n, k);
}

/* k in hundredths, so that ceil(k n) is known in whole numbers. */
static void check(const std::vector<float>& values, int hundredths) {
    const double k = hundredths / 100.0;
    check_rule(values, k, ADASPEC_SELECT_QUANTILE, expect(values, k));
    check_rule(values, k, ADASPEC_SELECT_COUNT, largest(values, ((size_t)hundredths * values.size() + 99) / 100));
}

int main() {
    require_tier();
    for (int n = 1; n <= 260; n += n < 70 ? 1 : 19) {
        Random random((uint64_t)n);
        std::vector<float> gap((size_t)n);
        for (float& x : gap) {
            x = random.normal();
        }
        for (int k : {0, 5, 7, 10, 25, 29, 40, 50, 60, 75, 100}) {
            check(gap, k);
        }
        /* Few values, many ties, both zeros. */
        for (float& x : gap) {
            const int64_t pick = random.below(4);
            x = pick == 0 ? -0.0f : pick == 1 ? 0.0f : pick == 2 ? -1.5f : 2.0f;
        }
        check(gap, 40);
        check(gap, 70);
    }
    /* One block of many threads; eight blocks, most of whose rows tie. */
    for (size_t n : {20011, 70001}) {
        std::vector<float> many(n);
        Random random(n);
        for (float& x : many) {
            x = random.normal() * 1e-3f;
        }
        check(many, 40);
        for (size_t i = 0; i < n; i++) {
            many[i] = random.below(3) > 0 ? 0.25f : many[i];
        }
        check(many, 7);
        check(many, 40);
    }
    check({1, NAN, 3}, 40);
    check({-INFINITY, 1, INFINITY, 2}, 50);
    check({-INFINITY, -INFINITY, INFINITY, 2, INFINITY}, 30);
    check({7}, 40);
    check_rule({3, 1, 2}, 1e-300, ADASPEC_SELECT_COUNT, {0});
    check_rule({3, 1, 2}, 0.34, ADASPEC_SELECT_COUNT, {0, 2});
    check_rule({3, 1, 2}, 1 / 3.0, ADASPEC_SELECT_COUNT, {0});
    Floats x(1, zeros());
    Ints i(1);
    CHECK_REFUSED(adaspec_select(i, i, x, 0.4, 0, x, 0, nullptr), "at least one was expected");
    CHECK_REFUSED(adaspec_select(i, i, x, 1.5, 0, x, 1, nullptr), "a share between 0 and 1");
    CHECK_REFUSED(adaspec_select(i, i, x, (double)NAN, 1, x, 1, nullptr), "a share between 0 and 1");
    CHECK_REFUSED(adaspec_select(i, i, x, 0.4, 2, x, 1, nullptr), "rule 2 does not exist");
    return finish();
}
