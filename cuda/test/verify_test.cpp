/*
 * Verification, token by token and by block, against double: every acceptance, rejection and leftover draw is what the uniform numbers say, for every
 * stored type, for drafts of every length and laws of every kind side by side; rows at any stride give the same tokens; broken rows stop a sequence where
 * they stand. That the rules themselves leave the law the target's is verify_law_test's.
 */
#include "law_oracle.h"

/* How a batch is verified. Sequence s has the draw `warp(s)`, whose seed, position and sequence are its own. */
struct Mode {
    int32_t verification;
    bool one_hot;
    adaspec_draw (*warp)(int64_t s);
};

static adaspec_draw plain(int64_t) {
    return draw_of(0, 0, 0, 1);
}

/* Greedy beside sampled, and all warps side by side. */
static adaspec_draw mixed(int64_t s) {
    const float temperatures[] = {1, 0, 0.7f, 1.3f};
    const int32_t top_ks[] = {0, 12, 50};
    const float top_ps[] = {1, 0.85f, 0.9f, 1, 0.5f};
    return draw_of(0, 0, 0, temperatures[s % 4], top_ks[s % 3], top_ps[s % 5]);
}

/* b drafts of 0 to g tokens; target rows packed, in the reverse order of sequences, where `packed`. */
struct Drafts {
    int64_t b, g, v;
    bool packed;
    Logits target, draft;
    Ints tokens, lengths, first_rows, accepted, next, accepted_at;
    Draws draws;

    Drafts(int64_t b, int64_t g, int64_t v, int32_t type, bool by_16, bool packed, uint64_t seed, float size = 1.5f)
        : b(b), g(g), v(v), packed(packed), target(type, b * (g + 1), v, by_16, normals(seed, size)),
          draft(type, b * g, v, by_16, normals(seed + 1, size)), tokens(b * g), lengths(b), first_rows(b), accepted(b), next(b), accepted_at(g), draws(b) {
        int32_t row = 0;
        for (int64_t s = 0; s < b; s++) {
            lengths[s] = (int32_t)((s / 2) % (g + 1));
        }
        for (int64_t s = b - 1; s >= 0; s--) {
            first_rows[s] = packed ? row : (int32_t)(s * (g + 1));
            row += lengths[s] + 1;
        }
        /* Two thirds of the drafts near the target, so that acceptances of every length occur; a third of them drawn, a third the argmax. */
        Random random(seed + 2);
        for (int64_t s = 0; s < b; s++) {
            for (int64_t i = 0; i < g; i++) {
                const int64_t first = (s * g + i) * draft.ld;
                int64_t best = 0;
                for (int64_t j = 0; j < v; j++) {
                    if (s % 3 != 2 && i < lengths[s]) {
                        draft.set(first + j, target_row(s, i)[j] + 0.3f * draft.values[first + j]);
                    }
                    best = draft.values[first + j] > draft.values[first + best] ? j : best;
                }
                tokens[s * g + i] = (int32_t)(s % 3 == 0 ? best : random.below(v));
            }
        }
    }
    void run(const Mode& m, uint64_t seed) {
        for (int64_t s = 0; s < b; s++) {
            draws[s] = m.warp(s);
            draws[s].seed = seed;
            draws[s].position = 7 + 100 * s;
            draws[s].sequence = 10 + (int32_t)(s % 4);
        }
        for (int64_t i = 0; i < g; i++) {
            accepted_at[i] = 5;
        }
        CHECK_OK(adaspec_verify(accepted, next, accepted_at, target.data(), target.type, target.ld, packed ? first_rows.data : nullptr,
            m.one_hot ? nullptr : draft.data(), draft.ld, tokens, lengths, draws, m.verification, m.one_hot, b, g, v, nullptr));
    }
    const float* target_row(int64_t s, int64_t i) const {
        return target.row(first_rows[s] + i);
    }
};

/* What the rules say about sequence s, in double. */
static Decision decision_of(const Drafts& d, int64_t s, const Mode& m) {
    std::vector<std::vector<double>> p, q;
    for (int64_t i = 0; i <= d.lengths[s]; i++) {
        p.push_back(law(d.target_row(s, i), d.v, d.draws[s]));
        if (i < d.lengths[s]) {
            q.push_back(m.one_hot ? std::vector<double>((size_t)d.v) : law(d.draft.row(s * d.g + i), d.v, d.draws[s]));
            if (m.one_hot) {
                q.back()[(size_t)d.tokens[s * d.g + i]] = 1;
            }
        }
    }
    return Decision(m.verification, p, q, d.tokens.data + s * d.g);
}

