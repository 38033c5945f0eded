/*
 * Sampling: the token is the one the inverse distribution function in double picks from the law under temperature, top-k and top-p, ties with their
 * boundary values are kept, and what cannot be sampled gives -1.
 */
#include "law_oracle.h"

static void check_known_answers() {
    /* Random123's known answers for philox4x32-10. */
    const Philox zeros(0, 0, 0, 0, 0, 0);
    CHECK(zeros.word[0] == 0x6627e8d5 && zeros.word[1] == 0xe169c58d && zeros.word[2] == 0xbc57ac4c && zeros.word[3] == 0x9b00dbd8, "zeros");
    const Philox ones(~0u, ~0u, ~0u, ~0u, ~0u, ~0u);
    CHECK(ones.word[0] == 0x408f276d && ones.word[1] == 0x41c83b0e && ones.word[2] == 0xa20bc7c6 && ones.word[3] == 0x6d5451fd, "ones");
    const Philox pi(0xa4093822, 0x299f31d0, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344);
    CHECK(pi.word[0] == 0xd16cfe09 && pi.word[1] == 0x94fdcceb && pi.word[2] == 0x5001e420 && pi.word[3] == 0x24126ea1, "pi");
}

/* Every sequence with its own temperature, top-k, top-p, seed, sequence and position. */
static void check(int64_t b, int64_t v, uint64_t seed, const std::function<float(int64_t)>& logit, int32_t type = ADASPEC_F32, bool by_16 = false) {
    const float temperatures[] = {0, 0.3f, 1, 2.5f};
    const int32_t top_ks[] = {0, 1, 2, 7, 50, 1000};
    const float top_ps[] = {1, 1e-6f, 0.5f, 0.9f, 0.999f};
    const Logits logits(type, b, v, by_16, logit);
    Ints token(b);
    Floats probability(b);
    Draws draws(b, [&](int64_t i) {
        return draw_of(seed << 20, ((int64_t)1 << 33) + 5 * i, 40 + (int32_t)i, temperatures[i % 4], top_ks[i / 4 % 6], top_ps[i / 24 % 5]);
    });
    Ints alone(1);
    const int32_t index = 3;
    CHECK_OK(adaspec_sample(token, probability, logits.data(), type, logits.ld, draws, ADASPEC_PURPOSE_DRAFT, index, b, v, nullptr));
    for (int64_t i = 0; i < b; i++) {
        const float* row = logits.row(i);
        const adaspec_draw& d = draws[i];
        double wanted = 0;
        if (d.temperature == 0) {
            for (int64_t j = 0; j < v; j++) {
                CHECK(row[j] < row[token[i]] || (row[j] == row[token[i]] && j >= token[i]), "row %d: %d is not the lowest argmax", (int)i, token[i]);
            }
            wanted = law(row, v, 1)[(size_t)token[i]];
        } else {
            const double u = uniform(d, ADASPEC_PURPOSE_DRAFT, index);
            std::vector<double> p = law(row, v, d, -1e-6);
            if (!picks(p, u, token[i], 2e-6)) {
                p = law(row, v, d, 1e-6); /* a mass on the boundary within rounding */
            }
            CHECK(picks(p, u, token[i], 2e-6), "row %d of v %d, temperature %g, top-k %d, top-p %g: %d is not what %g picks", (int)i, (int)v,
                (double)d.temperature, d.top_k, (double)d.top_p, token[i], u);
            wanted = token[i] >= 0 ? p[(size_t)token[i]] : NAN;
            if (!is_close(probability[i], wanted, 1e-7, 3e-6) && token[i] >= 0) {
                wanted = law(row, v, d, 1e-6)[(size_t)token[i]]; /* likewise, where the token is far from the boundary */
            }
        }
        CHECK_CLOSE(probability[i], wanted, 1e-7, 3e-6, "the probability of row %d of v %d", (int)i, (int)v);
        if (i % 7 != 3) {
            continue;
        }
        CHECK_OK(adaspec_sample(alone, nullptr, logits.data(i), type, v, draws + i, ADASPEC_PURPOSE_DRAFT, index, 1, v, nullptr));
        CHECK(alone[0] == token[i], "row %d alone gives %d, not %d", (int)i, alone[0], token[i]);
    }
}

/* How often each id is drawn from one row of logits, at the positions 0 to n - 1. */
static std::vector<int> counts_of(int64_t n, const float* logits, int64_t v, uint64_t seed, float temperature, int32_t top_k, float top_p) {
    Floats rows(n * v, [&](int64_t i) { return logits[i % v]; });
    Draws draws(n, [&](int64_t i) { return draw_of(seed, i, 3, temperature, top_k, top_p); });
    Ints token(n);
    CHECK_OK(adaspec_sample(token, nullptr, rows, ADASPEC_F32, v, draws, ADASPEC_PURPOSE_NEXT, 0, n, v, nullptr));
    std::vector<int> counts((size_t)v);
    for (int64_t i = 0; i < n; i++) {
        CHECK(token[i] >= 0 && token[i] < v, "token %d is drawn from %d", token[i], (int)v);
        counts[(size_t)(token[i] % v)]++;
    }
    return counts;
}

