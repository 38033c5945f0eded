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
template <class Type>
struct Sequence {
    const typename Type::element* target;
    int64_t ld_target;
    const typename Type::element* draft;
    int64_t ld_draft;
    const int32_t* tokens;
    int32_t length;
    int64_t v;
    const adaspec_draw& draw;

    Law<Type> target_law(int32_t i) const {
        return Law<Type>(target + i * ld_target, v, draw);
    }
    double accept_number(int32_t i) const {
        return uniform_number(draw, ADASPEC_PURPOSE_ACCEPT, i);
    }
    double next_number(int32_t accepted) const {
        return uniform_number(draw.seed, (uint64_t)(draw.position + accepted), (uint32_t)draw.sequence, ADASPEC_PURPOSE_NEXT);
    }
};

/* The draft's law at place i. */
template <class Type>
struct DraftLaw {
    const Law<Type> law; /* the target's row where the draft is one-hot, and then not read */
    const bool one_hot;
    const int32_t token;

    DraftLaw(const Sequence<Type>& s, int32_t i, const Law<Type>& target)
        : law(s.draft == nullptr ? target : Law<Type>(s.draft + i * s.ld_draft, s.v, s.draw)), one_hot(s.draft == nullptr), token(s.tokens[i]) {}

    double probability() const {
        return one_hot ? 1 : law.probability(token);
    }
};

}  // namespace

/* VL values of max(scale p - q, 0) from id `first`. */
template <class Type>
INLINE vf left_of(const Law<Type>& p, float scale, const DraftLaw<Type>& q, int64_t first, int64_t count) {
    vf left = scale * p.probabilities(first, count);
    if (!q.one_hot) {
        left -= q.law.probabilities(first, count);
    } else if (q.token >= first && q.token < first + VL) {
        left[q.token - first] = 0;
    }
    return left > 0.0f ? left : splat(0);
}

/* sum max(scale p - q, 0), in double. */
template <class Type>
static double mass_left(const Law<Type>& p, float scale, const DraftLaw<Type>& q) {
    vd total = {};
    for (int64_t j = 0; j < p.v; j += VL) {
        const vf left = left_of(p, scale, q, j, p.v - j < VL ? p.v - j : VL);
        total += widen_low(left) + widen_high(left);
    }
    return sum(total);
}

/* A token of norm(max(scale p - q, 0)); of p where nothing is left (p <= q everywhere, by rounding). */
template <class Type>
static int32_t draw_left(const Law<Type>& p, float scale, const DraftLaw<Type>& q, double u) {
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

template <class Type>
static Verdict all_accepted(const Sequence<Type>& s) {
    const auto p = s.target_law(s.length);
    return {s.length, p.finite() ? draw_token(p, s.next_number(s.length)) : -1};
}

/* Greedy: the draft is followed as long as it names the target's argmax. */
template <class Type>
static Verdict verify_greedy(const Sequence<Type>& s) {
    for (int32_t i = 0;; i++) {
        const int32_t best = argmax<Type>(s.target + i * s.ld_target, s.v);
        if (best < 0 || i == s.length || best != s.tokens[i]) {
            return {i, best};
        }
    }
}

/* Rejection sampling token by token (Leviathan et al., 2023). */
template <class Type>
static Verdict verify_tokens(const Sequence<Type>& s) {
    for (int32_t i = 0; i < s.length; i++) {
        const auto p = s.target_law(i);
        if (!p.finite()) {
            return {i, -1};
        }
        const DraftLaw<Type> q(s, i, p);
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
template <class Type>
static Verdict verify_block(const Sequence<Type>& s) {
    double p_i = 1; /* probability that the tokens before place i stand, given them */
    int32_t accepted = 0;
    double p_accepted = 1;
    for (int32_t i = 0; i < s.length; i++) {
        const auto p = s.target_law(i);
        if (!p.finite()) {
            return {i, -1};
        }
        const DraftLaw<Type> q(s, i, p);
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
    const auto p = s.target_law(accepted);
    return {accepted, draw_left(p, (float)p_accepted, DraftLaw<Type>(s, accepted, p), s.next_number(accepted))};
}

namespace {

/* The arguments. */
struct Batch {
    int32_t* accepted;
    int32_t* next;
    const void* target;
    int64_t ld_target;
    const int32_t* first_rows;
    const void* draft;
    int64_t ld_draft;
    const int32_t* draft_tokens;
    const int32_t* draft_lengths;
    const adaspec_draw* draws;
    int32_t verification;
    int64_t b, g, v;
};

}  // namespace

template <class Type>
static void verify_batch(const Batch& a) {
    typedef typename Type::element element;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads_for_rows(a.b, 4 * a.b * a.v))
    for (int64_t s = 0; s < a.b; s++) {
        const int64_t row = a.first_rows != nullptr ? a.first_rows[s] : s * (a.g + 1);
        const Sequence<Type> sequence = {
            (const element*)a.target + row * a.ld_target, a.ld_target, a.draft == nullptr ? nullptr : (const element*)a.draft + s * a.g * a.ld_draft,
            a.ld_draft, a.draft_tokens + s * a.g, a.draft_lengths[s], a.v, a.draws[s]};
        const Verdict verdict = a.draws[s].temperature == 0 ? verify_greedy(sequence)
            : a.verification == ADASPEC_VERIFY_BLOCK ? verify_block(sequence) : verify_tokens(sequence);
        a.accepted[s] = verdict.accepted;
        a.next[s] = verdict.next;
    }
}

ADASPEC_OPERATION(verify)(
    int32_t* accepted, int32_t* next, int32_t* accepted_at, const void* target, int32_t logits_type, int64_t ld_target, const int32_t* first_rows,
    const void* draft, int64_t ld_draft, const int32_t* draft_tokens, const int32_t* draft_lengths, const adaspec_draw* draws, int32_t verification,
    int32_t one_hot_draft, int64_t b, int64_t g, int64_t v, void*) {
    REQUIRE(is_float_type(logits_type), "verify: element type %d; f32 (0), bf16 (1) or f16 (2) was expected", logits_type);
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
    const Batch batch = {accepted, next, target, ld_target, first_rows, one_hot_draft ? nullptr : draft, ld_draft, draft_tokens, draft_lengths, draws,
                         verification, b, g, v};
    with_type(logits_type, [&batch](auto type) {
        verify_batch<decltype(type)>(batch);
        return ADASPEC_OK;
    });
    for (int64_t s = 0; accepted_at != nullptr && s < b; s++) {
        for (int32_t i = 0; i < accepted[s]; i++) {
            accepted_at[i]++;
        }
    }
    return ADASPEC_OK;
}