static void check_greedy_sequence(const Drafts& d, int64_t s) {
    for (int32_t i = 0;; i++) {
        const float* row = d.target_row(s, i);
        int32_t best = 0;
        for (int32_t j = 1; j < d.v; j++) {
            best = row[j] > row[best] ? j : best;
        }
        if (i == d.lengths[s] || best != d.tokens[s * d.g + i]) {
            CHECK(d.accepted[s] == i && d.next[s] == best, "sequence %d: %d and %d, not %d and %d", (int)s, d.accepted[s], d.next[s], i, best);
            return;
        }
    }
}

static void check_sampled_sequence(const Drafts& d, int64_t s, const Mode& m) {
    const Decision oracle = decision_of(d, s, m);
    const int32_t accepted = d.accepted[s];
    const int32_t length = d.lengths[s];
    CHECK(accepted >= 0 && accepted <= length, "sequence %d accepts %d of %d", (int)s, accepted, length);
    if (accepted < 0 || accepted > length) {
        return;
    }
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
    CHECK(picks(oracle.left((size_t)accepted), u, d.next[s], 3e-5),
        "sequence %d: next token %d after %d of %d", (int)s, d.next[s], accepted, length);
}

static void check(int64_t b, int64_t g, int64_t v, const Mode& m, int32_t type = ADASPEC_F32, bool by_16 = false, bool packed = true) {
    /* A one-hot draft is accepted with the probability of its token: peaked laws, or long acceptances never occur. */
    Drafts d(b, g, v, type, by_16, packed, (uint64_t)(v * 10 + g), m.one_hot ? 5.0f : 1.5f);
    d.run(m, 0x123456789abcdefull);
    std::vector<int> reached((size_t)g + 1);
    for (int64_t s = 0; s < b; s++) {
        if (d.draws[s].temperature == 0) {
            check_greedy_sequence(d, s);
        } else {
            check_sampled_sequence(d, s, m);
        }
        reached[(size_t)d.accepted[s]]++;
    }
    int more = 0;
    for (int64_t i = g; i >= 0; i--) {
        CHECK(b < 200 || reached[(size_t)i] > 0, "no sequence accepted %d: this test does not see that case", (int)i);
        CHECK(i == g || d.accepted_at[i] == 5 + more, "at %d are accepted %d, not %d", (int)i, d.accepted_at[i] - 5, more);
        more += reached[(size_t)i];
    }
}

/*
 * Rows at any stride give the same tokens, and so do fewer sequences. On a device, rows at multiples of 16 bytes go to clusters and others to one block,
 * and one sequence has more blocks than one of many.
 */
static void check_paths(int64_t b, int64_t g, int64_t v, int32_t type, std::initializer_list<Mode> modes, int64_t& compared) {
    const uint64_t seed = (uint64_t)(v + 3 * g);
    const float size = 3;
    Drafts aligned(b, g, v, type, true, false, seed, size);
    Drafts odd(b, g, v, type, false, true, seed, size);
    /* Packed rows begin elsewhere: the same logits for the same sequence. */
    for (int64_t s = 0; s < b; s++) {
        for (int64_t i = 0; i <= aligned.lengths[s]; i++) {
            for (int64_t j = 0; j < v; j++) {
                odd.target.set((odd.first_rows[s] + i) * odd.target.ld + j, aligned.target_row(s, i)[j]);
            }
        }
    }
    for (int64_t i = 0; i < b * g; i++) {
        odd.tokens[i] = aligned.tokens[i];
        for (int64_t j = 0; j < v; j++) {
            odd.draft.set(i * odd.draft.ld + j, aligned.draft.row(i)[j]);
        }
    }
    Ints accepted(1), next(1);
    for (const Mode& m : modes) {
        aligned.run(m, 77 + (uint64_t)compared);
        odd.run(m, 77 + (uint64_t)compared);
        for (int64_t s = 0; s < b; s++) {
            CHECK(aligned.accepted[s] == odd.accepted[s] && aligned.next[s] == odd.next[s],
                "sequence %d of v %d, type %d: %d and %d, at odd strides %d and %d", (int)s, (int)v, type, aligned.accepted[s], aligned.next[s], odd.accepted[s], odd.next[s]);
            if (s % 23 == 5) {
                CHECK_OK(adaspec_verify(accepted, next, nullptr, aligned.target.data(s * (g + 1)), type, aligned.target.ld, nullptr,
                    m.one_hot ? nullptr : aligned.draft.data(s * g), aligned.draft.ld, aligned.tokens + s * g, aligned.lengths + s, aligned.draws + s,
                    m.verification, m.one_hot, 1, g, v, nullptr));
                CHECK(accepted[0] == aligned.accepted[s] && next[0] == aligned.next[s],
                    "sequence %d of v %d alone: %d and %d, not %d and %d", (int)s, (int)v, accepted[0], next[0], aligned.accepted[s], aligned.next[s]);
            }
        }
        compared += b;
    }
}

