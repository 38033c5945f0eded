/*
 * Verification, token by token and by block, against double: every acceptance, rejection and leftover draw is what the uniform numbers say; the law of
 * the emitted tokens is the target's; broken rows stop a sequence where they stand.
 */
#include "law_oracle.h"

struct Mode {
    int32_t verification;
    bool one_hot;
    float temperature;
    int32_t top_k;
    float top_p;
};

/* b drafts of 0 to g tokens; target rows packed, in the reverse order of sequences, where `packed`. */
struct Drafts {
    int64_t b, g, v, ld;
    Floats target, draft;
    Ints tokens, lengths, first_rows, accepted, next;
    Draws draws;

    Drafts(int64_t b, int64_t g, int64_t v, uint64_t seed, float size = 1.5f)
        : b(b), g(g), v(v), ld(v + 2), target((b * (g + 1) - 1) * ld + v, normals(seed, size)), draft((b * g - 1) * ld + v, normals(seed + 1, size)),
          tokens(b * g), lengths(b), first_rows(b), accepted(b), next(b), draws(b) {
        int32_t row = 0;
        for (int64_t s = 0; s < b; s++) {
            lengths[s] = (int32_t)(s % (g + 1));
        }
        for (int64_t s = b - 1; s >= 0; s--) {
            first_rows[s] = row;
            row += lengths[s] + 1;
        }
        /* Two thirds of the drafts near the target, so that acceptances of every length occur; a third of them drawn, a third the argmax. */
        Random random(seed + 2);
        for (int64_t s = 0; s < b; s++) {
            for (int64_t i = 0; i < g; i++) {
                float* row_of_draft = draft.data + (s * g + i) * ld;
                int64_t best = 0;
                for (int64_t j = 0; j < v; j++) {
                    if (s % 3 != 2 && i < lengths[s]) {
                        row_of_draft[j] = target_row(s, i)[j] + 0.3f * row_of_draft[j];
                    }
                    best = row_of_draft[j] > row_of_draft[best] ? j : best;
                }
                tokens[s * g + i] = (int32_t)(s % 3 == 0 ? best : random.below(v));
            }
        }
    }
    void run(const Mode& m, uint64_t seed) {
        for (int64_t s = 0; s < b; s++) {
            draws[s] = draw_of(seed, 7 + 100 * s, 10 + (int32_t)(s % 4), m.temperature, m.top_k, m.top_p);
        }
        CHECK_OK(adaspec_verify(accepted, next, target, ld, first_rows, m.one_hot ? nullptr : draft.data, ld, tokens, lengths, draws,
            m.verification, m.one_hot, b, g, v, nullptr));
    }
    const float* target_row(int64_t s, int64_t i) {
        return target.data + (first_rows[s] + i) * ld;
    }
};

/* What the rules say about sequence s, in double. */
struct Oracle {
    std::vector<std::vector<double>> p, q;
    std::vector<double> bound, scale; /* token i passes below bound[i]; scale[i] p - q is left after i tokens */
    std::vector<double> leftover(size_t i, double scale_i) const {
        std::vector<double> left(p[i].size());
        for (size_t j = 0; j < left.size(); j++) {
            left[j] = fmax(scale_i * p[i][j] - q[i][j], 0);
        }
        return left;
    }

    Oracle(Drafts& d, int64_t s, const Mode& m) : bound((size_t)d.lengths[s]), scale((size_t)d.lengths[s]) {
        const size_t length = (size_t)d.lengths[s];
        for (size_t i = 0; i <= length; i++) {
            p.push_back(law(d.target_row(s, (int64_t)i), d.v, d.draws[s]));
            if (i < length) {
                q.push_back(m.one_hot ? std::vector<double>((size_t)d.v) : law(d.draft.data + (s * d.g + (int64_t)i) * d.ld, d.v, d.draws[s]));
                if (m.one_hot) {
                    q[i][(size_t)d.tokens[s * d.g + (int64_t)i]] = 1;
                }
            }
        }
        double stands = 1;
        for (size_t i = 0; i < length; i++) {
            const size_t x = (size_t)d.tokens[s * d.g + (int64_t)i];
            scale[i] = m.verification == ADASPEC_VERIFY_BLOCK ? stands : 1;
            const double ratio = scale[i] * p[i][x] / q[i][x];
            stands = scale[i] * p[i][x] == 0 ? 0 : ratio < 1 ? ratio : 1;
            bound[i] = stands;
            if (m.verification == ADASPEC_VERIFY_BLOCK && i + 1 < length) {
                double left = 0;
                for (double weight : leftover(i + 1, stands)) {
                    left += weight;
                }
                bound[i] = stands == 1 ? 1 : left / (left + 1 - stands);
            }
        }
    }
};

