/*
 * Loss and gradient of all rows, the logits read once: 6 bytes an id in bf16, where a forward and a backward read and write 10.
 *
 * A row of target and draft stays on chip, cut into the slices of a cluster's blocks (2 blocks for 50,304 ids in bf16, 8 for 151,936), two blocks of
 * other rows on each multiprocessor: while one waits, the other works. Clusters take rows in turns. Each warp has bulk copies of its own pieces of the
 * slice on their way, and one barrier a piece: the first walk starts with the first piece, and in the last walk, which writes the gradient, each piece
 * that was read makes room for the next row's. Blocks give each other their statistics through shared memory, in the order of their ranks. The losses
 * with slopes need a walk over both laws between the first and the last; KL_DIV does not, and has its acceptance from the last.
 *
 * Where there are no clusters, or rows do not fit or are not aligned, a block a row walks over global memory as many times.
 */
#include "distill.cuh"

namespace {

/* The arguments, and how a row is cut. */
struct Step {
    void* dlogits;
    int64_t ld_dlogits;
    float* loss;
    float* kl_draft;
    float* acceptance;
    float* target_lse;
    float* draft_lse;
    const void* target;
    int64_t ld_target;
    const void* draft;
    int64_t ld_draft;
    float scale;
    int64_t n;
    int32_t v;
    int32_t blocks; /* of a cluster */
    int32_t slice;  /* vectors of a row that a block of the cluster holds: a multiple of WARP */
};

typedef Divergences<false> Row;

/* Shared memory for the statistics of a warp or a block. */
union Partial {
    float places[sizeof(Row) / sizeof(float)];

    template <class T>
    DEVICE T* as() {
        static_assert(sizeof(T) <= sizeof(Partial) && alignof(T) <= alignof(Partial));
        return reinterpret_cast<T*>(this);
    }
};

/* A row's vectors in global memory, walked over by one block; read coherently, since the last walk may write over them. */
struct ReadWritten {
    template <class T>
    static DEVICE T load(const T* p) {
        return *p;
    }
};

template <class Type, bool ALIGNED>
struct GlobalRows {
    static constexpr bool WHOLE_VECTORS = ALIGNED;
    static constexpr int THREADS = 256;
    typedef typename Type::element element;

    struct Shared {
        Partial partials[THREADS / WARP];
        Laws laws;
    };

    const Step& step;
    Shared& shared;
    int64_t i;

    DEVICE GlobalRows(const Step& step) : step(step), shared(*shared_memory<Shared>()), i(blockIdx.x) {}

    DEVICE void next() {
        i += gridDim.x;
    }
    DEVICE float td_offset() const {
        return offset_of(Type::widen(row_of<Type>(step.target, step.ld_target, i)[0]), Type::widen(row_of<Type>(step.draft, step.ld_draft, i)[0]));
    }
    template <bool LAST, class F>
    DEVICE void walk(F f) const {
        const element* const rows[] = {row_of<Type>(step.target, step.ld_target, i), row_of<Type>(step.draft, step.ld_draft, i)};
        walk_logits<Type, ALIGNED, ReadWritten, THREADS>(rows, step.v, [&](int32_t j, const auto& x) { f(j, x[0], x[1]); });
    }
    template <class T>
    DEVICE T merge(const T& x) const {
        return block_merge<THREADS>(x, shared.partials->template as<T>());
    }
    DEVICE bool leads() const {
        return threadIdx.x == 0;
    }
    DEVICE void end() const {}
};

/* A row's vectors in the shared memory of a cluster. */
template <class Type>
struct ClusterRows {
    static constexpr bool WHOLE_VECTORS = true;
    static constexpr int THREADS = 384;
    static constexpr int WARPS = THREADS / WARP;
    static constexpr int N = LANES<Type>;
    typedef typename Type::element element;

    /* What blocks tell each other has two places, used in turn: one barrier separates writing from reading. Then a barrier a piece, target, draft. */
    struct Shared {
        Partial partials[WARPS];
        Partial told[2];
        Laws laws;
    };

