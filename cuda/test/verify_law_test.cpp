/*
 * That verification leaves the law of what is emitted the target's, and that these proofs would see it if it did not.
 *
 * By enumeration over 2 to 4 ids (law_enumeration.h), and by chi-square over larger vocabularies. Faults must show in both: a law of the draft that is
 * not the one it was drawn from, block verification that ends at the first failure, and a leftover that is not scaled.
 */
#include "law_enumeration.h"

static adaspec_draw warp(int trial, int vocabulary) {
    Random random((uint64_t)trial + 77);
    const float temperatures[] = {1, 0.6f, 1.7f};
    const float temperature = temperatures[random.below(3)];
    const int32_t top_k = (int32_t)random.below(vocabulary + 1);
    const float top_p = random.below(2) ? 1 : 0.3f + 0.69f * (float)random.uniform();
    return trial % 2 == 0 ? draw_of(0, 11, 3, 1) : draw_of(0, 11, 3, temperature, top_k, top_p);
}

constexpr double EXACT = 1e-9;
/* An id of its own to each of a cluster's first blocks, and v that clusters take. */
constexpr int64_t CLUSTER_V = 4104, CLUSTER_APART = 1300;

static void check_enumeration(int32_t verification) {
    for (int trial = 0; trial < 18; trial++) {
        const int g = 1 + trial / 3 % 3;
        /* Drafts of three tokens over four ids have 2048 cells: enough for a processor. */
        const Models models(emulated() && g == 3 ? 2 + trial % 2 : 2 + trial % 3, (uint64_t)trial);
        for (bool one_hot : {false, true}) {
            const Step step = {models, verification, g, warp(trial, models.vocabulary), one_hot, {true, Fault::NONE}, models.vocabulary, 1};
            const double distance = excess(step, g == 3 ? 1 : 2);
            CHECK(distance < EXACT, "verification %d, trial %d, one-hot %d: %g from the target's law", verification, trial, one_hot, distance);
        }
    }
    for (int trial = 0; trial < 2; trial++) {
        const Models models(3, 500 + (uint64_t)trial);
        const Step step = {models, verification, 2, warp(trial, 3), false, {true, Fault::NONE}, CLUSTER_V, CLUSTER_APART};
        const double distance = excess(step, 1);
        CHECK(distance < EXACT, "verification %d, trial %d over %d ids: %g from the target's law", verification, trial, (int)CLUSTER_V, distance);
    }
}

static void check_faults(int32_t verification) {
    for (Fault fault : {Fault::NONE, Fault::WRONG_Q, Fault::FIRST_FAILURE, Fault::NOT_SCALED}) {
        for (bool library : {false, true}) {
            if (library && fault != Fault::WRONG_Q) {
                continue; /* the library's own faults are what all else here looks for */
            }
            double worst = 0;
            for (int trial = 0; trial < (library ? 6 : 24); trial++) {
                const Models models(2 + trial % 3, 200 + (uint64_t)trial, 2);
                worst = fmax(worst, excess({models, verification, 2, draw_of(0, 11, 3, 1), false, {library, fault}, models.vocabulary, 1}, 2));
            }
            /* Token verification is what it is: its leftover has the scale 1 and it ends at the first failure. */
            const bool harmless = fault == Fault::NONE || (verification == ADASPEC_VERIFY_TOKEN && fault != Fault::WRONG_Q);
            CHECK(harmless ? worst < EXACT : worst > 0.01, "verification %d: fault %d moves the law by %g", verification, (int)fault, worst);
        }
    }
}

static void check_example() {
    const Example models;
    for (int64_t v : {(int64_t)2, CLUSTER_V}) {
        double accepted[2] = {};
        for (int32_t verification : {ADASPEC_VERIFY_TOKEN, ADASPEC_VERIFY_BLOCK}) {
            const Step step = {models, verification, 2, draw_of(0, 0, 0, 1), false, {true, Fault::NONE}, v, v == 2 ? 1 : CLUSTER_APART};
            const Outcome outcome = enumerate(step, 2);
            CHECK(outcome.missing == 0, "%g is missing", outcome.missing);
            accepted[verification] = outcome.accepted;
        }
        CHECK_CLOSE(accepted[ADASPEC_VERIFY_TOKEN], 10 / 9.0, 1e-6, 0, "tokens that stand by token verification, v %d", (int)v);
        CHECK_CLOSE(accepted[ADASPEC_VERIFY_BLOCK], 11 / 9.0, 1e-6, 0, "tokens that stand by block verification, v %d", (int)v);
    }
}

/* The ids in eight groups of about equal probability by p, ordered by p / q: faults move mass along this order. */
static std::vector<int> groups_of(const std::vector<double>& p, const std::vector<double>& q) {
    std::vector<int> order, group(p.size());
    for (size_t j = 0; j < p.size(); j++) {
        order.push_back((int)j);
    }
    std::sort(order.begin(), order.end(), [&](int a, int b) { return p[(size_t)a] * q[(size_t)b] < p[(size_t)b] * q[(size_t)a]; });
    double through = 0;
    for (int j : order) {
        group[(size_t)j] = (int)fmin(7, 8 * through);
        through += p[(size_t)j];
    }
    return group;
}