static void check(int64_t b, int64_t g, int64_t v, const Mode& m) {
    /* A one-hot draft is accepted with the probability of its token: peaked laws, or long acceptances never occur. */
    Drafts d(b, g, v, (uint64_t)(v * 10 + g), m.one_hot ? 5.0f : 1.5f);
    d.run(m, 0x123456789abcdefull);
    std::vector<int> reached((size_t)g + 1);
    for (int64_t s = 0; s < b; s++) {
        const Oracle oracle(d, s, m);
        const int32_t accepted = d.accepted[s];
        const int32_t length = d.lengths[s];
        CHECK(accepted >= 0 && accepted <= length, "sequence %d accepts %d of %d", (int)s, accepted, length);
        reached[(size_t)accepted]++;
        /* Block: the last that passes. Token: all up to the first that does not. */
        for (int32_t i = 0; i < length; i++) {
            const double margin = uniform(d.draws[s], ADASPEC_PURPOSE_ACCEPT, i) - oracle.bound[(size_t)i];
            const bool block = m.verification == ADASPEC_VERIFY_BLOCK;
            if (block ? i == accepted - 1 : i < accepted) {
                CHECK(margin < 2e-5, "sequence %d: draft token %d is wrongly accepted by %g", (int)s, i, margin);
            } else if (block ? i >= accepted : i == accepted) {
                CHECK(margin > -2e-5, "sequence %d: draft token %d is wrongly rejected by %g", (int)s, i, margin);
            }
        }
        const double u = uniform(d.draws[s].seed, d.draws[s].sequence, d.draws[s].position + accepted, ADASPEC_PURPOSE_NEXT);
        const bool all = accepted == length;
        CHECK(picks(all ? oracle.p[(size_t)accepted] : oracle.leftover((size_t)accepted, oracle.scale[(size_t)accepted]), u, d.next[s], 3e-5),
            "sequence %d: next token %d after %d of %d", (int)s, d.next[s], accepted, length);
    }
    if (b >= 200) {
        for (int64_t i = 0; i <= g; i++) {
            CHECK(reached[(size_t)i] > 0, "no sequence accepted %d: this test does not see that case", (int)i);
        }
    }
}