    const Step& step;
    Shared& shared;
    int64_t i;
    int32_t first; /* vector of this block's slice */
    int32_t vectors;
    uint4* t;
    uint4* d;
    uint64_t* barriers;
    unsigned parity = 0;
    int turn = 0;
    float own_offset = 0;
    float next_offset = 0;

    static constexpr size_t SHARED = (sizeof(Shared) + 127) / 128 * 128;

    static size_t shared_bytes(int64_t slice) {
        return SHARED + (size_t)slice * 2 * VECTOR_BYTES + (size_t)slice / WARP * sizeof(uint64_t);
    }

    DEVICE ClusterRows(const Step& step)
        : step(step), shared(*shared_memory<Shared>()), i(blockIdx.x / (unsigned)step.blocks), first((int32_t)cluster_rank() * step.slice),
          t(reinterpret_cast<uint4*>(shared_memory<unsigned char>() + SHARED)), d(t + step.slice),
          barriers(reinterpret_cast<uint64_t*>(d + step.slice)) {
        const int32_t all = (step.v + N - 1) / N;
        vectors = all - first < step.slice ? all - first : step.slice;
        if (threadIdx.x == 0) {
            for (int32_t piece = 0; piece * WARP < step.slice; piece++) {
                barrier_init(barriers + piece, 1);
            }
            barrier_init_fence();
        }
        __syncthreads();
        if (i < step.n) {
            for (int32_t piece = warp(); piece * WARP < vectors; piece += WARPS) {
                copy(i, piece);
            }
            own_offset = offset(i);
        }
    }

    static DEVICE int warp() {
        return (int)threadIdx.x / WARP;
    }
    static DEVICE int lane() {
        return (int)threadIdx.x % WARP;
    }
    DEVICE float offset(int64_t row) const {
        return offset_of(Type::widen(row_of<Type>(step.target, step.ld_target, row)[0]), Type::widen(row_of<Type>(step.draft, step.ld_draft, row)[0]));
    }

    /* Sends for piece `piece` of a row: the vectors that are whole. */
    DEVICE void copy(int64_t row, int32_t piece) const {
        if (lane() != 0) {
            return;
        }
        const int32_t begin = piece * WARP;
        const int32_t whole = step.v / N - first;
        const int32_t end = whole < begin + WARP ? whole : begin + WARP;
        const int32_t count = (end < vectors ? end : vectors) - begin;
        const unsigned bytes = count > 0 ? (unsigned)count * VECTOR_BYTES : 0;
        uint64_t* barrier = barriers + piece;
        barrier_arrive_expecting(barrier, 2 * bytes);
        if (bytes > 0) {
            const int64_t id = (int64_t)(first + begin) * N;
            bulk_copy(t + begin, row_of<Type>(step.target, step.ld_target, row) + id, bytes, barrier);
            bulk_copy(d + begin, row_of<Type>(step.draft, step.ld_draft, row) + id, bytes, barrier);
        }
    }

    DEVICE void next() {
        i += gridDim.x / (unsigned)step.blocks;
        parity ^= 1;
        own_offset = next_offset;
    }
    DEVICE float td_offset() const {
        return own_offset;
    }

    /* f(j, t, d) over this thread's vectors. The last walk lets the next row in. */
    template <bool LAST, class F>
    DEVICE void walk(F f) {
        const int64_t after = i + gridDim.x / (unsigned)step.blocks;
        if (LAST && after < step.n) {
            next_offset = offset(after);
        }
        for (int32_t piece = warp(); piece * WARP < vectors; piece += WARPS) {
            const int32_t k = piece * WARP + lane();
            const int32_t j = (first + k) * N;
            barrier_wait(barriers + piece, parity);
            StoredVector<Type> target;
            StoredVector<Type> draft;
            if (j + N <= step.v) {
                target.words = t[k];
                draft.words = d[k];
            } else {
                target = StoredVector<Type>::template load<ReadWritten, false>(row_of<Type>(step.target, step.ld_target, i), j, step.v);
                draft = StoredVector<Type>::template load<ReadWritten, false>(row_of<Type>(step.draft, step.ld_draft, i), j, step.v);
            }
            if (LAST && after < step.n) {
                __syncwarp();
                copy(after, piece);
            }
            float tx[N];
            float dx[N];
            target.widen(tx);
            draft.widen(dx);
            f(j, tx, dx);
        }
    }

