/*
 * Verification of drafts: how many of their tokens stand, and which token of the target's own follows. One launch.
 *
 * A cluster of blocks a sequence: each block has its slice of the rows in shared memory, so that a row is read from memory once, however often it is
 * walked over, and laws are never written. Rows are read in order, target and draft, as many places at once as there is room for; token verification
 * reads target and draft rows to the first rejection (the draft's too: its normaliser is what its token's probability is made of) and the stage that was
 * under way, block verification all. For short rows, rows that bulk copies cannot take, and devices without clusters: a block a sequence, which reads a
 * row again for each walk. Both give the same tokens.
 */
#include "slices.cuh"

namespace {

/* The arguments. */
struct Verify {
    int32_t* accepted;
    int32_t* next;
    int32_t* accepted_at;
    const unsigned char* target;
    int64_t target_bytes; /* from row to row */
    const int32_t* first_rows;
    const unsigned char* draft; /* null where drafts are one-hot */
    int64_t draft_bytes;
    int32_t logits_type;
    const int32_t* draft_tokens;
    const int32_t* draft_lengths;
    const adaspec_draw* draws;
    int64_t g;
    int32_t v;
    bool block;
    bool aligned;
    SlicePlan plan;
};

struct VerifyShared {
    TeamShared team;
    Law laws[ROWS];
    Whole merged[ROWS];
    double scales[ROWS];
    float logits[ROWS]; /* of the draft's tokens in their rows */
    int32_t tokens[ROWS];
    uint64_t full[2];
};

/* The draft's law at a place: a row's, 1 at one token, or none, after the draft's end. */
struct DraftLaw {
    enum Kind { NONE, ONE_HOT, ROW };

    Kind kind;
    Law law;
};

/* max(scale p - q, 0) of the ids of a group. Products are rounded, so that equal laws leave nothing. */
template <class AnyRow>
struct Left {
    AnyRow target;
    AnyRow draft;
    Law p;
    Law q;
    DraftLaw::Kind kind;
    int32_t token;
    float p_scale;
    float q_scale;

    DEVICE void operator()(int32_t g, float (&left)[GROUP]) const {
        target.group(g, left);
        UNROLL
        for (int e = 0; e < GROUP; e++) {
            left[e] = __fmul_rn(p.weight(left[e]), p_scale);
        }
        if (kind == DraftLaw::ROW) {
            float x[GROUP];
            draft.group(g, x);
            UNROLL
            for (int e = 0; e < GROUP; e++) {
                left[e] -= __fmul_rn(q.weight(x[e]), q_scale);
            }
        }
        UNROLL
        for (int e = 0; e < GROUP; e++) {
            const bool hot = kind == DraftLaw::ONE_HOT && g * GROUP + e == token;
            left[e] = left[e] > 0 && !hot ? left[e] : 0.0f;
        }
    }
};

/*
 * One sequence, worked on by one team: its functions are called by all threads, and what they return is the same on all. Places i are looked at in
 * windows of as many as their rows are there for: places first .. first + places, whose rows are numbered by place, the target's before the draft's.
 */
template <int THREADS, bool CLUSTER, int32_t TYPE>
struct Sequence {
    VerifyShared& shared;
    Team<THREADS, CLUSTER>& team;
    Slices& slices;
    const Verify& a;
    Chunk chunk;
    const unsigned char* target;
    const unsigned char* draft; /* null where it is not read */
    const int32_t* tokens;
    int32_t length;
    adaspec_draw draw;
    int at_once; /* places of a window */
    int32_t first = 0;
    int places = 0;
    int stage = 0;

    DEVICE int rows_a_place() const {
        return draft != nullptr ? 2 : 1;
    }
    DEVICE const unsigned char* row_of(int32_t i, bool drafted) const {
        return drafted ? draft + i * a.draft_bytes : target + i * a.target_bytes;
    }
    DEVICE Row<TYPE> row(int r) const {
        const bool drafted = draft != nullptr && (r & 1) != 0;
        const int32_t i = first + (draft != nullptr ? r / 2 : r);
        const unsigned char* slice = CLUSTER ? slices.at(stage, r) - slices.from : nullptr;
        return {row_of(i, drafted), a.v, a.logits_type, a.aligned, slice};
    }
    DEVICE int places_from(int32_t i) const {
        return length + 1 - i < at_once ? length + 1 - i : at_once;
    }
    /* The rows of the places from i on: after the draft's end there is a target's only. */
    DEVICE int rows_from(int32_t i) const {
        const int n = places_from(i);
        return n * rows_a_place() - (draft != nullptr && i + n > length ? 1 : 0);
    }
    DEVICE void ask_for(int at_stage, int32_t i) {
#if ADASPEC_CLUSTERS
        if constexpr (CLUSTER) {
            if (i <= length) {
                const bool both = draft != nullptr;
                slices.begin(at_stage, rows_from(i), [&](int r) { return row_of(i + (both ? r / 2 : r), both && (r & 1) != 0); });
            }
        }
#endif
    }
    DEVICE void await(int at_stage) {
#if ADASPEC_CLUSTERS
        if constexpr (CLUSTER) {
            slices.wait(at_stage);
        }
#endif
    }

