/* Verification of drafts: how many of their tokens stand, and which token of the target's own follows. */
#include "draw.h"
#include "status.h"
#include "threads.h"

namespace {

struct Verdict {
    int32_t accepted;
    int32_t next;
};

/* One sequence: where its rows are. draft is null where it is one-hot. */
struct Sequence {
    const float* target;
    int64_t ld_target;
    const float* draft;
    int64_t ld_draft;
    const int32_t* tokens;
    int32_t length;
    int64_t v;
    const adaspec_draw& draw;

    Law target_law(int32_t i) const {
        return Law(target + i * ld_target, v, draw);
    }
    double accept_number(int32_t i) const {
        return uniform_number(draw, ADASPEC_PURPOSE_ACCEPT, i);
    }
    double next_number(int32_t accepted) const {
        return uniform_number(draw.seed, (uint64_t)(draw.position + accepted), (uint32_t)draw.sequence, ADASPEC_PURPOSE_NEXT);
    }
};

/* The draft's law at place i. */
struct DraftLaw {
    const Law law; /* the target's row where the draft is one-hot, and then not read */
    const bool one_hot;
    const int32_t token;

    DraftLaw(const Sequence& s, int32_t i, const Law& target)
        : law(s.draft == nullptr ? target : Law(s.draft + i * s.ld_draft, s.v, s.draw)), one_hot(s.draft == nullptr), token(s.tokens[i]) {}

    double probability() const {
        return one_hot ? 1 : law.probability(token);
    }
};

}  // namespace

/* VL values of max(scale p - q, 0) from id `first`. */
INLINE vf left_of(const Law& p, float scale, const DraftLaw& q, int64_t first, int64_t count) {
    vf left = scale * p.probabilities(first, count);
    if (!q.one_hot) {
        left -= q.law.probabilities(first, count);
    } else if (q.token >= first && q.token < first + VL) {
        left[q.token - first] = 0;
    }
    return left > 0.0f ? left : splat(0);
}

/* sum max(scale p - q, 0), in double. */
static double mass_left(const Law& p, float scale, const DraftLaw& q) {
    vd total = {};
    for (int64_t j = 0; j < p.v; j += VL) {
        const vf left = left_of(p, scale, q, j, p.v - j < VL ? p.v - j : VL);
        total += widen_low(left) + widen_high(left);
    }
    return sum(total);
}

/* A token of norm(max(scale p - q, 0)); of p where nothing is left (p <= q everywhere, by rounding). */
static int32_t draw_left(const Law& p, float scale, const DraftLaw& q, double u) {
    const double total = mass_left(p, scale, q);
    if (!(total > 0)) {
        return draw_token(p, u);
    }
    return inverse_distribution(u, total, p.v, [&p, scale, &q](float* weights, int64_t first, int64_t count) {
        for (int64_t j = 0; j < count; j += VL) {
            store(weights + j, left_of(p, scale, q, first + j, count - j < VL ? count - j : VL));
        }
    });
}

static Verdict all_accepted(const Sequence& s) {
    const Law p = s.target_law(s.length);
    return {s.length, p.finite() ? draw_token(p, s.next_number(s.length)) : -1};
}

/* Greedy: the draft is followed as long as it names the target's argmax. */
static Verdict verify_greedy(const Sequence& s) {
    for (int32_t i = 0;; i++) {
        const int32_t best = argmax(s.target + i * s.ld_target, s.v);
        if (best < 0 || i == s.length || best != s.tokens[i]) {
            return {i, best};
        }
    }
}

/* Rejection sampling token by token (Leviathan et al., 2023). */
static Verdict verify_tokens(const Sequence& s) {
    for (int32_t i = 0; i < s.length; i++) {
        const Law p = s.target_law(i);
        if (!p.finite()) {
            return {i, -1};
        }
        const DraftLaw q(s, i, p);
        if (!q.law.finite()) {
            return {i, -1};
        }
        if (!(s.accept_number(i) * q.probability() < p.probability(s.tokens[i]))) {
            return {i, draw_left(p, 1, q, s.next_number(i))};
        }
    }
    return all_accepted(s);
}

