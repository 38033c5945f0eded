/*
 * The losses between target and draft over the vocabulary, beside the divergences that select; and their gradients by the draft's logits.
 *
 * Forward: 256 threads stream a row's target, draft and reference once (6 bytes an id in bf16; 4 with a cached reference). What needs both laws,
 * acceptance, slopes and entropy, takes a second walk over the row. Where a device has bulk copies and rows are aligned for them, a block goes from row to
 * row, and a warp of its own keeps a ring of stages full, into the next row while the others finish this one; else a block a row. Backward: a block a kept
 * row, target and draft read once, the gradient written once (6 bytes an id of a kept row).
 */
#include "distill.cuh"

namespace {

/* Three blocks on a multiprocessor: about 73 KB of loads on their way while what came before is worked on, by the ring twice that. */
constexpr int THREADS = 256;
constexpr int WARPS = THREADS / WARP;
constexpr int BLOCKS = 3;

/* A row of a block at a time, by loads. */
template <class Type, bool REFERENCE, bool ALIGNED>
struct LoadedRows {
    typedef Divergences<REFERENCE> Row;

    const Forward& f;
    Row* partials; /* of warps: a Row is longer than LawSums */
    int64_t i;

    DEVICE LoadedRows(const Forward& f) : f(f), partials(shared_memory<Row>()), i(blockIdx.x) {}

    DEVICE void next() {
        i += gridDim.x;
    }

    /* consume(x) for this thread's vectors x of the first ROWS of target, draft, reference. */
    template <int ROWS, class F>
    DEVICE void walk(F consume) const {
        const typename Type::element* rows[ROWS];
        f.template rows_of<Type>(rows, i);
        walk_logits<Type, ALIGNED, ReadAgain, THREADS>(rows, f.v, [&](int32_t, const auto& x) { consume(x); });
    }

    template <class T>
    DEVICE T merge(const T& x) const {
        static_assert(sizeof(T) <= sizeof(Row));
        return block_merge<THREADS>(x, reinterpret_cast<T*>(partials));
    }
};

/*
 * The same by bulk copies: one lane of the block's last warp sends for stages, a vector of every other thread from each row; a stage is taken by warps and
 * sent for again when all of them have. A thread has the same vectors as above, and so the same sums.
 */
template <class Type, bool REFERENCE>
struct RingRows {
    typedef Divergences<REFERENCE> Row;
    static constexpr int N = LANES<Type>;
    static constexpr int MOST_ROWS = REFERENCE ? 3 : 2;
    static constexpr int STAGES = 4;
    static constexpr int TAKERS = 1; /* their barrier */

    struct Shared {
        uint4 vectors[STAGES][MOST_ROWS][THREADS];
        uint64_t full[STAGES];
        uint64_t empty[STAGES];
        Row partials[WARPS];
    };

    const Forward& f;
    Shared& shared;
    int64_t i;
    unsigned count = 0; /* stages that were sent for, or taken */

    DEVICE RingRows(const Forward& f) : f(f), shared(*shared_memory<Shared>()), i(blockIdx.x) {
        if (threadIdx.x == 0) {
            for (int stage = 0; stage < STAGES; stage++) {
                barrier_init(&shared.full[stage], 1);
                barrier_init(&shared.empty[stage], WARPS);
            }
            barrier_init_fence();
        }
        __syncthreads();
    }

    DEVICE void next() {
        i += gridDim.x;
    }