static void check_broken(int32_t verification, int64_t v, bool by_16) {
    for (float temperature : {0.0f, 1.0f}) {
        for (int64_t at = 0; at <= 3; at++) {
            for (float poison : {NAN, INFINITY, -INFINITY}) {
                /* Draft and target alike with one likely token each: all would be accepted. */
                Logits target(ADASPEC_F32, 4, v, by_16, zeros());
                Logits draft(ADASPEC_F32, 3, v, by_16, zeros());
                for (int64_t i = 0; i < 4; i++) {
                    target.set(i * target.ld + 9, 50);
                    draft.set(i % 3 * draft.ld + 9, 50);
                }
                for (int64_t j = 0; j < v; j++) {
                    target.set(at * target.ld + j, poison == -INFINITY || j == 3 ? poison : target.row(at)[j]);
                }
                Ints tokens(3, [](int64_t) { return 9; });
                Ints length(1, [](int64_t) { return 3; });
                Draws draw(1, [&](int64_t) { return draw_of(1, 0, 0, temperature, 7, 0.9f); });
                Ints accepted(1), next(1);
                CHECK_OK(adaspec_verify(accepted, next, nullptr, target.data(), ADASPEC_F32, target.ld, nullptr, draft.data(), draft.ld, tokens, length,
                    draw, verification, 0, 1, 3, v, nullptr));
                CHECK(accepted[0] == at && next[0] == -1, "broken target row %d, temperature %g: accepted %d, next %d", (int)at, (double)temperature,
                    accepted[0], next[0]);
            }
        }
    }
    Logits target(ADASPEC_F32, 3, v, by_16, zeros());
    Logits draft(ADASPEC_F32, 2, v, by_16, zeros());
    draft.set(draft.ld + 4, NAN);
    Ints tokens(2, [](int64_t) { return 1; });
    Ints length(1, [](int64_t) { return 2; });
    Draws sampled(1, [](int64_t) { return draw_of(1, 0, 0, 1); });
    Draws greedy(1, [](int64_t) { return draw_of(1, 0, 0, 0); });
    Ints accepted(1), next(1);
    CHECK_OK(adaspec_verify(accepted, next, nullptr, target.data(), ADASPEC_F32, target.ld, nullptr, draft.data(), draft.ld, tokens, length, sampled,
        verification, 0, 1, 2, v, nullptr));
    CHECK(accepted[0] == 1 && next[0] == -1, "broken draft row 1: accepted %d, next %d", accepted[0], next[0]);
    /* One-hot drafts have no rows, and greedy verification reads none. */
    CHECK_OK(adaspec_verify(
        accepted, next, nullptr, target.data(), ADASPEC_F32, target.ld, nullptr, nullptr, 0, tokens, length, sampled, verification, 1, 1, 2, v, nullptr));
    CHECK(next[0] >= 0, "one-hot draft: next %d", next[0]);
    CHECK_OK(adaspec_verify(
        accepted, next, nullptr, target.data(), ADASPEC_F32, target.ld, nullptr, nullptr, 0, tokens, length, greedy, verification, 0, 1, 2, v, nullptr));
    CHECK(accepted[0] == 0 && next[0] == 0, "ties at temperature 0: accepted %d, next %d", accepted[0], next[0]);
}

/* A draft equal to the target is accepted whole, whatever the warp: no rounding lets a number of 1 - 2^-53 fail. */
static void check_itself(int64_t b, int64_t v, int32_t type, int32_t verification) {
    const int64_t g = 4;
    Logits target(type, b * (g + 1), v, true, normals(31, 3));
    Logits draft(type, b * g, v, true, zeros());
    Ints tokens(b * g), token(b), lengths(b, [=](int64_t) { return (int32_t)g; });
    Draws draws(b, [](int64_t s) { return draw_of(5, s, (int32_t)s, s % 2 ? 1 : 0.6f, s % 3 ? 0 : 40, s % 5 ? 1 : 0.9f); });
    for (int32_t i = 0; i < g; i++) {
        for (int64_t s = 0; s < b; s++) {
            for (int64_t j = 0; j < v; j++) {
                draft.set((s * g + i) * draft.ld + j, target.row(s * (g + 1) + i)[j]);
            }
        }
        CHECK_OK(adaspec_sample(token, nullptr, draft.data(i), type, g * draft.ld, draws, ADASPEC_PURPOSE_DRAFT, i, b, v, nullptr));
        for (int64_t s = 0; s < b; s++) {
            tokens[s * g + i] = token[s];
        }
    }
    Ints accepted(b), next(b);
    CHECK_OK(adaspec_verify(accepted, next, nullptr, target.data(), type, target.ld, nullptr, draft.data(), draft.ld, tokens, lengths, draws, verification, 0,
        b, g, v, nullptr));
    for (int64_t s = 0; s < b; s++) {
        CHECK(accepted[s] == g && next[s] >= 0, "sequence %d accepts %d of its own", (int)s, accepted[s]);
    }
}