    template <class T>
    DEVICE T merge(T x) {
        x = block_merge<THREADS>(x, shared.partials->template as<T>());
        if (step.blocks == 1) {
            return x;
        }
        T* told = shared.told[turn].template as<T>();
        if (threadIdx.x == 0) {
            *told = x;
        }
        cluster_barrier();
        turn ^= 1;
        return warp_merge(lane() < step.blocks ? *in_cluster(told, (unsigned)lane()) : T());
    }

    DEVICE bool leads() const {
        return threadIdx.x == 0 && first == 0;
    }

    /* A block's shared memory must outlive the reads of it. */
    DEVICE void end() const {
        if (step.blocks > 1) {
            cluster_barrier();
        }
    }
};

/* All rows that fall to this block or cluster. */
template <class Type, class Rows>
DEVICE void all_rows(const Step& step, Rows& rows, int32_t loss_kind) {
    constexpr int N = LANES<Type>;
    for (; rows.i < step.n; rows.next()) {
        const float td_offset = rows.td_offset();
        Row row;
        rows.template walk<false>([&](int32_t, const float (&t)[N], const float (&d)[N]) { row.add(t, d, d, td_offset, 0, 0); });
        row = rows.merge(row);
        if (threadIdx.x == 0) {
            rows.shared.laws = Laws::of(row.t, row.d);
        }
        __syncthreads();
        const Laws laws = rows.shared.laws;
        const bool valid = row.finite();
        RowSums sums = {0, (double)NAN, (double)NAN, 0};
        if (rows.leads()) {
            sums.kl_draft = valid ? row.kl_draft(td_offset) : (double)NAN;
            if (step.kl_draft != nullptr) {
                step.kl_draft[rows.i] = (float)sums.kl_draft;
            }
            if (step.target_lse != nullptr) {
                step.target_lse[rows.i] = valid ? (float)row.t.log_sum_exp() : NAN;
            }
            if (step.draft_lse != nullptr) {
                step.draft_lse[rows.i] = valid ? (float)row.d.log_sum_exp() : NAN;
            }
        }
        LawSums mine;
        if (has_slope(loss_kind)) {
            rows.template walk<false>([&](int32_t, const float (&t)[N], const float (&d)[N]) { laws.add(mine, loss_kind, t, d, 0); });
            mine = rows.merge(mine);
            sums.acceptance = (double)mine.acceptance;
            sums.terms = (double)mine.terms;
            sums.mean_slope = (double)mine.slopes;
        }
        const Gradient gradient(laws, loss_kind, mine.slopes, mine.acceptance, step.scale);
        typename Type::element* out = static_cast<typename Type::element*>(step.dlogits) + rows.i * step.ld_dlogits;
        rows.template walk<true>([&](int32_t j, const float (&t)[N], const float (&d)[N]) {
            float result[N];
            gradient.of(result, t, d, mine.acceptance);
            StoredVector<Type>::narrow(result).template store<Rows::WHOLE_VECTORS>(out, j, step.v);
        });
        if (!has_slope(loss_kind) && step.acceptance != nullptr) {
            sums.acceptance = (double)rows.merge(mine).acceptance;
        }
        if (rows.leads()) {
            if (step.loss != nullptr) {
                step.loss[rows.i] = valid ? (float)loss_value(loss_kind, sums) : NAN;
            }
            if (step.acceptance != nullptr) {
                step.acceptance[rows.i] = valid ? (float)sums.acceptance : NAN;
            }
        }
    }
    rows.end();
}

template <class Type, bool ALIGNED>
__global__ void __launch_bounds__(GlobalRows<Type, ALIGNED>::THREADS, 3) global_kernel(Step step, int32_t loss_kind) {
    GlobalRows<Type, ALIGNED> rows(step);
    all_rows<Type>(step, rows, loss_kind);
}

template <class Type>
__global__ void __launch_bounds__(ClusterRows<Type>::THREADS, 2) cluster_kernel(Step step, int32_t loss_kind) {
    ClusterRows<Type> rows(step);
    all_rows<Type>(step, rows, loss_kind);
}

/* Shared memory of a block at most, and where two of them share a multiprocessor. */
constexpr size_t MOST_SHARED = 227 << 10;
constexpr size_t HALF_SHARED = 113 << 10;
constexpr int MOST_BLOCKS = 8; /* the largest cluster that every device with clusters takes */

/* The smallest cluster of which two blocks fit on a multiprocessor, else the largest; false where a row does not fit at all. Depends on v alone. */
template <class Type>
bool cut(Step& step) {
    const int64_t vectors = (step.v + LANES<Type> - 1) / LANES<Type>;
    for (step.blocks = 1;; step.blocks *= 2) {
        const int64_t slice = (vectors + step.blocks - 1) / step.blocks;
        step.slice = (int32_t)((slice + WARP - 1) / WARP * WARP);
        const size_t bytes = ClusterRows<Type>::shared_bytes(step.slice);
        if (bytes <= HALF_SHARED || step.blocks == MOST_BLOCKS) {
            return bytes <= MOST_SHARED;
        }
    }
}

template <class Type>
int32_t launch_step(Step step, bool aligned, int32_t loss_kind, void* stream) {
    if (aligned && has_clusters() && cut<Type>(step)) {
        const int threads = ClusterRows<Type>::THREADS;
        Grid grid = {(unsigned)step.blocks, threads, ClusterRows<Type>::shared_bytes(step.slice), step.blocks};
        const int64_t clusters = clusters_at_once(cluster_kernel<Type>, grid);
        if (clusters > 0) {
            grid.blocks.x *= (unsigned)(step.n < clusters ? step.n : clusters);
            return launch("distill_forward_backward", cluster_kernel<Type>, grid, stream, step, loss_kind);
        }
    }
    const auto kernel = aligned ? global_kernel<Type, true> : global_kernel<Type, false>;
    const Grid grid = {(unsigned)step.n, GlobalRows<Type, true>::THREADS, sizeof(typename GlobalRows<Type, true>::Shared)};
    return launch("distill_forward_backward", kernel, grid, stream, step, loss_kind);
}

}  // namespace