    DEVICE void begin() {
        places = places_from(0);
        ask_for(0, 0);
        if (a.plan.stages == 2) {
            ask_for(1, at_once);
        }
    }
    /* The window's rows are there, and its tokens and their logits at the next barrier. */
    DEVICE void enter() {
        const int k = (int)threadIdx.x;
        if (k < places && first + k < length) {
            const int32_t i = first + k;
            const int32_t token = tokens[i];
            shared.tokens[k] = token;
            Row<TYPE> row = {row_of(i, false), a.v, a.logits_type, false, nullptr};
            shared.logits[k * rows_a_place()] = row.at(token);
            if (draft != nullptr) {
                row.x = row_of(i, true);
                shared.logits[2 * k + 1] = row.at(token);
            }
        }
        await(stage);
    }
    DEVICE void advance() {
        __syncthreads();
        const bool two = a.plan.stages == 2;
        ask_for(stage, first + (two ? 2 : 1) * at_once);
        first += at_once;
        places = places_from(first);
        stage ^= two ? 1 : 0;
    }

    DEVICE const Law& target_law(int k) const {
        return shared.laws[k * rows_a_place()];
    }
    DEVICE DraftLaw draft_law(int k) const {
        if (first + k == length) {
            return {DraftLaw::NONE, Law()};
        }
        return draft == nullptr ? DraftLaw{DraftLaw::ONE_HOT, Law()} : DraftLaw{DraftLaw::ROW, shared.laws[2 * k + 1]};
    }
    DEVICE bool finite(int k) const {
        return target_law(k).finite() && (draft == nullptr || first + k == length || shared.laws[2 * k + 1].finite());
    }
    /* Of the draft's token at a place that has one. */
    DEVICE double target_probability(int k) const {
        return target_law(k).probability(shared.logits[k * rows_a_place()]);
    }
    DEVICE double draft_probability(int k) const {
        return draft == nullptr ? 1 : shared.laws[2 * k + 1].probability(shared.logits[2 * k + 1]);
    }
    DEVICE double accept_number(int32_t i) const {
        return uniform_number(draw, ADASPEC_PURPOSE_ACCEPT, i);
    }
    DEVICE Left<Row<TYPE>> left(int k, double scale, const Law& p, const DraftLaw& q) const {
        return {row(k * rows_a_place()), row(draft != nullptr ? 2 * k + 1 : 0), p, q.law, q.kind, q.kind == DraftLaw::ONE_HOT ? tokens[first + k] : -1,
                (float)(scale / p.sum), q.kind == DraftLaw::ROW ? (float)(1 / q.law.sum) : 0.0f};
    }

    DEVICE void end(int32_t accepted) const {
        if (team.rank == 0) {
            if (threadIdx.x == 0) {
                a.accepted[blockIdx.x / (unsigned)team.blocks] = accepted;
            }
            for (int32_t i = (int32_t)threadIdx.x; a.accepted_at != nullptr && i < accepted; i += THREADS) {
                atomicAdd(a.accepted_at + i, 1);
            }
        }
    }
    DEVICE void end(int32_t accepted, int32_t token) const {
        end(accepted);
        if (team.rank == 0 && threadIdx.x == 0) {
            a.next[blockIdx.x / (unsigned)team.blocks] = token;
        }
    }
    /* Place k of the window: a token of norm(max(scale p - q, 0)); of p where nothing is left (p <= q everywhere, by rounding). */
    DEVICE void end_drawing(int k, double scale, const Law& p, const DraftLaw& q) {
        const int32_t accepted = first + k;
        end(accepted);
        const double u = uniform_number(draw.seed, (uint64_t)(draw.position + accepted), (uint32_t)draw.sequence, ADASPEC_PURPOSE_NEXT);
        Left<Row<TYPE>> weights = left(k, scale, p, q);
        const auto emit = [&](int32_t id) { a.next[blockIdx.x / (unsigned)team.blocks] = id; };
        while (!draw_from(team, chunk, u, weights, PROBABILITY_UNITS, emit) && weights.kind != DraftLaw::NONE) {
            weights.kind = DraftLaw::NONE;
        }
    }

