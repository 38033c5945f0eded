/*
 * Verification step by step against double: every acceptance, rejection and residual draw is what the uniform numbers say; the law of the emitted
 * token is the target's by enumeration; broken rows stop a sequence where they stand.
 */
#include "law_oracle.h"

struct Drafts {
    int64_t b, g, v, ld;
    Floats target, draft;
    Ints tokens, lengths, accepted, next;

    Drafts(int64_t b, int64_t g, int64_t v, uint64_t seed, float size = 1.5f)
        : b(b), g(g), v(v), ld(v + 2), target((b * (g + 1) - 1) * ld + v, normals(seed, size)), draft((b * g - 1) * ld + v, normals(seed + 1, size)),
          tokens(b * g), lengths(b), accepted(b), next(b) {
        Random random(seed + 2);
        for (int64_t i = 0; i < b * g; i++) {
            tokens[i] = (int32_t)random.below(v);
        }
        for (int64_t s = 0; s < b; s++) {
            lengths[s] = (int32_t)(s % (g + 1));
        }
        /* Half of the drafts near the target, so that acceptances of every length occur. */
        for (int64_t s = 0; s < b; s += 2) {
            for (int64_t i = 0; i < g; i++) {
                for (int64_t j = 0; j < v; j++) {
                    draft[(s * g + i) * ld + j] = target[(s * (g + 1) + i) * ld + j] + 0.1f * draft[(s * g + i) * ld + j];
                }
                tokens[s * g + i] = 0;
                for (int64_t j = 0; j < v; j++) {
                    tokens[s * g + i] = target[(s * (g + 1) + i) * ld + j] > target[(s * (g + 1) + i) * ld + tokens[s * g + i]] ? (int32_t)j
                        : tokens[s * g + i];
                }
            }
        }
    }
    void run(float temperature, bool one_hot, uint64_t seed, int64_t position) {
        CHECK_OK(adaspec_verify(accepted, next, target, ld, one_hot ? nullptr : draft.data, ld, tokens, lengths, temperature, one_hot, seed, 10,
            position, b, g, v,
                                nullptr));
    }
    const float* target_row(int64_t s, int64_t i) {
        return target.data + (s * (g + 1) + i) * ld;
    }
};

static void check(int64_t b, int64_t g, int64_t v, float temperature, bool one_hot) {
    /* A one-hot draft is accepted with the probability of its token: peaked laws, or long acceptances never occur. */
    Drafts d(b, g, v, (uint64_t)(v * 10 + g), one_hot ? 5.0f : 1.5f);
    const int64_t position = 7;
    const uint64_t seed = 0x123456789abcdefull;
    d.run(temperature, one_hot, seed, position);
    std::vector<int> reached((size_t)g + 1);
    for (int64_t s = 0; s < b; s++) {
        const int32_t accepted = d.accepted[s];
        CHECK(accepted >= 0 && accepted <= d.lengths[s], "sequence %d accepts %d of %d", (int)s, accepted, d.lengths[s]);
        reached[(size_t)accepted]++;
        for (int32_t i = 0; i <= accepted; i++) {
            const std::vector<double> p = law(d.target_row(s, i), v, temperature);
            const double u_next = uniform(seed, 10 + (int32_t)s, position + i, ADASPEC_PURPOSE_NEXT);
            if (i == d.lengths[s]) {
                CHECK(picks(p, u_next, d.next[s], 1e-6), "sequence %d: bonus %d", (int)s, d.next[s]);
                continue;
            }
            const int32_t x = d.tokens[s * g + i];
            std::vector<double> q((size_t)v);
            if (one_hot) {
                q[(size_t)x] = 1;
            } else {
                q = law(d.draft.data + (s * g + i) * d.ld, v, temperature);
            }
            const double margin = uniform(seed, 10 + (int32_t)s, position + i, ADASPEC_PURPOSE_ACCEPT) * q[(size_t)x] - p[(size_t)x];
            CHECK(i < accepted ? margin < 1e-6 : margin > -1e-6, "sequence %d: draft token %d is wrongly %s", (int)s, i, i < accepted ? "accepted"
                : "rejected");
            if (i == accepted) {
                std::vector<double> rest((size_t)v);
                for (size_t j = 0; j < (size_t)v; j++) {
                    rest[j] = fmax(p[j] - q[j], 0);
                }
                CHECK(picks(rest, u_next, d.next[s], 1e-5), "sequence %d: residual token %d", (int)s, d.next[s]);
            }
        }
    }
    if (b >= 200) {
        for (int64_t i = 0; i <= g; i++) {
            CHECK(reached[(size_t)i] > 0, "no sequence accepted %d: this test does not see that case", (int)i);
        }
    }
}

static void check_greedy() {
    Drafts d(300, 4, 33, 5);
    d.run(0, false, 1, 0);
    for (int64_t s = 0; s < d.b; s++) {
        int32_t i = 0;
        int32_t best = 0;
        for (;; i++) {
            best = 0;
            for (int32_t j = 1; j < d.v; j++) {
                best = d.target_row(s, i)[j] > d.target_row(s, i)[best] ? j : best;
            }
            if (i == d.lengths[s] || best != d.tokens[s * d.g + i]) {
                break;
            }
        }
        CHECK(d.accepted[s] == i && d.next[s] == best, "sequence %d: %d and %d, not %d and %d", (int)s, d.accepted[s], d.next[s], i, best);
    }
}