/* Chi-square of 200,000 draws with 6 degrees of freedom; 60 is passed once in 10^11 seeds, and this one is fixed. */
static double chi_square(const std::vector<double>& wanted, const float* logits, float temperature, int32_t top_k, float top_p) {
    const int draws = emulated() ? 8000 : 200000;
    const std::vector<int> counts = counts_of(draws, logits, 7, 99, temperature, top_k, top_p);
    double sum = 0;
    for (size_t i = 0; i < 7; i++) {
        if (wanted[i] == 0) {
            CHECK(counts[i] == 0, "token %d was dropped and drawn", (int)i);
        } else {
            sum += pow(counts[i] - draws * wanted[i], 2) / (draws * wanted[i]);
        }
    }
    return sum;
}

/* The ids that draws over a fine grid of positions give: with 500 draws and weights above 4 %, none is missed. */
static std::vector<int> drawn(const float* logits, int64_t v, int32_t top_k, float top_p) {
    std::vector<int> counts = counts_of(500, logits, v, 7, 1, top_k, top_p);
    for (int& count : counts) {
        count = count > 0;
    }
    return counts;
}

static void check_ties() {
    /* Probabilities 8, 4, 4, 4, 2, 1, 1 of 24, out of order. */
    const float p[7] = {1, 4, 8, 4, 2, 4, 1};
    Floats logits(7, [&](int64_t i) { return logf(p[i]); });
    typedef std::vector<int> kept;
    CHECK(drawn(logits, 7, 1, 1) == (kept{0, 0, 1, 0, 0, 0, 0}), "top-k 1");
    CHECK(drawn(logits, 7, 2, 1) == (kept{0, 1, 1, 1, 0, 1, 0}), "top-k 2 keeps all that tie with the second");
    CHECK(drawn(logits, 7, 4, 1) == (kept{0, 1, 1, 1, 0, 1, 0}), "top-k 4");
    CHECK(drawn(logits, 7, 5, 1) == (kept{0, 1, 1, 1, 1, 1, 0}), "top-k 5");
    CHECK(drawn(logits, 7, 6, 1) == (kept{1, 1, 1, 1, 1, 1, 1}), "top-k 6 keeps both last ones");
    CHECK(drawn(logits, 7, 0, 0.33f) == (kept{0, 0, 1, 0, 0, 0, 0}), "top-p below 8/24");
    CHECK(drawn(logits, 7, 0, 0.34f) == (kept{0, 1, 1, 1, 0, 1, 0}), "top-p above 8/24 keeps all that tie with the boundary");
    CHECK(drawn(logits, 7, 0, 0.83f) == (kept{0, 1, 1, 1, 0, 1, 0}), "top-p below 20/24");
    CHECK(drawn(logits, 7, 0, 0.84f) == (kept{0, 1, 1, 1, 1, 1, 0}), "top-p above 20/24");
    /* 8 and 4, 4, 4 of 20 are left: 0.39 of them is 7.8, 0.41 is 8.2; of all 24 both would be above 8. */
    CHECK(drawn(logits, 7, 2, 0.39f) == (kept{0, 0, 1, 0, 0, 0, 0}), "top-p is taken of what top-k left");
    CHECK(drawn(logits, 7, 2, 0.41f) == (kept{0, 1, 1, 1, 0, 1, 0}), "top-p is taken of what top-k left");
    Floats zeros_of_both_signs(4, [](int64_t i) { return i == 0 ? -0.0f : i == 1 ? 0.0f : -1.0f; });
    CHECK(drawn(zeros_of_both_signs, 4, 1, 1) == (kept{1, 1, 0, 0}), "zeros of both signs tie");
    /* Many equal values, more than are ever sorted. */
    Floats flat(1000, [](int64_t i) { return i % 2 ? 3.0f : 2.0f; });
    Draws draws(500, [](int64_t i) { return draw_of(7, i, 0, 1, 1 + (int32_t)i, 0.5f); });
    Ints token(1);
    for (int i = 0; i < 500; i++) {
        CHECK_OK(adaspec_sample(token, nullptr, flat, ADASPEC_F32, 1000, draws + i, 0, 0, 1, 1000, nullptr));
        CHECK(token[0] % 2 == 1, "top-k %d of 500 equal values gives %d", 1 + i, token[0]);
    }
}