    /* Greedy: the draft is followed as long as it names the target's argmax. */
    DEVICE void verify_greedy() {
        for (begin();; advance()) {
            enter();
            for (int k = 0; k < places; k++) {
                team.give(k, best_of(row(k), chunk), Larger());
            }
            team.merge(places, Larger(), [&](int k, Whole best) { shared.merged[k] = best; });
            for (int k = 0; k < places; k++) {
                const int32_t best = argmax_of(shared.merged[k]);
                if (best < 0 || first + k == length || best != shared.tokens[k]) {
                    return end(first + k, best);
                }
            }
        }
    }

    /*
     * Token verification (Leviathan et al., 2023) ends at the first token that is rejected, and draws there. Block verification (Sun et al., 2025) looks
     * at the whole draft, since a later acceptance makes up for an earlier rejection, and then goes back to the last place that passed. h <= p always, so
     * that the sum in it is needed only where the number is below p.
     */
    DEVICE void verify() {
        double stands = 1; /* block: the probability that the tokens before a place stand, given them */
        int32_t accepted = 0;
        double accepted_scale = 1;
        Law accepted_p = {};
        DraftLaw accepted_q = {DraftLaw::NONE, Law()};
        int drawn = -1;
        double scale = 1;
        for (begin();; advance()) {
            enter();
            find_laws(team, chunk, shared.laws, [&](int r) { return row(r); }, rows_from(first), a.v, draw);
            if (a.block) {
                stands = weigh_leftovers(stands);
            }
            for (int k = 0; k < places && drawn < 0; k++) {
                const int32_t i = first + k;
                if (a.block && i == length && i > 0 && !(accept_number(i - 1) < shared.scales[k])) {
                    break;
                }
                if (!finite(k)) {
                    return end(i, -1);
                }
                if (i == length || (!a.block && !(accept_number(i) * draft_probability(k) < target_probability(k)))) {
                    drawn = k;
                } else if (a.block && (i == 0 || passes(k))) {
                    accepted = i;
                    accepted_scale = shared.scales[k];
                    accepted_p = target_law(k);
                    accepted_q = draft_law(k);
                }
            }
            if (drawn >= 0 || first + places > length) {
                break;
            }
        }
        if (drawn >= 0) {
            accepted_p = target_law(drawn);
            accepted_q = draft_law(drawn);
        } else {
            scale = accepted_scale;
            if (accepted < first) {
                /* Its rows have made way for later ones. */
                __syncthreads();
                first = accepted;
                stage = 0;
                at_once = 1;
                ask_for(0, first);
                await(0);
            }
            drawn = accepted - first;
        }
        end_drawing(drawn, scale, accepted_p, accepted_q);
    }

    /* Block: whether place k, before the draft's end, is one that the tokens before it may end at. */
    DEVICE bool passes(int k) const {
        const double stands = shared.scales[k];
        const double number = accept_number(first + k - 1);
        const double left = stands < 1 ? (double)shared.merged[k] / (double)PROBABILITY_UNITS : 1;
        return number < stands && number < left / (left + (1 - stands));
    }

    /*
     * Block: scales[k] = the probability that the tokens before place k stand, and merged[k] = what is left there where `passes` asks for it. Returns
     * that of the next window's first place.
     */
    DEVICE double weigh_leftovers(double stands) {
        bool some = false;
        for (int k = 0; k < places; k++) {
            const int32_t i = first + k;
            if (threadIdx.x == 0) {
                shared.scales[k] = stands;
            }
            const bool drafted = i < length && finite(k);
            if (drafted && i > 0 && stands < 1 && accept_number(i - 1) < stands) {
                weigh(team, chunk, k, left(k, stands, target_law(k), draft_law(k)), PROBABILITY_UNITS);
                some = true;
            } else {
                team.give(k, 0, Sum());
            }
            if (drafted) {
                const double joint = stands * target_probability(k);
                const double probability = draft_probability(k);
                stands = joint < probability ? joint / probability : joint > 0 ? 1 : 0;
            }
        }
        if (some) {
            team.merge(places, Sum(), [&](int k, Whole mass) { shared.merged[k] = mass; });
        } else {
            __syncthreads();
        }
        return stands;
    }
};

template <int THREADS, bool CLUSTER, int32_t TYPE>
__global__ void __launch_bounds__(THREADS, CLUSTER ? 2 : 1) verify_kernel(Verify a) {
#if !ADASPEC_CLUSTERS
    if constexpr (CLUSTER) {
        return;
    }
#endif
    VerifyShared& shared = *shared_memory<VerifyShared>();
    Whole* bins = reinterpret_cast<Whole*>(&shared + 1);
    const int bin_rows = a.plan.stage_rows;
    Team<THREADS, CLUSTER> team(shared.team, bins, bin_rows, a.plan.blocks);
    Slices slices = {};
#if ADASPEC_CLUSTERS
    if constexpr (CLUSTER) {
        constexpr int SIZE = (int)sizeof(typename StoredType<TYPE>::element);
        slices = slices_of(team, shared.full, reinterpret_cast<unsigned char*>(bins + 2 * bin_rows * BINS), a.plan, a.v, SIZE);
        slices.init();
    }
#endif
    const int64_t s = blockIdx.x / (unsigned)team.blocks;
    const int64_t row = a.first_rows != nullptr ? a.first_rows[s] : s * (a.g + 1);
    const adaspec_draw draw = a.draws[s];
    const bool greedy = draw.temperature == 0;
    const bool reads_draft = !greedy && a.draft != nullptr;
    Sequence<THREADS, CLUSTER, TYPE> sequence = {
        shared, team, slices, a, Chunk::of(team, a.v), a.target + row * a.target_bytes, reads_draft ? a.draft + s * a.g * a.draft_bytes : nullptr,
        a.draft_tokens + s * a.g, a.draft_lengths[s], draw, reads_draft ? (a.plan.stage_rows + 1) / 2 : a.plan.stage_rows};
    if (greedy) {
        sequence.verify_greedy();
    } else {
        sequence.verify();
    }
#if ADASPEC_CLUSTERS
    if constexpr (CLUSTER) {
        slices.drain();
    }
#endif
    /* Other blocks may still read this one's shared memory. */
    team.meet();
}

}  // namespace