/*
 * Chi-square of the groups of the first two ids that b drafts of two tokens emit, against float64: rows that depend on the place alone. Where fewer than
 * two ids are emitted, the second is the target's own. 63 degrees of freedom: 180 is passed once in 10^12.
 */
static double chi_square(int64_t b, int64_t v, int32_t type, const adaspec_draw& warp, int32_t verification, const Judge& judge) {
    const auto peaked = normals(3, 1.5f);
    const Logits target(type, 3, v, true, peaked);
    auto distance = normals(4, 1.5f);
    const Logits once(type, 2, v, true, [&](int64_t i) { return target.values[i] + distance(i); });
    const Logits draft(type, judge.library ? b * 2 : 0, v, true, [&](int64_t i) { return once.values[i % (2 * once.ld)]; });
    const Logits wrong(type, judge.fault == Fault::WRONG_Q ? b * 2 : 0, v, true, zeros());
    Draws draws(b, [&](int64_t s) { return draw_of(42, 3 * s, 0, warp.temperature, warp.top_k, warp.top_p); });
    Ints tokens(b * 2), accepted(b), next(b), first_rows(b, [](int64_t) { return 0; }), lengths(b, [](int64_t) { return 2; });
    std::vector<std::vector<double>> p, q;
    for (int64_t i = 0; i < 3; i++) {
        p.push_back(law(target.row(i), v, warp));
        if (i < 2) {
            q.push_back(law(once.row(i), v, warp));
        }
    }
    for (int64_t s = 0; s < 2 * b; s++) {
        tokens[s] = Judge::pick(q[(size_t)(s % 2)], uniform(draws[s / 2], ADASPEC_PURPOSE_DRAFT, (int32_t)(s % 2)));
    }
    if (judge.library) {
        CHECK_OK(adaspec_verify(accepted, next, nullptr, target.data(), type, target.ld, first_rows,
            judge.fault == Fault::WRONG_Q ? wrong.data() : draft.data(), draft.ld, tokens, lengths, draws, verification, 0, b, 2, v, nullptr));
    } else {
        for (int64_t s = 0; s < b; s++) {
            judge(Decision(verification, p, q, tokens + 2 * s), draws[s], accepted[s], next[s]);
        }
    }
    const std::vector<int> first_group = groups_of(p[0], q[0]), second_group = groups_of(p[1], q[1]);
    std::vector<double> counts(64), wanted(64);
    for (int64_t s = 0; s < b; s++) {
        const int32_t first = accepted[s] >= 1 ? tokens[2 * s] : next[s];
        const int32_t own = Judge::pick(p[1], uniform(43, 0, s, ADASPEC_PURPOSE_NEXT));
        const int32_t then = accepted[s] == 2 ? tokens[2 * s + 1] : accepted[s] == 1 ? next[s] : own;
        counts[(size_t)(first_group[(size_t)first] * 8 + second_group[(size_t)then])]++;
    }
    double mass[2][8] = {};
    for (size_t j = 0; j < (size_t)v; j++) {
        mass[0][first_group[j]] += p[0][j];
        mass[1][second_group[j]] += p[1][j];
    }
    double sum = 0;
    for (size_t i = 0; i < 64; i++) {
        const double expected = (double)b * mass[0][i / 8] * mass[1][i % 8];
        sum += expected > 0 ? pow(counts[i] - expected, 2) / expected : counts[i] > 0 ? 1e6 : 0;
    }
    return sum;
}

static void check_chi_square(int32_t verification) {
    const Judge library = {true, Fault::NONE}, wrong_q = {true, Fault::WRONG_Q};
    const adaspec_draw plain = draw_of(0, 0, 0, 1), cut = draw_of(0, 0, 0, 0.8f, 300, 0.95f);
    const int64_t b = emulated() ? 1500 : 6000;
    for (const adaspec_draw& warp : {plain, cut}) {
        const double right = chi_square(b, 1000, ADASPEC_F32, warp, verification, library);
        CHECK(right < 180, "verification %d: chi-square %g over 1000 ids", verification, right);
    }
    const double in_clusters = chi_square(emulated() ? 400 : 3000, CLUSTER_V, ADASPEC_BF16, cut, verification, library);
    CHECK(in_clusters < 180, "verification %d: chi-square %g over %d ids", verification, in_clusters, (int)CLUSTER_V);
    const double wrong = chi_square(b, 1000, ADASPEC_F32, plain, verification, wrong_q);
    CHECK(wrong > 180, "verification %d: a wrong law of the draft gives chi-square %g: nothing is seen", verification, wrong);
    if (on_gpu()) {
        return; /* the rule in double has no kernels */
    }
    for (Fault fault : {Fault::NONE, Fault::FIRST_FAILURE, Fault::NOT_SCALED}) {
        const double sum = chi_square(40000, 1000, ADASPEC_F32, plain, verification, {false, fault});
        const bool harmless = fault == Fault::NONE || verification == ADASPEC_VERIFY_TOKEN;
        CHECK(harmless ? sum < 180 : sum > 180, "verification %d: fault %d gives chi-square %g", verification, (int)fault, sum);
    }
}

int main() {
    require_tier();
    check_example();
    for (int32_t verification : {ADASPEC_VERIFY_TOKEN, ADASPEC_VERIFY_BLOCK}) {
        check_enumeration(verification);
        check_faults(verification);
        check_chi_square(verification);
    }
    return finish();
}