    /* By the one lane: what a walk over ROWS rows will take. Vectors that are not whole are left to those who take. */
    template <int ROWS>
    DEVICE void send() {
        const typename Type::element* rows[ROWS];
        f.template rows_of<Type>(rows, i);
        for (int32_t first = 0; first < f.v; first += THREADS * N) {
            const unsigned stage = count % STAGES;
            if (count >= STAGES) {
                barrier_wait(&shared.empty[stage], (count / STAGES - 1) & 1);
            }
            const int32_t whole = (f.v - first) / N < THREADS ? (f.v - first) / N : THREADS;
            const unsigned bytes = (unsigned)whole * VECTOR_BYTES;
            barrier_arrive_expecting(&shared.full[stage], ROWS * bytes);
            UNROLL
            for (int r = 0; r < ROWS; r++) {
                if (whole > 0) {
                    bulk_copy(shared.vectors[stage][r], rows[r] + first, bytes, &shared.full[stage]);
                }
            }
            count++;
        }
    }

    template <int ROWS, class F>
    DEVICE void walk(F consume) {
        const typename Type::element* rows[ROWS];
        f.template rows_of<Type>(rows, i);
        for (int32_t first = 0; first < f.v; first += THREADS * N) {
            const unsigned stage = count % STAGES;
            const int32_t j = first + (int32_t)threadIdx.x * N;
            StoredVector<Type> stored[ROWS];
            barrier_wait(&shared.full[stage], count / STAGES & 1);
            UNROLL
            for (int r = 0; r < ROWS; r++) {
                if (j + N <= f.v) {
                    stored[r].words = shared.vectors[stage][r][threadIdx.x];
                } else {
                    stored[r] = StoredVector<Type>::template load<ReadAgain, false>(rows[r], j, f.v);
                }
            }
            __syncwarp();
            if (threadIdx.x % WARP == 0) {
                barrier_arrive(&shared.empty[stage]);
            }
            count++;
            if (j < f.v) {
                float x[ROWS][N];
                UNROLL
                for (int r = 0; r < ROWS; r++) {
                    stored[r].widen(x[r]);
                }
                consume(x);
            }
        }
    }