extern "C" int32_t adaspec_verify(
    int32_t* accepted, int32_t* next, int32_t* accepted_at, const void* target, int32_t logits_type, int64_t ld_target, const int32_t* first_rows,
    const void* draft, int64_t ld_draft, const int32_t* draft_tokens, const int32_t* draft_lengths, const adaspec_draw* draws, int32_t verification,
    int32_t one_hot_draft, int64_t b, int64_t g, int64_t v, void* stream) {
    REQUIRE(is_float_type(logits_type), "verify: element type %d; f32 (0), bf16 (1) or f16 (2) was expected", logits_type);
    REQUIRE(b >= 0 && g >= 0 && v >= 1, "verify: %lld sequences, %lld draft tokens, vocabulary %lld", (long long)b, (long long)g, (long long)v);
    REQUIRE(ld_target >= v, "verify: target rows of %lld are %lld apart", (long long)v, (long long)ld_target);
    REQUIRE(verification == ADASPEC_VERIFY_TOKEN || verification == ADASPEC_VERIFY_BLOCK, "verify: verification %d does not exist", verification);
    REQUIRE(v <= MOST_IDS && g <= MOST_IDS, "verify: %lld draft tokens, vocabulary %lld", (long long)g, (long long)v);
    const bool has_rows = !one_hot_draft && draft != nullptr && g > 0;
    const int64_t target_bytes = ld_target * element_bytes(logits_type);
    const int64_t draft_bytes = has_rows ? ld_draft * element_bytes(logits_type) : 0;
    const int rows_a_place = has_rows ? 2 : 1;
    const bool aligned = is_aligned(target, ld_target, logits_type) && is_aligned(has_rows ? draft : nullptr, ld_draft, logits_type);
    const SlicePlan plan = aligned ? plan_slices(b, v, logits_type, rows_a_place * g + 1, rows_a_place) : SlicePlan();
    Verify a = {accepted, next, accepted_at, static_cast<const unsigned char*>(target), target_bytes, first_rows,
                has_rows ? static_cast<const unsigned char*>(draft) : nullptr, draft_bytes, logits_type, draft_tokens, draft_lengths, draws, g, (int32_t)v,
                verification == ADASPEC_VERIFY_BLOCK, aligned, plan};
    if (plan.blocks > 0) {
        return with_type(logits_type, [=](auto stored) {
            const size_t bytes = sizeof(VerifyShared) + bytes_of_bins(plan.stage_rows) + bytes_of_slices(plan);
            const Grid grid = {(unsigned)(b * plan.blocks), CLUSTER_THREADS, bytes, plan.blocks};
            return launch("verify", verify_kernel<CLUSTER_THREADS, true, decltype(stored)::TYPE>, grid, stream, a);
        });
    }
    a.plan = {1, 0, 1, rows_a_place};
    return with_threads(v, [=](auto threads) {
        constexpr int THREADS = decltype(threads)::value;
        const size_t bytes = sizeof(VerifyShared) + bytes_of_bins(rows_a_place);
        return launch("verify", verify_kernel<THREADS, false, ANY_TYPE>, {(unsigned)b, THREADS, bytes}, stream, a);
    });
}
