/* Losses between target and draft over the vocabulary, beside the divergences that select; and their gradients by the draft's logits. */
#include "distill.h"
#include "status.h"
#include "threads.h"

namespace {

/* The arguments of the forward. */
struct Forward {
    float* loss;
    float* mean_slope;
    float* kl_draft;
    float* kl_ref;
    float* gap;
    float* acceptance;
    float* entropy;
    float* target_lse;
    float* draft_lse;
    const void* target;
    int64_t ld_target;
    const void* draft;
    int64_t ld_draft;
    const void* reference;
    int64_t ld_reference;
    int64_t n;
    int64_t v;

    template <class Loss, class Type>
    void row(int64_t i) const {
        Row<Type> t(target, i * ld_target);
        Row<Type> d(draft, i * ld_draft);
        Row<Type> r(reference, i * ld_reference);
        RowStatistics statistics;
        if (reference != nullptr) {
            statistics = divergences<true>(t, d, r, v);
            if (kl_ref != nullptr) {
                kl_ref[i] = (float)statistics.kl_ref;
            }
            if (gap != nullptr) {
                gap[i] = (float)statistics.gap;
            }
        } else {
            statistics = divergences<false>(t, d, r, v);
            if (gap != nullptr && kl_ref != nullptr) {
                gap[i] = (float)(statistics.kl_draft - (double)kl_ref[i]);
            }
        }
        /* NaN marks the row in all its outputs. */
        const bool valid = !isnan(statistics.kl_draft);
        kl_draft[i] = (float)statistics.kl_draft;
        target_lse[i] = valid ? (float)t.log_sum_exp() : NAN;
        draft_lse[i] = valid ? (float)d.log_sum_exp() : NAN;

        RowSums sums = {statistics.kl_draft, NAN, NAN, Loss::SLOPE ? NAN : 0};
        if (valid && (acceptance != nullptr || (Loss::SLOPE && (loss != nullptr || mean_slope != nullptr)))) {
            sums = sums_of<Loss>(t, d, statistics.kl_draft, v);
        }
        if (loss != nullptr) {
            loss[i] = valid ? (float)Loss::value(sums) : NAN;
        }
        if (mean_slope != nullptr) {
            mean_slope[i] = valid ? (float)sums.mean_slope : NAN;
        }
        if (acceptance != nullptr) {
            acceptance[i] = (float)sums.acceptance;
        }
        if (entropy != nullptr) {
            entropy[i] = valid ? (float)entropy_of(d, v) : NAN;
        }
    }

    template <class Loss, class Type>
    void run() const {
#pragma omp parallel for schedule(static) num_threads(threads_for(4 * n * v))
        for (int64_t i = 0; i < n; i++) {
            row<Loss, Type>(i);
        }
    }
};

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
    int64_t k;
    int64_t v;

    template <class Loss, class Type>
    void row(int64_t i) const {
        const int64_t from = rows != nullptr ? rows[i] : i;
        const Row<Type> t(target, from * ld_target);
        const Row<Type> d(draft, from * ld_draft);
        typename Type::element* out = (typename Type::element*)dlogits + i * ld_dlogits;
        const Gradient<Loss> gradient(
            target_lse[from], draft_lse[from], Loss::SLOPE ? mean_slope[from] : 0, acceptance != nullptr ? acceptance[from] : 0, scale);
        gradient.write(out, t, d, v);
    }

    template <class Loss, class Type>
    void run() const {
#pragma omp parallel for schedule(static) num_threads(threads_for(4 * k * v))
        for (int64_t i = 0; i < k; i++) {
            row<Loss, Type>(i);
        }
    }
};

}  // namespace

ADASPEC_OPERATION(distill_forward)(
    float* loss, float* mean_slope, float* kl_draft, float* kl_ref, float* gap, float* acceptance, float* entropy, float* target_lse,
    float* draft_lse, const void* target, int64_t ld_target, const void* draft, int64_t ld_draft, const void* reference, int64_t ld_reference,
    int32_t logits_type, int32_t loss_kind, int64_t n, int64_t v, void*) {
    REQUIRE_LOSS("distill_forward", loss_kind);
    REQUIRE_TYPE("distill_forward", logits_type);
    REQUIRE(n >= 0 && v >= 1, "distill_forward: logits are (%lld, %lld); at least one column was expected", (long long)n, (long long)v);
    REQUIRE(
        ld_target >= v && ld_draft >= v && (reference == nullptr || ld_reference >= v),
        "distill_forward: row strides %lld, %lld and %lld are shorter than a row of %lld", (long long)ld_target, (long long)ld_draft,
        (long long)ld_reference, (long long)v);
    return run(loss_kind, logits_type, Forward{
        loss, mean_slope, kl_draft, kl_ref, gap, acceptance, entropy, target_lse, draft_lse, target, ld_target, draft, ld_draft, reference,
        ld_reference, n, v});
}

ADASPEC_OPERATION(distill_backward)(
    void* dlogits, int64_t ld_dlogits, const void* target, int64_t ld_target, const void* draft, int64_t ld_draft, int32_t logits_type,
    const float* target_lse, const float* draft_lse, const float* mean_slope, const float* acceptance, const int32_t* rows, int32_t loss_kind,
    float scale, int64_t k, int64_t v, void*) {
    REQUIRE_LOSS("distill_backward", loss_kind);
    REQUIRE_TYPE("distill_backward", logits_type);
    REQUIRE(k >= 0 && v >= 0, "distill_backward: dlogits is (%lld, %lld)", (long long)k, (long long)v);
    REQUIRE(
        ld_dlogits >= v && ld_target >= v && ld_draft >= v, "distill_backward: row strides %lld, %lld and %lld are shorter than a row of %lld",
        (long long)ld_dlogits, (long long)ld_target, (long long)ld_draft, (long long)v);
    REQUIRE(mean_slope != nullptr || loss_kind == ADASPEC_LOSS_KL_DIV, "distill_backward: loss %d needs the mean of its slope", loss_kind);
    REQUIRE(
        acceptance != nullptr || loss_kind < ADASPEC_LOSS_NLA, "distill_backward: loss %d needs the acceptance", loss_kind);
    for (int64_t i = 0; rows != nullptr && i < k; i++) {
        REQUIRE(rows[i] >= 0, "distill_backward: row %d at %lld is negative", rows[i], (long long)i);
    }
    return run(loss_kind, logits_type, Backward{
        dlogits, ld_dlogits, target, ld_target, draft, ld_draft, target_lse, draft_lse, mean_slope, acceptance, rows, scale, k, v});
}
