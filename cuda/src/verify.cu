/*
 * Verification of drafts: how many of their tokens stand, and which token of the target's own follows. One launch; a block a sequence. Laws are never
 * written to memory: a row's logits are read for its normaliser, and again, from the second-level cache, for what is drawn from it.
 */
#include "draw.cuh"

namespace {

struct Verdict {
    int32_t accepted;
    int32_t next;
};

/* The draft's law at a place: a row's, 1 at one token, or none, after the draft's end. */
struct DraftLaw {
    enum Kind { NONE, ONE_HOT, ROW };

    Kind kind;
    int32_t token;
    Law law;

    DEVICE double probability() const {
        return kind == ONE_HOT ? 1 : law.probability(token);
    }
    DEVICE bool finite() const {
        return kind != ROW || law.finite();
    }
};

/* max(scale p - q, 0) of an id. */
struct Left {
    Law p;
    DraftLaw q;
    float p_scale;
    float q_scale;

    DEVICE Left(const Law& p, double scale, const DraftLaw& q)
        : p(p), q(q), p_scale((float)(scale / p.sum)), q_scale(q.kind == DraftLaw::ROW ? (float)(1 / q.law.sum) : 0.0f) {}

    DEVICE float operator()(int64_t j) const {
        float left = p.weight(j) * p_scale;
        if (q.kind == DraftLaw::ROW) {
            left -= q.law.weight(j) * q_scale;
        } else if (q.kind == DraftLaw::ONE_HOT && j == q.token) {
            left = 0;
        }
        return left > 0 ? left : 0.0f;
    }
};

/*
 * One sequence, worked on by one block: all its functions are called by all threads and give all the same. Each law and each draw has one place in the
 * code: kernels are inlined whole, and a second copy would not fit the registers.
 */
template <int THREADS>
struct Sequence {
    LawShared& shared;
    const float* target;
    int64_t ld_target;
    const float* draft; /* null where it is one-hot */
    int64_t ld_draft;
    const int32_t* tokens;
    int32_t length;
    int64_t v;
    adaspec_draw draw;

    DEVICE Law target_law(int32_t i) const {
        return law_of<THREADS>(shared, target + i * ld_target, v, draw);
    }
    DEVICE DraftLaw draft_law(int32_t i) const {
        DraftLaw q = {i == length ? DraftLaw::NONE : draft == nullptr ? DraftLaw::ONE_HOT : DraftLaw::ROW, i < length ? tokens[i] : -1, Law()};
        if (q.kind == DraftLaw::ROW) {
            q.law = law_of<THREADS>(shared, draft + i * ld_draft, v, draw);
        }
        return q;
    }
    DEVICE double accept_number(int32_t i) const {
        return uniform_number(draw, ADASPEC_PURPOSE_ACCEPT, i);
    }

    /* A token of norm(max(scale p - q, 0)); of p where nothing is left (p <= q everywhere, by rounding). */
    DEVICE int32_t draw_left(const Law& p, double scale, DraftLaw q, int32_t accepted) const {
        const double u = uniform_number(draw.seed, (uint64_t)(draw.position + accepted), (uint32_t)draw.sequence, ADASPEC_PURPOSE_NEXT);
        for (;;) {
            const int32_t token = draw_from<THREADS>(shared, v, u, Left(p, scale, q));
            if (token >= 0 || q.kind == DraftLaw::NONE) {
                return token;
            }
            q.kind = DraftLaw::NONE;
        }
    }

    DEVICE double mass_left(const Law& p, double scale, const DraftLaw& q) const {
        const double mass = sum_chunks<THREADS>(shared, v, Left(p, scale, q));
        __syncthreads();
        return mass;
    }

    /* Greedy: the draft is followed as long as it names the target's argmax. */
    DEVICE Verdict verify_greedy() const {
        for (int32_t i = 0;; i++) {
            const int32_t best = argmax<THREADS>(shared, target + i * ld_target, v);
            if (best < 0 || i == length || best != tokens[i]) {
                return {i, best};
            }
        }
    }

