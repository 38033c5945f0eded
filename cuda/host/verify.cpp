/* Token verification with rejection sampling (Leviathan et al., 2023): accept while u q(x) < p(x), then draw from what is left of p. */
#include "draw.h"
#include "status.h"
#include "threads.h"

namespace {

/* One row of logits as a law. */
struct Law {
    const float* x;
    Softmax softmax;
    float temperature;

    Law(const float* x, int64_t v, float temperature) : x(x), softmax(softmax_row(x, v, temperature)), temperature(temperature) {}

    /* VL probabilities from id `first`. */
    MEMBER vf probabilities(int64_t first, int64_t count) const {
        return softmax_weight(load_logits(x + first, count), softmax.largest, temperature) * (float)(1 / softmax.sum);
    }
    double probability(int64_t id) const {
        return (double)softmax_weight(splat(x[id]), softmax.largest, temperature)[0] / softmax.sum;
    }
    int32_t token(int64_t v, double u) const {
        return draw(x, v, softmax, temperature, u);
    }
};

}  // namespace

/* norm(max(p - q, 0)); q is null where the draft is one-hot at `token`. From p where nothing is left (p <= q everywhere, by rounding). */
static int32_t draw_residual(const Law& p, const Law* q, int32_t token, int64_t v, double u) {
    const auto fill = [&p, q, token](float* weights, int64_t first, int64_t count) {
        for (int64_t j = 0; j < count; j += VL) {
            const int64_t lanes = count - j < VL ? count - j : VL;
            const vf left = q != nullptr ? p.probabilities(first + j, lanes) - q->probabilities(first + j, lanes) : p.probabilities(first + j, lanes);
            store(weights + j, left > 0.0f ? left : splat(0));
        }
        if (q == nullptr && token >= first && token < first + count) {
            weights[token - first] = 0;
        }
    };
    float weights[DRAW_BLOCK] __attribute__((aligned(64)));
    double total = 0;
    for (int64_t first = 0; first < v; first += DRAW_BLOCK) {
        const int64_t count = v - first < DRAW_BLOCK ? v - first : DRAW_BLOCK;
        fill(weights, first, count);
        for (int64_t j = 0; j < count; j++) {
            total += (double)weights[j];
        }
    }
    return total > 0 ? inverse_distribution(u, total, v, fill) : p.token(v, u);
}

namespace {

struct Verdict {
    int32_t accepted;
    int32_t next;
};

}  // namespace

/* Greedy: the draft is followed as long as it names the target's argmax. */
static Verdict verify_greedy(const float* target, int64_t ld_target, const int32_t* tokens, int32_t length, int64_t v) {
    for (int32_t i = 0;; i++) {
        const int32_t best = argmax(target + i * ld_target, v);
        if (best < 0 || i == length || best != tokens[i]) {
            return {i, best};
        }
    }
}

namespace {

struct Numbers {
    uint64_t seed;
    uint32_t sequence;
    int64_t position;

    double accept(int32_t i) const {
        return uniform_number(seed, (uint64_t)(position + i), sequence, ADASPEC_PURPOSE_ACCEPT);
    }
    double next(int32_t accepted) const {
        return uniform_number(seed, (uint64_t)(position + accepted), sequence, ADASPEC_PURPOSE_NEXT);
    }
};

}  // namespace

/* draft is null where it is one-hot. */
static Verdict verify_sampled(
    const float* target, int64_t ld_target, const float* draft, int64_t ld_draft, const int32_t* tokens, int32_t length, float temperature, int64_t v,
    const Numbers& numbers) {
    for (int32_t i = 0; i < length; i++) {
        const Law p(target + i * ld_target, v, temperature);
        if (!p.softmax.finite()) {
            return {i, -1};
        }
        if (draft == nullptr) {
            if (!(numbers.accept(i) < p.probability(tokens[i]))) {
                return {i, draw_residual(p, nullptr, tokens[i], v, numbers.next(i))};
            }
            continue;
        }
        const Law q(draft + i * ld_draft, v, temperature);
        if (!q.softmax.finite()) {
            return {i, -1};
        }
        if (!(numbers.accept(i) * q.probability(tokens[i]) < p.probability(tokens[i]))) {
            return {i, draw_residual(p, &q, tokens[i], v, numbers.next(i))};
        }
    }
    const Law p(target + length * ld_target, v, temperature);
    return {length, p.softmax.finite() ? p.token(v, numbers.next(length)) : -1};
}

ADASPEC_OPERATION(verify)(
    int32_t* accepted, int32_t* next, const float* target, int64_t ld_target, const float* draft, int64_t ld_draft, const int32_t* draft_tokens,
    const int32_t* draft_lengths, float temperature, int32_t one_hot_draft, uint64_t seed, int32_t first_sequence, int64_t position, int64_t b,
    int64_t g, int64_t v, void*) {
    REQUIRE(b >= 0 && g >= 0 && v >= 1, "verify: %lld sequences, %lld draft tokens, vocabulary %lld", (long long)b, (long long)g, (long long)v);
    REQUIRE(temperature >= 0 && temperature < INFINITY, "verify: temperature is %g; zero or more was expected", (double)temperature);
    REQUIRE(ld_target >= v, "verify: target rows of %lld are %lld apart", (long long)v, (long long)ld_target);
    const bool sampled_draft = temperature > 0 && !one_hot_draft && g > 0;
    REQUIRE(!sampled_draft || (draft != nullptr && ld_draft >= v), "verify: the draft's logits are missing or their rows of %lld are %lld apart",
            (long long)v, (long long)ld_draft);
    for (int64_t s = 0; s < b; s++) {
        REQUIRE(
            draft_lengths[s] >= 0 && draft_lengths[s] <= g, "verify: sequence %lld has %d draft tokens of at most %lld", (long long)s,
            draft_lengths[s], (long long)g);
        for (int32_t i = 0; i < draft_lengths[s]; i++) {
            const int32_t id = draft_tokens[s * g + i];
            REQUIRE(id >= 0 && id < v, "verify: draft token %d of sequence %lld is %d, outside the vocabulary of %lld", i, (long long)s, id,
                (long long)v);
        }
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads_for(4 * b * v))
    for (int64_t s = 0; s < b; s++) {
        const float* rows = target + s * (g + 1) * ld_target;
        const Numbers numbers = {seed, (uint32_t)first_sequence + (uint32_t)s, position};
        const Verdict verdict = temperature == 0
            ? verify_greedy(rows, ld_target, draft_tokens + s * g, draft_lengths[s], v)
            : verify_sampled(
                rows, ld_target, sampled_draft ? draft + s * g * ld_draft : nullptr, ld_draft, draft_tokens + s * g, draft_lengths[s], temperature, v,
                numbers);
        accepted[s] = verdict.accepted;
        next[s] = verdict.next;
    }
    return ADASPEC_OK;
}