extern "C" int32_t adaspec_distill_forward_backward(
    void* dlogits, int64_t ld_dlogits, float* loss, float* kl_draft, float* acceptance, float* target_lse, float* draft_lse, const void* target,
    int64_t ld_target, const void* draft, int64_t ld_draft, int32_t logits_type, int32_t loss_kind, float scale, int64_t n, int64_t v, void* stream) {
    REQUIRE(n >= 0 && v >= 1, "distill_forward_backward: logits are (%lld, %lld); at least one column was expected", (long long)n, (long long)v);
    REQUIRE(
        ld_dlogits >= v && ld_target >= v && ld_draft >= v,
        "distill_forward_backward: row strides %lld, %lld, %lld; one is shorter than a row of %lld", (long long)ld_dlogits, (long long)ld_target,
        (long long)ld_draft, (long long)v);
    const int32_t status = require_logits("distill_forward_backward", logits_type, loss_kind, v);
    if (status != ADASPEC_OK) {
        return status;
    }
    const Step step = {dlogits, ld_dlogits, loss, kl_draft, acceptance, target_lse, draft_lse, target, ld_target, draft, ld_draft, scale, n, (int32_t)v,
                       0, 0};
    const bool aligned = is_aligned(dlogits, ld_dlogits, logits_type) && is_aligned(target, ld_target, logits_type)
        && is_aligned(draft, ld_draft, logits_type);
    return with_type(logits_type, [&](auto type) { return launch_step<decltype(type)>(step, aligned, loss_kind, stream); });
}