/* The emitted token's law is the target's: 300,000 drafts of one token, drawn from q by the library itself. */
static double emitted_chi_square(const std::vector<double>& wanted, float* target, float* draft) {
    const int draws = 300000;
    std::vector<int> counts(5);
    for (int i = 0; i < draws; i++) {
        int32_t token = -1, accepted = -1, next = -1;
        const int32_t length = 1;
        CHECK_OK(adaspec_sample(&token, draft, 5, 1, 42, 0, i, ADASPEC_PURPOSE_DRAFT, 1, 5, nullptr));
        CHECK_OK(adaspec_verify(&accepted, &next, target, 5, draft, 5, &token, &length, 1, 0, 42, 0, i, 1, 1, 5, nullptr));
        counts[(size_t)(accepted == 1 ? token : next)]++;
    }
    double sum = 0;
    for (size_t i = 0; i < 5; i++) {
        sum += pow(counts[i] - draws * wanted[i], 2) / (draws * wanted[i]);
    }
    return sum;
}

static void check_broken() {
    for (float temperature : {0.0f, 1.0f}) {
        for (int64_t at = 0; at <= 3; at++) {
            for (float poison : {NAN, INFINITY, -INFINITY}) {
                const int64_t v = 40;
                /* Draft and target alike with one likely token each: all would be accepted. */
                Floats target(4 * v, [&](int64_t i) { return i % v == 9 ? 50.0f : 0.0f; });
                Floats draft(3 * v, [&](int64_t i) { return i % v == 9 ? 50.0f : 0.0f; });
                for (int64_t j = 0; j < v; j++) {
                    target[at * v + j] = poison == -INFINITY || j == 3 ? poison : target[at * v + j];
                }
                Ints tokens(3, [](int64_t) { return 9; });
                Ints length(1, [](int64_t) { return 3; });
                int32_t accepted = -5, next = -5;
                CHECK_OK(adaspec_verify(&accepted, &next, target, v, draft, v, tokens, length, temperature, 0, 1, 0, 0, 1, 3, v, nullptr));
                CHECK(accepted == at && next == -1, "broken target row %d, temperature %g: accepted %d, next %d", (int)at, (double)temperature,
                    accepted, next);
            }
        }
    }
    const int64_t v = 20;
    Floats target(3 * v, zeros());
    Floats draft(2 * v, zeros());
    draft[v + 4] = NAN;
    Ints tokens(2, [](int64_t) { return 1; });
    Ints length(1, [](int64_t) { return 2; });
    int32_t accepted = -5, next = -5;
    CHECK_OK(adaspec_verify(&accepted, &next, target, v, draft, v, tokens, length, 1, 0, 1, 0, 0, 1, 2, v, nullptr));
    CHECK(accepted == 1 && next == -1, "broken draft row 1: accepted %d, next %d", accepted, next);
    /* One-hot drafts have no rows, and greedy verification reads none. */
    CHECK_OK(adaspec_verify(&accepted, &next, target, v, nullptr, 0, tokens, length, 1, 1, 1, 0, 0, 1, 2, v, nullptr));
    CHECK(next >= 0, "one-hot draft: next %d", next);
    CHECK_OK(adaspec_verify(&accepted, &next, target, v, nullptr, 0, tokens, length, 0, 0, 1, 0, 0, 1, 2, v, nullptr));
    CHECK(accepted == 0 && next == 0, "ties at temperature 0: accepted %d, next %d", accepted, next);
}

int main() {
    require_tier();
    check(300, 4, 33, 1, false);
    check(300, 4, 33, 1, true);
    check(40, 3, 257, 0.5f, false);
    check(40, 1, 1025, 1.7f, false);
    check(7, 5, 1, 1, false);
    check(3, 2, 50304, 1, false);
    check_greedy();
    check_broken();

    Floats target(10, normals(3));
    Floats draft(5, normals(4));
    CHECK(emitted_chi_square(law(target, 5, 1), target, draft) < 60, "the emitted law is not the target's");
    CHECK(emitted_chi_square(law(draft, 5, 1), target, draft) > 60, "the draft's law passes: the check sees nothing");

    check_threads("verify", [] {
        Drafts d(64, 3, 700, 8);
        d.run(1, false, 3, 0);
        std::vector<float> all(d.accepted.data, d.accepted.data + d.b);
        all.insert(all.end(), d.next.data, d.next.data + d.b);
        return all;
    });
    float x = 0;
    int32_t zero = 0, one = 1, a = 0, n = 0;
    CHECK_REFUSED(adaspec_verify(&a, &n, &x, 1, &x, 1, &one, &one, 1, 0, 0, 0, 0, 1, 1, 1, nullptr),
        "draft token 0 of sequence 0 is 1, outside the vocabulary of 1");
    CHECK_REFUSED(adaspec_verify(&a, &n, &x, 1, nullptr, 0, &zero, &one, 1, 0, 0, 0, 0, 1, 1, 1, nullptr), "the draft's logits are missing");
    CHECK_REFUSED(adaspec_verify(&a, &n, &x, 1, &x, 1, &zero, &one, 1, 0, 0, 0, 0, 1, 0, 1, nullptr), "has 1 draft tokens of at most 0");
    return finish();
}