    /*
     * Token verification (Leviathan et al., 2023) ends at the first token that is rejected, and draws there. Block verification (Sun et al., 2025) looks
     * at the whole draft, since a later acceptance makes up for an earlier rejection, and then goes back to the last place that passed. h <= p always, so
     * that the sum in it is needed only where the number is below p.
     */
    template <bool BLOCK>
    DEVICE Verdict verify() const {
        double p_i = 1; /* block: the probability that the tokens before place i stand, given them */
        int32_t accepted = 0;
        double p_accepted = 1;
        bool draws = false;
        for (int32_t i = 0;;) {
            const Law p = target_law(i);
            if (!p.finite()) {
                return {i, -1};
            }
            const DraftLaw q = draft_law(i);
            if (!q.finite()) {
                return {i, -1};
            }
            if (!BLOCK && i < length) {
                draws = !(accept_number(i) * q.probability() < p.probability(tokens[i]));
            }
            if (draws || i == length) {
                return {i, draw_left(p, BLOCK && i < length ? p_accepted : 1, q, i)};
            }
            if (BLOCK) {
                const double number = i > 0 ? accept_number(i - 1) : 1;
                if (number < p_i) {
                    const double left = p_i < 1 ? mass_left(p, p_i, q) : 1;
                    if (number < left / (left + (1 - p_i))) {
                        accepted = i;
                        p_accepted = p_i;
                    }
                }
                const double joint = p_i * p.probability(tokens[i]);
                const double drafted = q.probability();
                p_i = joint < drafted ? joint / drafted : joint > 0 ? 1 : 0;
                if (i == length - 1 && !(accept_number(i) < p_i)) {
                    draws = true;
                    i = accepted;
                    continue;
                }
            }
            i++;
        }
    }
};

/* The arguments. */
struct Verify {
    int32_t* accepted;
    int32_t* next;
    const float* target;
    int64_t ld_target;
    const int32_t* first_rows;
    const float* draft;
    int64_t ld_draft;
    const int32_t* draft_tokens;
    const int32_t* draft_lengths;
    const adaspec_draw* draws;
    int64_t g;
    int64_t v;
};

template <int THREADS, bool BLOCK>
__global__ void __launch_bounds__(THREADS, 1) verify_kernel(Verify a) {
    const int64_t s = blockIdx.x;
    const int64_t row = a.first_rows != nullptr ? a.first_rows[s] : s * (a.g + 1);
    const Sequence<THREADS> sequence = {
        *shared_memory<LawShared>(), a.target + row * a.ld_target, a.ld_target, a.draft == nullptr ? nullptr : a.draft + s * a.g * a.ld_draft, a.ld_draft,
        a.draft_tokens + s * a.g, a.draft_lengths[s], a.v, a.draws[s]};
    const Verdict verdict = sequence.draw.temperature == 0 ? sequence.verify_greedy() : sequence.template verify<BLOCK>();
    if (threadIdx.x == 0) {
        a.accepted[s] = verdict.accepted;
        a.next[s] = verdict.next;
    }
}

}  // namespace

extern "C" int32_t adaspec_verify(
    int32_t* accepted, int32_t* next, const float* target, int64_t ld_target, const int32_t* first_rows, const float* draft, int64_t ld_draft,
    const int32_t* draft_tokens, const int32_t* draft_lengths, const adaspec_draw* draws, int32_t verification, int32_t one_hot_draft, int64_t b,
    int64_t g, int64_t v, void* stream) {
    REQUIRE(b >= 0 && g >= 0 && v >= 1, "verify: %lld sequences, %lld draft tokens, vocabulary %lld", (long long)b, (long long)g, (long long)v);
    REQUIRE(ld_target >= v, "verify: target rows of %lld are %lld apart", (long long)v, (long long)ld_target);
    REQUIRE(verification == ADASPEC_VERIFY_TOKEN || verification == ADASPEC_VERIFY_BLOCK, "verify: verification %d does not exist", verification);
    const Verify a = {accepted, next, target, ld_target, first_rows, one_hot_draft ? nullptr : draft, ld_draft, draft_tokens, draft_lengths, draws,
                      g, v};
    return with_threads(v, [=](auto threads) {
        constexpr int THREADS = decltype(threads)::value;
        const auto kernel = verification == ADASPEC_VERIFY_BLOCK ? verify_kernel<THREADS, true> : verify_kernel<THREADS, false>;
        return launch("verify", kernel, {(unsigned)b, THREADS, sizeof(LawShared)}, stream, a);
    });
}
