/* Losses between target and draft over the vocabulary, beside the divergences that select; and their gradients by the draft's logits. */
#include "divergences.h"
#include "losses.h"
#include "status.h"
#include "threads.h"

/*
 * What needs both laws: another walk over the rows, which were just read and are near. Infinite divergences of target and draft pass through as such.
 */
template <class Loss, class Type>
static RowSums sums_of(const Row<Type>& t, const Row<Type>& d, double kl_draft, int64_t v) {
    const float p_scale = (float)(1 / t.sum);
    const float q_scale = (float)(1 / d.sum);
    const float lse_distance = (float)(d.log_sum_exp() - t.log_sum_exp());
    RowSums row = {kl_draft, 0, 0, 0};
    for (int64_t first = 0; first < v; first += SOFTMAX_BLOCK) {
        const int64_t length = v - first < SOFTMAX_BLOCK ? v - first : SOFTMAX_BLOCK;
        vf acceptance = {};
        vf terms = {};
        vf slopes = {};
        for (int64_t j = 0; j < length; j += VL) {
            const int64_t count = length - j < VL ? length - j : VL;
            const vf tx = t.load(first + j, count);
            const vf dx = d.load(first + j, count);
            const vf p = exp(tx - t.largest) * p_scale;
            const vf q = exp(dx - d.largest) * q_scale;
            acceptance += min(p, q);
            if constexpr (Loss::SLOPE) {
                const vf slope = Loss::slope(p, q, (dx - tx) - lse_distance);
                terms += Loss::term(p, q, slope);
                slopes += q * slope;
            }
        }
        row.acceptance += sum_double(acceptance);
        row.terms += sum_double(terms);
        row.mean_slope += sum_double(slopes);
    }
    return row;
}

/* -sum q log q. */
template <class Type>
static double entropy_of(const Row<Type>& d, int64_t v) {
    const float q_scale = (float)(1 / d.sum);
    const float log_scale = (float)log(d.sum);
    double total = 0;
    for (int64_t first = 0; first < v; first += SOFTMAX_BLOCK) {
        const int64_t length = v - first < SOFTMAX_BLOCK ? v - first : SOFTMAX_BLOCK;
        vf block = {};
        for (int64_t j = 0; j < length; j += VL) {
            const vf x = d.load(first + j, length - j < VL ? length - j : VL) - d.largest;
            const vf q = exp(x) * q_scale;
            block += q > 0.0f ? q * (log_scale - x) : splat(0);
        }
        total += sum_double(block);
    }
    return total;
}

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
        const float t_lse = target_lse[from];
        const float d_lse = draft_lse[from];
        float kl_weight = 1;
        float slope_weight = 0;
        float mean = 0;
        if constexpr (Loss::SLOPE) {
            const float a = acceptance != nullptr ? acceptance[from] : 0;
            kl_weight = Loss::kl_weight(a);
            slope_weight = Loss::slope_weight(a);
            mean = mean_slope[from];
        }
        for (int64_t j = 0; j < v; j += VL) {
            const int64_t count = v - j < VL ? v - j : VL;
            const vf tx = t.load(j, count);
            const vf dx = d.load(j, count);
            const vf p = exp(tx - t_lse);
            const vf q = exp(dx - d_lse);
            if constexpr (Loss::SLOPE) {
                const vf slope = Loss::slope(p, q, (dx - tx) - (d_lse - t_lse));
                Type::narrow(out + j, scale * (kl_weight * (q - p) + slope_weight * (q * (slope - mean))), count);
            } else {
                Type::narrow(out + j, scale * (q - p), count);
            }
        }
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

/* run<policy of the loss, stored type>(); both were checked. */
template <class Walk>
static int32_t run(int32_t kind, int32_t type, const Walk& walk) {
    return with_loss(kind, [&](auto policy) {
        return with_type(type, [&](auto stored) {
            walk.template run<decltype(policy), decltype(stored)>();
            return ADASPEC_OK;
        });
    });
}

#define REQUIRE_LOSS(operation, kind) \
    REQUIRE((kind) >= ADASPEC_LOSS_KL_DIV && (kind) <= ADASPEC_LOSS_LK_HYBRID, "%s: %d is not a loss", operation, kind)

#define REQUIRE_TYPE(operation, type) \
    REQUIRE(is_float_type(type), "%s: logits of type %d; 0 (f32), 1 (bf16) or 2 (f16) was expected", operation, type)

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