static void check_refusals() {
    Floats x(1, zeros());
    Ints token(1), one(1, [](int64_t) { return 1; }), a(1), n(1);
    Draws draw(1, [](int64_t) { return draw_of(0, 0, 0, 1); });
    Draws bad(1, [](int64_t) { return draw_of(0, 0, 0, 1, 0, 2); });
    const auto verify = [&](const float* draft, const Draws& d, int32_t type, int32_t verification, int64_t g) {
        return adaspec_verify(a, n, nullptr, x, type, 1, nullptr, draft, 1, token, one, d.data, verification, 0, 1, g, 1, nullptr);
    };
    token[0] = 1;
    CHECK_REFUSED_BY_PROCESSOR(verify(x, draw, ADASPEC_F32, 0, 1), "draft token 0 of sequence 0 is 1, outside the vocabulary of 1");
    token[0] = 0;
    CHECK_REFUSED_BY_PROCESSOR(verify(nullptr, draw, ADASPEC_F32, 0, 1), "the draft's logits are missing");
    CHECK_REFUSED_BY_PROCESSOR(verify(x, draw, ADASPEC_F32, 0, 0), "has 1 draft tokens of at most 0");
    CHECK_REFUSED(verify(x, draw, ADASPEC_F32, 2, 1), "verification 2 does not exist");
    CHECK_REFUSED(verify(x, draw, 3, 0, 1), "element type 3");
    CHECK_REFUSED_BY_PROCESSOR(verify(x, bad, ADASPEC_F32, 0, 1), "top_p is 2");
}

int main() {
    require_tier();
    int64_t compared = 0;
    constexpr int32_t TOKEN = ADASPEC_VERIFY_TOKEN, BLOCK = ADASPEC_VERIFY_BLOCK;
    const std::initializer_list<Mode> modes = {{TOKEN, false, mixed}, {TOKEN, false, plain}, {BLOCK, false, plain},
                                               {BLOCK, false, mixed}, {TOKEN, true, plain},  {BLOCK, true, mixed}};
    for (int32_t type : TYPES) {
        check_paths(64, 3, 4104, type, modes, compared);
    }
    check_paths(36, 7, 8200, ADASPEC_F32, {{BLOCK, false, plain}}, compared);
    check_paths(36, 9, 4103, ADASPEC_BF16, {{TOKEN, false, plain}, {BLOCK, false, plain}}, compared);
    CHECK(compared > 1200, "%d sequences compared at two strides", (int)compared);
    for (int32_t verification : {ADASPEC_VERIFY_TOKEN, ADASPEC_VERIFY_BLOCK}) {
        check(300, 4, 33, {verification, false, plain});
        check(300, 4, 33, {verification, true, plain}, ADASPEC_F16);
        check(400, 3, 65, {verification, false, mixed}, ADASPEC_BF16);
        check(300, 3, 200, {verification, true, mixed}, ADASPEC_F32, true, false);
        check(40, 1, 1025, {verification, false, mixed}, ADASPEC_F16);
        check(7, 5, 1, {verification, false, plain});
        check(3, 2, 50304, {verification, false, plain}, ADASPEC_F32);
        check(5, 2, 50304, {verification, false, plain}, ADASPEC_BF16, true);
        check(2, 1, 151936, {verification, false, plain}, ADASPEC_BF16, true);
        /* In clusters: ids without a whole group of eight, and a draft that needs more rows than there is room for at once. */
        check(40, 3, 4099, {verification, false, mixed}, ADASPEC_BF16, true);
        check(40, 3, 4099, {verification, true, mixed}, ADASPEC_F32, true, false);
        check(36, 7, 8200, {verification, false, mixed}, ADASPEC_F32, true);
        check_broken(verification, 40, false);
        check_broken(verification, 4101, true);
        check_itself(200, 700, ADASPEC_F32, verification);
        check_itself(30, 4500, ADASPEC_BF16, verification);

        check_threads("verify", [verification] {
            Drafts d(64, 3, 700, ADASPEC_F32, false, true, 8);
            d.run({verification, false, mixed}, 3);
            std::vector<float> all(d.accepted.data, d.accepted.data + d.b);
            all.insert(all.end(), d.next.data, d.next.data + d.b);
            all.insert(all.end(), d.accepted_at.data, d.accepted_at.data + d.g);
            return all;
        });
    }
    check_refusals();
    return finish();
}