static void check_greedy() {
    Drafts d(300, 4, 33, 5);
    for (int32_t verification : {ADASPEC_VERIFY_TOKEN, ADASPEC_VERIFY_BLOCK}) {
        d.run({verification, false, 0, 3, 0.5f}, 1);
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
}

/*
 * Chi-square of the pairs that 300,000 drafts of two tokens emit first, against p0 times p1: rows that depend on the position alone. Drafts are drawn
 * by the library itself; where fewer than two tokens are emitted, the second is the target's own.
 */
static double emitted_chi_square(const std::vector<double>& p0, const std::vector<double>& p1, float* target, float* draft, int32_t verification) {
    const int64_t b = emulated() ? 10000 : 300000;
    Floats draft_rows(b * 10, [&](int64_t i) { return draft[i % 10]; });
    Floats second_rows(b * 5, [&](int64_t i) { return target[5 + i % 5]; });
    Draws draws(b, [](int64_t s) { return draw_of(42, 3 * s, 0, 1); });
    Draws own(b, [](int64_t s) { return draw_of(43, 3 * s, 0, 1); });
    Ints tokens(b * 2), token(b), second(b), accepted(b), next(b);
    Ints lengths(b, [](int64_t) { return 2; });
    Ints first_rows(b, [](int64_t) { return 0; });
    for (int32_t i = 0; i < 2; i++) {
        CHECK_OK(adaspec_sample(token, nullptr, draft_rows + 5 * i, 10, draws, ADASPEC_PURPOSE_DRAFT, i, b, 5, nullptr));
        for (int64_t s = 0; s < b; s++) {
            tokens[2 * s + i] = token[s];
        }
    }
    CHECK_OK(adaspec_verify(
        accepted, next, target, 5, first_rows, draft_rows, 5, tokens, lengths, draws, verification, 0, b, 2, 5, nullptr));
    CHECK_OK(adaspec_sample(second, nullptr, second_rows, 5, own, ADASPEC_PURPOSE_NEXT, 0, b, 5, nullptr));
    std::vector<int> counts(25);
    for (int64_t s = 0; s < b; s++) {
        const int32_t first = accepted[s] >= 1 ? tokens[2 * s] : next[s];
        counts[(size_t)(first * 5 + (accepted[s] == 2 ? tokens[2 * s + 1] : accepted[s] == 1 ? next[s] : second[s]))]++;
    }
    double sum = 0;
    for (size_t i = 0; i < 25; i++) {
        sum += pow(counts[i] - (double)b * p0[i / 5] * p1[i % 5], 2) / ((double)b * p0[i / 5] * p1[i % 5]);
    }
    return sum;
}

static void check_broken(int32_t verification) {
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
                Draws draw(1, [&](int64_t) { return draw_of(1, 0, 0, temperature, 7, 0.9f); });
                Ints accepted(1), next(1);
                CHECK_OK(adaspec_verify(accepted, next, target, v, nullptr, draft, v, tokens, length, draw, verification, 0, 1, 3, v, nullptr));
                CHECK(accepted[0] == at && next[0] == -1, "broken target row %d, temperature %g: accepted %d, next %d", (int)at, (double)temperature,
                    accepted[0], next[0]);
            }
        }
    }
    const int64_t v = 20;
    Floats target(3 * v, zeros());
    Floats draft(2 * v, zeros());
    draft[v + 4] = NAN;
    Ints tokens(2, [](int64_t) { return 1; });
    Ints length(1, [](int64_t) { return 2; });
    Draws sampled(1, [](int64_t) { return draw_of(1, 0, 0, 1); });
    Draws greedy(1, [](int64_t) { return draw_of(1, 0, 0, 0); });
    Ints accepted(1), next(1);
    CHECK_OK(adaspec_verify(accepted, next, target, v, nullptr, draft, v, tokens, length, sampled, verification, 0, 1, 2, v, nullptr));
    CHECK(accepted[0] == 1 && next[0] == -1, "broken draft row 1: accepted %d, next %d", accepted[0], next[0]);
    /* One-hot drafts have no rows, and greedy verification reads none. */
    CHECK_OK(adaspec_verify(accepted, next, target, v, nullptr, nullptr, 0, tokens, length, sampled, verification, 1, 1, 2, v, nullptr));
    CHECK(next[0] >= 0, "one-hot draft: next %d", next[0]);
    CHECK_OK(adaspec_verify(accepted, next, target, v, nullptr, nullptr, 0, tokens, length, greedy, verification, 0, 1, 2, v, nullptr));
    CHECK(accepted[0] == 0 && next[0] == 0, "ties at temperature 0: accepted %d, next %d", accepted[0], next[0]);
}

/* A draft equal to the target is accepted whole, whatever the warp: no rounding lets a number of 1 - 2^-53 fail. */
static void check_itself(int32_t verification) {
    const int64_t b = 400, g = 4, v = 700;
    Floats target(b * (g + 1) * v, normals(31, 3));
    Floats draft(b * g * v, [&](int64_t i) { return target[(i / v / g * (g + 1) + i / v % g) * v + i % v]; });
    Ints tokens(b * g);
    Ints lengths(b, [=](int64_t) { return (int32_t)g; });
    Draws draws(b, [](int64_t s) { return draw_of(5, s, (int32_t)s, s % 2 ? 1 : 0.6f, s % 3 ? 0 : 40, s % 5 ? 1 : 0.9f); });
    for (int64_t s = 0; s < b; s++) {
        for (int32_t i = 0; i < g; i++) {
            CHECK_OK(adaspec_sample(tokens + s * g + i, nullptr, draft + (s * g + i) * v, v, draws + s, ADASPEC_PURPOSE_DRAFT, i, 1, v, nullptr));
        }
    }
    Ints accepted(b), next(b);
    CHECK_OK(adaspec_verify(accepted, next, target, v, nullptr, draft, v, tokens, lengths, draws, verification, 0, b, g, v, nullptr));
    for (int64_t s = 0; s < b; s++) {
        CHECK(accepted[s] == g && next[s] >= 0, "sequence %d accepts %d of its own", (int)s, accepted[s]);
    }
}