    template <class T>
    DEVICE T merge(const T& x) const {
        static_assert(sizeof(T) <= sizeof(Row));
        return block_merge<THREADS, TAKERS>(x, reinterpret_cast<T*>(shared.partials));
    }
};

/* All rows that fall to this block. */
template <class Type, bool REFERENCE, class Rows>
DEVICE void forward_rows(const Forward& f, Rows& rows, int32_t loss_kind, bool laws) {
    typedef Divergences<REFERENCE> Row;
    for (; rows.i < f.n; rows.next()) {
        const typename Type::element* first[REFERENCE ? 3 : 2];
        f.template rows_of<Type>(first, rows.i);
        const float t0 = Type::widen(first[0][0]);
        const float d0 = Type::widen(first[1][0]);
        const float r0 = REFERENCE ? Type::widen(first[REFERENCE ? 2 : 1][0]) : d0;
        const float td_offset = offset_of(t0, d0);
        const float tr_offset = offset_of(t0, r0);
        const float rd_offset = offset_of(r0, d0);
        Row row;
        rows.template walk<REFERENCE ? 3 : 2>(
            [&](const auto& x) { row.add(x[0], x[1], x[REFERENCE ? 2 : 1], td_offset, tr_offset, rd_offset); });
        row = rows.merge(row);
        const bool valid = row.finite();
        const Laws both = Laws::of(row.t, row.d);
        const float log_sum = (float)log((double)row.d.sum);
        const double kl_draft = threadIdx.x == 0 ? write_statistics(f, rows.i, row, td_offset, tr_offset, rd_offset) : 0;
        RowSums sums = {kl_draft, (double)NAN, (double)NAN, has_slope(loss_kind) ? (double)NAN : 0};
        double entropy = (double)NAN;
        if (laws) {
            LawSums mine;
            rows.template walk<2>([&](const auto& x) { both.add(mine, loss_kind, x[0], x[1], log_sum); });
            mine = rows.merge(mine);
            if (valid) {
                entropy = (double)mine.entropy;
                sums.acceptance = (double)mine.acceptance;
                sums.terms = (double)mine.terms;
                sums.mean_slope = (double)mine.slopes;
            }
        }
        if (threadIdx.x == 0) {
            write_losses(f, rows.i, loss_kind, valid, sums, entropy);
        }
    }
}

/* Vectors of 8 ids of three rows, and the next on their way, are more than three blocks have registers for. */
template <class Type, bool REFERENCE, bool ALIGNED>
__global__ void __launch_bounds__(THREADS, REFERENCE && LANES<Type> == 8 ? 2 : BLOCKS) loads_kernel(Forward f, int32_t loss_kind, bool laws) {
    LoadedRows<Type, REFERENCE, ALIGNED> rows(f);
    forward_rows<Type, REFERENCE>(f, rows, loss_kind, laws);
}

template <class Type, bool REFERENCE>
__global__ void __launch_bounds__(THREADS + WARP, BLOCKS) ring_kernel(Forward f, int32_t loss_kind, bool laws) {
    RingRows<Type, REFERENCE> rows(f);
    if (threadIdx.x < THREADS) {
        forward_rows<Type, REFERENCE>(f, rows, loss_kind, laws);
    } else if (threadIdx.x == THREADS) {
        for (; rows.i < f.n; rows.next()) {
            rows.template send<RingRows<Type, REFERENCE>::MOST_ROWS>();
            if (laws) {
                rows.template send<2>();
            }
        }
    }
}

/* The arguments of the backward. */
struct Backward {
    void* dlogits;
    int64_t ld_dlogits;
    const void* target;
    int64_t ld_target;
    const void* draft;
    int64_t ld_draft;
    const float* target_lse;
    const float* draft_lse;
    const float* mean_slope;
    const float* acceptance;
    const int32_t* rows;
    float scale;
    int32_t v;
};

/* A thread reads its ids before it writes them, and nobody else reads them: dlogits may be draft. */
template <class Type, bool ALIGNED>
__global__ void __launch_bounds__(THREADS, BLOCKS) backward_kernel(Backward b, int32_t loss_kind) {
    const int64_t i = blockIdx.x;
    const int64_t from = b.rows != nullptr ? b.rows[i] : i;
    typename Type::element* out = static_cast<typename Type::element*>(b.dlogits) + i * b.ld_dlogits;
    const typename Type::element* const rows[] = {row_of<Type>(b.target, b.ld_target, from), row_of<Type>(b.draft, b.ld_draft, from)};
    const Gradient gradient(
        Laws::of(b.target_lse[from], b.draft_lse[from]), loss_kind, b.mean_slope != nullptr ? b.mean_slope[from] : 0.0f,
        b.acceptance != nullptr ? b.acceptance[from] : 0.0f, b.scale);
    walk_logits<Type, ALIGNED, ReadOnce, THREADS>(rows, b.v, [&](int32_t j, const auto& x) {
        float result[LANES<Type>];
        float unused = 0;
        gradient.of(result, x[0], x[1], unused);
        StoredVector<Type>::narrow(result).template store<ALIGNED>(out, j, b.v);
    });
}

template <class Type, bool REFERENCE>
int32_t launch_forward(const Forward& f, bool aligned, int32_t loss_kind, void* stream) {
    const bool laws = f.needs_laws(loss_kind);
    if (aligned && has_clusters()) {
        Grid grid = {1, THREADS + WARP, sizeof(typename RingRows<Type, REFERENCE>::Shared)};
        const int64_t blocks = clusters_at_once(ring_kernel<Type, REFERENCE>, grid);
        if (blocks > 0) {
            grid.blocks.x = (unsigned)(f.n < blocks ? f.n : blocks);
            return launch("distill_forward", ring_kernel<Type, REFERENCE>, grid, stream, f, loss_kind, laws);
        }
    }
    const auto kernel = aligned ? loads_kernel<Type, REFERENCE, true> : loads_kernel<Type, REFERENCE, false>;
    return launch("distill_forward", kernel, {(unsigned)f.n, THREADS, WARPS * sizeof(Divergences<REFERENCE>)}, stream, f, loss_kind, laws);
}

}  // namespace

