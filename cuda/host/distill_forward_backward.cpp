/* Loss and gradient of all rows, each in one go: the gradient's walk finds the row where the statistics' walk left it, in the caches. */
#include "distill.h"
#include "status.h"
#include "threads.h"

namespace {

/* The arguments. */
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
    int64_t v;

    /* The same roundings to f32 on the way as between a forward and a backward, and so the same bits. */
    template <class Loss, class Type>
    void row(int64_t i) const {
        Row<Type> t(target, i * ld_target);
        Row<Type> d(draft, i * ld_draft);
        Row<Type> none(nullptr, 0);
        const RowStatistics statistics = divergences<false>(t, d, none, v);
        const bool valid = !isnan(statistics.kl_draft);
        RowSums sums = {statistics.kl_draft, NAN, NAN, Loss::SLOPE ? NAN : 0};
        if (valid && (Loss::SLOPE || acceptance != nullptr)) {
            sums = sums_of<Loss>(t, d, statistics.kl_draft, v);
        }
        const float t_lse = valid ? (float)t.log_sum_exp() : NAN;
        const float d_lse = valid ? (float)d.log_sum_exp() : NAN;
        keep(loss, i, valid ? (float)Loss::value(sums) : NAN);
        keep(kl_draft, i, (float)statistics.kl_draft);
        keep(acceptance, i, (float)sums.acceptance);
        keep(target_lse, i, t_lse);
        keep(draft_lse, i, d_lse);
        const Gradient<Loss> gradient(t_lse, d_lse, (float)sums.mean_slope, (float)sums.acceptance, scale);
        gradient.write((typename Type::element*)dlogits + i * ld_dlogits, t, d, v);
    }

    static void keep(float* out, int64_t i, float x) {
        if (out != nullptr) {
            out[i] = x;
        }
    }

    template <class Loss, class Type>
    void run() const {
#pragma omp parallel for schedule(static) num_threads(threads_for(6 * n * v))
        for (int64_t i = 0; i < n; i++) {
            row<Loss, Type>(i);
        }
    }
};

}  // namespace

ADASPEC_OPERATION(distill_forward_backward)(
    void* dlogits, int64_t ld_dlogits, float* loss, float* kl_draft, float* acceptance, float* target_lse, float* draft_lse, const void* target,
    int64_t ld_target, const void* draft, int64_t ld_draft, int32_t logits_type, int32_t loss_kind, float scale, int64_t n, int64_t v, void*) {
    REQUIRE_LOSS("distill_forward_backward", loss_kind);
    REQUIRE_TYPE("distill_forward_backward", logits_type);
    REQUIRE(n >= 0 && v >= 1, "distill_forward_backward: logits are (%lld, %lld); at least one column was expected", (long long)n, (long long)v);
    REQUIRE(
        ld_dlogits >= v && ld_target >= v && ld_draft >= v,
        "distill_forward_backward: row strides %lld, %lld and %lld are shorter than a row of %lld", (long long)ld_dlogits, (long long)ld_target,
        (long long)ld_draft, (long long)v);
    return run(loss_kind, logits_type, Step{
        dlogits, ld_dlogits, loss, kl_draft, acceptance, target_lse, draft_lse, target, ld_target, draft, ld_draft, scale, n, v});
}