/*
 * Block verification (Sun et al., 2025): the whole draft is looked at, since a later acceptance makes up for an earlier rejection. h <= p always, so
 * that the sum in it is needed only where the number is below p.
 */
static Verdict verify_block(const Sequence& s) {
    double p_i = 1; /* probability that the tokens before place i stand, given them */
    int32_t accepted = 0;
    double p_accepted = 1;
    for (int32_t i = 0; i < s.length; i++) {
        const Law p = s.target_law(i);
        if (!p.finite()) {
            return {i, -1};
        }
        const DraftLaw q(s, i, p);
        if (!q.law.finite()) {
            return {i, -1};
        }
        const double number = i > 0 ? s.accept_number(i - 1) : 1;
        if (number < p_i) {
            const double left = p_i < 1 ? mass_left(p, (float)p_i, q) : 1;
            if (number < left / (left + (1 - p_i))) {
                accepted = i;
                p_accepted = p_i;
            }
        }
        const double joint = p_i * p.probability(s.tokens[i]);
        const double drafted = q.probability();
        p_i = joint < drafted ? joint / drafted : joint > 0 ? 1 : 0;
    }
    if (s.length == 0 || s.accept_number(s.length - 1) < p_i) {
        return all_accepted(s);
    }
    const Law p = s.target_law(accepted);
    return {accepted, draw_left(p, (float)p_accepted, DraftLaw(s, accepted, p), s.next_number(accepted))};
}

ADASPEC_OPERATION(verify)(
    int32_t* accepted, int32_t* next, const float* target, int64_t ld_target, const int32_t* first_rows, const float* draft, int64_t ld_draft,
    const int32_t* draft_tokens, const int32_t* draft_lengths, const adaspec_draw* draws, int32_t verification, int32_t one_hot_draft, int64_t b,
    int64_t g, int64_t v, void*) {
    REQUIRE(b >= 0 && g >= 0 && v >= 1, "verify: %lld sequences, %lld draft tokens, vocabulary %lld", (long long)b, (long long)g, (long long)v);
    REQUIRE(ld_target >= v, "verify: target rows of %lld are %lld apart", (long long)v, (long long)ld_target);
    REQUIRE(verification == ADASPEC_VERIFY_TOKEN || verification == ADASPEC_VERIFY_BLOCK, "verify: verification %d does not exist", verification);
    REQUIRE_DRAWS("verify", draws, b);
    for (int64_t s = 0; s < b; s++) {
        REQUIRE(
            draft_lengths[s] >= 0 && draft_lengths[s] <= g, "verify: sequence %lld has %d draft tokens of at most %lld", (long long)s,
            draft_lengths[s], (long long)g);
        REQUIRE(
            draws[s].temperature == 0 || one_hot_draft || draft_lengths[s] == 0 || (draft != nullptr && ld_draft >= v),
            "verify: the draft's logits are missing or their rows of %lld are %lld apart", (long long)v, (long long)ld_draft);
        for (int32_t i = 0; i < draft_lengths[s]; i++) {
            const int32_t id = draft_tokens[s * g + i];
            REQUIRE(id >= 0 && id < v, "verify: draft token %d of sequence %lld is %d, outside the vocabulary of %lld", i, (long long)s, id,
                (long long)v);
        }
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads_for_rows(b, 4 * b * v))
    for (int64_t s = 0; s < b; s++) {
        const int64_t row = first_rows != nullptr ? first_rows[s] : s * (g + 1);
        const Sequence sequence = {
            target + row * ld_target, ld_target, one_hot_draft || draft == nullptr ? nullptr : draft + s * g * ld_draft, ld_draft,
            draft_tokens + s * g, draft_lengths[s], v, draws[s]};
        const Verdict verdict = draws[s].temperature == 0 ? verify_greedy(sequence)
            : verification == ADASPEC_VERIFY_BLOCK ? verify_block(sequence) : verify_tokens(sequence);
        accepted[s] = verdict.accepted;
        next[s] = verdict.next;
    }
    return ADASPEC_OK;
}