static void check_refusals() {
    float x = 0;
    int32_t zero = 0, one = 1, a = 0, n = 0;
    const adaspec_draw draw = draw_of(0, 0, 0, 1);
    const adaspec_draw bad = draw_of(0, 0, 0, 1, 0, 2);
    CHECK_REFUSED_BY_PROCESSOR(adaspec_verify(&a, &n, &x, 1, nullptr, &x, 1, &one, &one, &draw, 0, 0, 1, 1, 1, nullptr),
        "draft token 0 of sequence 0 is 1, outside the vocabulary of 1");
    CHECK_REFUSED_BY_PROCESSOR(adaspec_verify(&a, &n, &x, 1, nullptr, nullptr, 0, &zero, &one, &draw, 0, 0, 1, 1, 1, nullptr), "the draft's logits are missing");
    CHECK_REFUSED_BY_PROCESSOR(adaspec_verify(&a, &n, &x, 1, nullptr, &x, 1, &zero, &one, &draw, 0, 0, 1, 0, 1, nullptr), "has 1 draft tokens of at most 0");
    CHECK_REFUSED(adaspec_verify(&a, &n, &x, 1, nullptr, &x, 1, &zero, &one, &draw, 2, 0, 1, 1, 1, nullptr), "verification 2 does not exist");
    CHECK_REFUSED_BY_PROCESSOR(adaspec_verify(&a, &n, &x, 1, nullptr, &x, 1, &zero, &one, &bad, 0, 0, 1, 1, 1, nullptr), "top_p is 2");
}

int main() {
    require_tier();
    for (int32_t verification : {ADASPEC_VERIFY_TOKEN, ADASPEC_VERIFY_BLOCK}) {
        check(300, 4, 33, {verification, false, 1, 0, 1});
        check(300, 4, 33, {verification, true, 1, 0, 1});
        check(300, 4, 33, {verification, false, 1.3f, 12, 1});
        check(300, 3, 33, {verification, false, 1.3f, 0, 0.85f});
        check(300, 3, 200, {verification, true, 0.8f, 150, 0.95f});
        check(40, 3, 257, {verification, false, 0.5f, 0, 1});
        check(40, 1, 1025, {verification, false, 1.7f, 300, 0.9f});
        check(7, 5, 1, {verification, false, 1, 0, 1});
        check(3, 2, 50304, {verification, false, 1, 0, 1});
        check_broken(verification);
        check_itself(verification);

        Floats target(15, normals(3));
        Floats draft(10, normals(4));
        const std::vector<double> p0 = law(target, 5, 1), p1 = law(target + 5, 5, 1);
        /* 24 degrees of freedom; 110 is passed once in 10^12. */
        CHECK(emitted_chi_square(p0, p1, target, draft, verification) < 110, "the emitted law is not the target's");
        CHECK(emitted_chi_square(law(draft, 5, 1), p1, target, draft, verification) > 110, "the draft's law passes: the check sees nothing");
        CHECK(emitted_chi_square(p0, law(draft + 5, 5, 1), target, draft, verification) > 110, "the draft's law passes: the check sees nothing");

        check_threads("verify", [verification] {
            Drafts d(64, 3, 700, 8);
            d.run({verification, false, 1, 50, 0.9f}, 3);
            std::vector<float> all(d.accepted.data, d.accepted.data + d.b);
            all.insert(all.end(), d.next.data, d.next.data + d.b);
            return all;
        });
    }
    check_greedy();
    check_refusals();
    return finish();
}