static void check_what_has_no_law() {
    Floats rows(5 * 40, [](int64_t i) { return i % 40 == 7 || i % 40 == 30 ? 5.0f : -INFINITY; });
    rows[1 * 40 + 39] = NAN;
    rows[2 * 40 + 3] = INFINITY;
    rows[3 * 40 + 7] = rows[3 * 40 + 30] = -INFINITY;
    for (float temperature : {0.0f, 1.0f}) {
        for (int32_t top_k : {0, 1, 5}) {
            for (float top_p : {1.0f, 0.7f}) {
                for (int64_t position = 0; position < 20; position++) {
                    Draws draws(5, [&](int64_t) { return draw_of(1, position, 0, temperature, top_k, top_p); });
                    Ints token(5);
                    Floats probability(5);
                    CHECK_OK(adaspec_sample(token, probability, rows, ADASPEC_F32, 40, draws, 0, 0, 5, 40, nullptr));
                    for (int64_t i : {0, 4}) {
                        CHECK(token[i] == 7 || (temperature > 0 && token[i] == 30), "token %d has no weight", token[i]);
                        CHECK_CLOSE(probability[i], 0.5, 1e-6, 0, "of two");
                    }
                    for (int64_t i : {1, 2, 3}) {
                        CHECK(token[i] == -1 && isnan(probability[i]), "broken row %d gives %d with %g", (int)i, token[i], (double)probability[i]);
                    }
                }
            }
        }
    }
}

/* Values that tie often, and values far apart, near zero and of both signs: neither halving of values nor the 256 largest would find their place alone. */
static void check_values(int64_t v, int64_t b, int32_t type, bool by_16) {
    auto random = std::make_shared<Random>((uint64_t)v);
    check(b, v, (uint64_t)v + 1, [random](int64_t) { return (float)random->below(9); }, type, by_16);
    check(b, v, (uint64_t)v + 2, [random](int64_t i) { return i % 2 ? -expf(10 * (float)random->uniform()) : (float)random->uniform(); }, type, by_16);
    check(b, v, (uint64_t)v + 3, [random](int64_t) { return 0.01f * random->normal(); }, type, by_16);
}

int main() {
    require_tier();
    check_known_answers();
    for (int64_t v : {1, 2, 15, 33, 65, 257, 1025}) {
        for (int32_t type : TYPES) {
            check(120, v, (uint64_t)v, normals((uint64_t)v, 2), type, v % 2 == 0);
        }
        check_values(v, 120, ADASPEC_F32, false);
    }
    /* What clusters take, at the least and more, with whole groups of eight and without; and what they cannot. */
    check(48, 4099, 1, normals(1, 2), ADASPEC_BF16, false);
    for (int32_t type : TYPES) {
        check(72, 4099, 2 + (uint64_t)type, normals(2, 2), type, true);
        check_values(4104, 48, type, true);
    }
    check(24, 50304, 17, normals(17, 2), ADASPEC_BF16, true);
    check(6, 151936, 18, normals(18, 3), ADASPEC_BF16, true);
    check(6, 50304, 19, normals(19, 2), ADASPEC_F32, false);
    check_ties();
    check_what_has_no_law();

    Floats logits(7, normals(12));
    CHECK(chi_square(law(logits, 7, 0.8), logits, 0.8f, 0, 1) < 60, "the law of 200,000 draws");
    CHECK(chi_square(law(logits, 7, 1.1), logits, 0.8f, 0, 1) > 60, "a law at another temperature passes: the check sees nothing");
    CHECK(chi_square(law(logits, 7, 0.8, 5, 0.9), logits, 0.8f, 5, 0.9f) < 60, "the law of 200,000 warped draws");
    CHECK(chi_square(law(logits, 7, 1.2, 5, 0.9), logits, 0.8f, 5, 0.9f) > 60, "a warped law at another temperature passes");

    check_threads("sample", [] {
        Floats x(60 * 900, normals(4));
        Ints token(60);
        Floats probability(60);
        Draws draws(60, [](int64_t) { return draw_of(2, 0, 0, 1, 40, 0.9f); });
        CHECK_OK(adaspec_sample(token, probability, x, ADASPEC_F32, 900, draws, 0, 0, 60, 900, nullptr));
        std::vector<float> all(token.data, token.data + 60);
        all.insert(all.end(), probability.data, probability.data + 60);
        return all;
    });
    Ints token(1);
    Floats x(1, zeros());
    Draws given(1);
    const auto refused = [&](const adaspec_draw& draw, const char* words) {
        given[0] = draw;
        CHECK_REFUSED_BY_PROCESSOR(adaspec_sample(token, nullptr, x, ADASPEC_F32, 1, given, 0, 0, 1, 1, nullptr), words);
    };
    refused(draw_of(0, 0, 0, -1), "temperature is -1");
    refused(draw_of(0, 0, 0, NAN), "temperature is");
    refused(draw_of(0, 0, 0, 1, -3), "top_k is -3");
    refused(draw_of(0, 0, 0, 1, 0, 0), "top_p is 0");
    refused(draw_of(0, 0, 0, 1, 0, 1.5f), "top_p is 1.5");
    refused(draw_of(0, 0, 0, 1, 0, NAN), "top_p is");
    given[0] = draw_of(0, 0, 0, 1);
    CHECK_REFUSED(adaspec_sample(token, nullptr, x, ADASPEC_F32, 0, given, 0, 0, 1, 1, nullptr), "row stride 0");
    CHECK_REFUSED(adaspec_sample(token, nullptr, x, ADASPEC_F32, 1, given, 0, -1, 1, 1, nullptr), "index -1");
    CHECK_REFUSED(adaspec_sample(token, nullptr, x, 3, 1, given, 0, 0, 1, 1, nullptr), "element type 3");
    return finish();
}
