/* Sampling: the token is the one the inverse distribution function in double picks, and what cannot be sampled gives -1. */
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

static void check(int64_t b, int64_t v, float temperature, uint64_t seed) {
    const int64_t ld = v + v % 3;
    Floats logits((b - 1) * ld + v, normals(seed, 2));
    Ints token(b);
    const int64_t position = ((int64_t)1 << 33) + 5;
    CHECK_OK(adaspec_sample(token, logits, ld, temperature, seed << 20, 40, position, ADASPEC_PURPOSE_DRAFT, b, v, nullptr));
    for (int64_t i = 0; i < b; i++) {
        const float* row = logits.data + i * ld;
        if (temperature == 0) {
            for (int64_t j = 0; j < v; j++) {
                CHECK(row[j] < row[token[i]] || (row[j] == row[token[i]] && j >= token[i]), "row %d: %d is not the lowest argmax", (int)i, token[i]);
            }
        } else {
            const double u = uniform(seed << 20, 40 + (int32_t)i, position, ADASPEC_PURPOSE_DRAFT);
            CHECK(picks(law(row, v, temperature), u, token[i], 1e-6), "row %d of v %d, temperature %g: %d is not what %g picks", (int)i, (int)v,
                  (double)temperature, token[i], u);
        }
        int32_t alone = -2;
        CHECK_OK(adaspec_sample(&alone, row, v, temperature, seed << 20, 40 + (int32_t)i, position, ADASPEC_PURPOSE_DRAFT, 1, v, nullptr));
        CHECK(alone == token[i], "row %d alone gives %d, not %d", (int)i, alone, token[i]);
    }
}

/* 200,000 draws of one law: chi-square with 6 degrees of freedom; 60 is passed once in 10^11 seeds, and this one is fixed. */
static double chi_square(const std::vector<double>& wanted, const float* logits) {
    const int draws = 200000;
    std::vector<int> counts(7);
    for (int i = 0; i < draws; i++) {
        int32_t token = -1;
        CHECK_OK(adaspec_sample(&token, logits, 7, 0.8f, 99, 3, i, ADASPEC_PURPOSE_NEXT, 1, 7, nullptr));
        counts[(size_t)token]++;
    }
    double sum = 0;
    for (size_t i = 0; i < 7; i++) {
        sum += pow(counts[i] - draws * wanted[i], 2) / (draws * wanted[i]);
    }
    return sum;
}

int main() {
    require_tier();
    check_known_answers();
    for (int64_t v : {1, 2, 15, 33, 255, 257, 512, 1025}) {
        for (float temperature : {0.0f, 0.3f, 1.0f, 2.5f}) {
            check(50, v, temperature, (uint64_t)v);
        }
    }
    check(4, 50304, 1, 17);

    Floats logits(7, normals(12));
    CHECK(chi_square(law(logits, 7, 0.8), logits) < 60, "the law of 200,000 draws");
    CHECK(chi_square(law(logits, 7, 0.9), logits) > 60, "a law at another temperature passes: the check sees nothing");

    /* Ties at temperature 0, weights of 0, and what has no law. */
    Floats rows(5 * 40, [](int64_t i) { return i % 40 == 7 || i % 40 == 30 ? 5.0f : -INFINITY; });
    rows[1 * 40 + 39] = NAN;
    rows[2 * 40 + 3] = INFINITY;
    rows[3 * 40 + 7] = rows[3 * 40 + 30] = -INFINITY;
    for (float temperature : {0.0f, 1.0f}) {
        for (int64_t position = 0; position < 20; position++) {
            Ints token(5);
            CHECK_OK(adaspec_sample(token, rows, 40, temperature, 1, 0, position, 0, 5, 40, nullptr));
            CHECK(token[0] == 7 || (temperature > 0 && token[0] == 30), "token %d has no weight", token[0]);
            CHECK(token[1] == -1 && token[2] == -1 && token[3] == -1, "broken rows give %d %d %d", token[1], token[2], token[3]);
            CHECK(token[4] == 7 || (temperature > 0 && token[4] == 30), "token %d has no weight", token[4]);
        }
    }
    check_threads("sample", [] {
        Floats x(60 * 900, normals(4));
        Ints token(60);
        CHECK_OK(adaspec_sample(token, x, 900, 1, 2, 0, 0, 0, 60, 900, nullptr));
        return std::vector<float>(token.data, token.data + 60);
    });
    int32_t token = 0;
    float x = 0;
    CHECK_REFUSED(adaspec_sample(&token, &x, 1, -1, 0, 0, 0, 0, 1, 1, nullptr), "temperature is -1");
    CHECK_REFUSED(adaspec_sample(&token, &x, 1, NAN, 0, 0, 0, 0, 1, 1, nullptr), "temperature is");
    CHECK_REFUSED(adaspec_sample(&token, &x, 0, 1, 0, 0, 0, 0, 1, 1, nullptr), "row stride 0");
    return finish();
}