extern "C" int32_t adaspec_distill_forward(
    float* loss, float* mean_slope, float* kl_draft, float* kl_ref, float* gap, float* acceptance, float* entropy, float* target_lse,
    float* draft_lse, const void* target, int64_t ld_target, const void* draft, int64_t ld_draft, const void* reference, int64_t ld_reference,
    int32_t logits_type, int32_t loss_kind, int64_t n, int64_t v, void* stream) {
    REQUIRE(n >= 0 && v >= 1, "distill_forward: logits are (%lld, %lld); at least one column was expected", (long long)n, (long long)v);
    REQUIRE(
        ld_target >= v && ld_draft >= v && (reference == nullptr || ld_reference >= v),
        "distill_forward: row strides %lld, %lld, %lld; one is shorter than a row of %lld", (long long)ld_target, (long long)ld_draft,
        (long long)ld_reference, (long long)v);
    const int32_t status = require_logits("distill_forward", logits_type, loss_kind, v);
    if (status != ADASPEC_OK) {
        return status;
    }
    const Forward f = {loss, mean_slope, kl_draft, kl_ref, gap, acceptance, entropy, target_lse, draft_lse, target, ld_target, draft, ld_draft,
                       reference, ld_reference, n, (int32_t)v};
    const bool aligned = is_aligned(target, ld_target, logits_type) && is_aligned(draft, ld_draft, logits_type)
        && is_aligned(reference, ld_reference, logits_type);
    return with_type(logits_type, [&](auto type) {
        typedef decltype(type) Type;
        return reference != nullptr ? launch_forward<Type, true>(f, aligned, loss_kind, stream)
                                    : launch_forward<Type, false>(f, aligned, loss_kind, stream);
    });
}

extern "C" int32_t adaspec_distill_backward(
    void* dlogits, int64_t ld_dlogits, const void* target, int64_t ld_target, const void* draft, int64_t ld_draft, int32_t logits_type,
    const float* target_lse, const float* draft_lse, const float* mean_slope, const float* acceptance, const int32_t* rows, int32_t loss_kind,
    float scale, int64_t k, int64_t v, void* stream) {
    REQUIRE(k >= 0 && v >= 1, "distill_backward: dlogits is (%lld, %lld); at least one column was expected", (long long)k, (long long)v);
    REQUIRE(
        ld_dlogits >= v && ld_target >= v && ld_draft >= v, "distill_backward: row strides %lld, %lld, %lld; one is shorter than a row of %lld",
        (long long)ld_dlogits, (long long)ld_target, (long long)ld_draft, (long long)v);
    const int32_t status = require_logits("distill_backward", logits_type, loss_kind, v);
    if (status != ADASPEC_OK) {
        return status;
    }
    REQUIRE(loss_kind == ADASPEC_LOSS_KL_DIV || mean_slope != nullptr, "distill_backward: loss %d needs the mean of its slope", loss_kind);
    REQUIRE(
        (loss_kind != ADASPEC_LOSS_NLA && loss_kind != ADASPEC_LOSS_LK_HYBRID) || acceptance != nullptr,
        "distill_backward: loss %d needs the acceptance", loss_kind);
    const Backward b = {dlogits, ld_dlogits, target, ld_target, draft, ld_draft, target_lse, draft_lse, mean_slope, acceptance, rows, scale, (int32_t)v};
    const bool aligned = is_aligned(dlogits, ld_dlogits, logits_type) && is_aligned(target, ld_target, logits_type)
        && is_aligned(draft, ld_draft, logits_type);
    return with_type(logits_type, [&](auto type) {
        typedef decltype(type) Type;
        const auto kernel = aligned ? backward_kernel<Type, true> : backward_kernel<Type, false>;
        return launch("distill_backward", kernel, {(unsigned)k, THREADS}, stream, b, loss_kind);
    });
}
