/*
 * The losses between target and draft over the vocabulary, beside the divergences that select; and their gradients by the draft's logits.
 *
 * Forward: a block of 256 threads streams a row's target, draft and reference once (6 bytes an id in bf16; 4 with a cached reference). What needs both
 * laws, acceptance, slopes and entropy, takes a second walk over the row. Backward: a block a kept row, target and draft read once, the gradient written
 * once (6 bytes an id of a kept row).
 */
#include "distill.cuh"

namespace {

/* Three blocks on a multiprocessor, 85 registers a thread: 73 KB of loads on their way while what came before is worked on. */
constexpr int THREADS = 256;
constexpr int BLOCKS = 3;

template <class Type, bool REFERENCE, bool ALIGNED>
__global__ void __launch_bounds__(THREADS, BLOCKS) forward_kernel(Forward f, int32_t loss_kind, bool laws) {
    typedef Divergences<REFERENCE> Row;
    typedef const typename Type::element* Pointer;
    const int64_t i = blockIdx.x;
    const Pointer t = row_of<Type>(f.target, f.ld_target, i);
    const Pointer d = row_of<Type>(f.draft, f.ld_draft, i);
    const Pointer r = REFERENCE ? row_of<Type>(f.reference, f.ld_reference, i) : d;
    const float td_offset = offset_of(Type::widen(t[0]), Type::widen(d[0]));
    const float tr_offset = offset_of(Type::widen(t[0]), Type::widen(r[0]));
    const float rd_offset = offset_of(Type::widen(r[0]), Type::widen(d[0]));
    Row row;
    if constexpr (REFERENCE) {
        const Pointer rows[] = {t, d, r};
        walk_logits<Type, ALIGNED, ReadAgain, THREADS>(
            rows, f.v, [&](int32_t, const auto& x) { row.add(x[0], x[1], x[2], td_offset, tr_offset, rd_offset); });
    } else {
        const Pointer rows[] = {t, d};
        walk_logits<Type, ALIGNED, ReadAgain, THREADS>(rows, f.v, [&](int32_t, const auto& x) { row.add(x[0], x[1], x[1], td_offset, 0, 0); });
    }
    row = block_merge<THREADS>(row, shared_memory<Row>());
    const bool valid = row.finite();
    const Laws both = Laws::of(row.t, row.d);
    const double kl_draft = threadIdx.x == 0 ? write_statistics(f, i, row, td_offset, tr_offset, rd_offset) : 0;
    on_loss(loss_kind, [&](auto policy) {
        typedef decltype(policy) Loss;
        RowSums sums = {kl_draft, (double)NAN, (double)NAN, Loss::SLOPE ? (double)NAN : 0};
        double entropy = (double)NAN;
        if (laws && valid) {
            LawSums mine;
            const Pointer rows[] = {t, d};
            walk_logits<Type, ALIGNED, ReadAgain, THREADS>(rows, f.v, [&](int32_t, const auto& x) { both.template add<Loss>(mine, x[0], x[1]); });
            double* partials = shared_memory<double>();
            sums.acceptance = block_sum<THREADS>((double)mine.acceptance, partials);
            entropy = block_sum<THREADS>((double)mine.entropy, partials);
            if (Loss::SLOPE) {
                sums.terms = block_sum<THREADS>((double)mine.terms, partials);
                sums.mean_slope = block_sum<THREADS>((double)mine.slopes, partials);
            }
        }
        if (threadIdx.x == 0) {
            write_losses<Loss>(f, i, valid, sums, entropy);
        }
    });
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
    on_loss(loss_kind, [&](auto policy) {
        const Gradient<decltype(policy)> gradient(
            b.target_lse[from], b.draft_lse[from], b.mean_slope != nullptr ? b.mean_slope[from] : 0.0f,
            b.acceptance != nullptr ? b.acceptance[from] : 0.0f, b.scale);
        walk_logits<Type, ALIGNED, ReadOnce, THREADS>(rows, b.v, [&](int32_t j, const auto& x) {
            float result[LANES<Type>];
            gradient.of(result, x[0], x[1]);
            StoredVector<Type>::narrow(result).template store<ALIGNED>(out, j, b.v);
        });
    });
}

template <class Type, bool REFERENCE>
int32_t launch_forward(const Forward& f, bool aligned, int32_t loss_kind, int64_t n, void* stream) {
    const size_t partials = THREADS / WARP * (sizeof(Divergences<REFERENCE>) > sizeof(double) ? sizeof(Divergences<REFERENCE>) : sizeof(double));
    const auto kernel = aligned ? forward_kernel<Type, REFERENCE, true> : forward_kernel<Type, REFERENCE, false>;
    return launch("distill_forward", kernel, {(unsigned)n, THREADS, partials}, stream, f, loss_kind, f.needs_laws(loss_kind));
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
                       reference, ld_reference, (int32_t)v};
    const bool aligned = is_aligned(target, ld_target, logits_type) && is_aligned(draft, ld_draft, logits_type)
        && is_aligned(reference, ld_reference, logits_type);
    return with_type(logits_type, [&](auto type) {
        typedef decltype(type) Type;
        return reference != nullptr ? launch_forward<Type, true>(f, aligned, loss_kind, n, stream)
                                    : launch_forward<Type, false>(f, aligned, loss_kind, n, stream);
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
