/* The losses between target and draft, and their gradients, in long double; and rows to try them on. */
#pragma once

#include "check.h"

const int32_t LOSSES = 6;

struct Expected {
    double kl_draft, kl_ref, gap, acceptance, target_lse, draft_lse, entropy;
    /* By loss. */
    double loss[LOSSES], mean_slope[LOSSES];
    /* What the mean may miss by: ids where p and q are so near that f32 may order them otherwise. */
    double sign_slack;
};

static double lse_of(const float* x, int64_t v) {
    long double largest = -INFINITY;
    bool broken = false;
    for (int64_t i = 0; i < v; i++) {
        broken |= isnan(x[i]) || x[i] == INFINITY;
        largest = fmaxl(largest, x[i]);
    }
    if (broken || largest == -INFINITY) {
        return NAN;
    }
    long double sum = 0;
    for (int64_t i = 0; i < v; i++) {
        sum += expl((long double)x[i] - largest);
    }
    return (double)(largest + logl(sum));
}

/* The loss's derivative by q at an id, of the losses that have a slope. */
static long double slope_of(int32_t loss, long double p, long double q, long double log_p, long double log_q, long double acceptance) {
    const long double sign = q > p ? 0.5L : q < p ? -0.5L : 0;
    switch (loss) {
        case ADASPEC_LOSS_RKL:
            return log_q - log_p;
        case ADASPEC_LOSS_JSD:
            return (logl(2) + log_q - (log_p > log_q ? log_p + log1pl(expl(log_q - log_p)) : log_q + log1pl(expl(log_p - log_q)))) / 2;
        case ADASPEC_LOSS_NLA:
            return sign / fmaxl(acceptance, 1e-5L);
        default:
            return sign;
    }
}

/* The slopes' means and the losses; e.kl_draft and e.acceptance are there. */
static void expect_losses(Expected& e, const float* t, const float* d, int64_t v) {
    long double mean[LOSSES] = {}, entropy = 0, jsd = 0, tv = 0, slack = 0;
    for (int64_t i = 0; i < v; i++) {
        const long double log_p = (long double)t[i] - e.target_lse, log_q = (long double)d[i] - e.draft_lse;
        const long double p = expl(log_p), q = expl(log_q), m = (p + q) / 2;
        jsd += ((p > 0 ? p * (log_p - logl(m)) : 0) + (q > 0 ? q * (log_q - logl(m)) : 0)) / 2;
        tv += fabsl(p - q) / 2;
        if (q == 0) {
            continue;
        }
        entropy -= q * log_q;
        slack += fabsl(p - q) < 2e-5L * q ? q : 0;
        for (int32_t loss = 1; loss < LOSSES; loss++) {
            mean[loss] += q * slope_of(loss, p, q, log_p, log_q, 1);
        }
    }
    const long double a = e.acceptance, weight = expl(-3 * a);
    e.entropy = (double)entropy;
    e.sign_slack = (double)slack;
    const long double losses[LOSSES] = {
        e.kl_draft, mean[ADASPEC_LOSS_RKL], jsd, tv, -logl(fminl(fmaxl(a, 1e-5L), 1)), weight * e.kl_draft + (1 - weight) * tv};
    for (int32_t loss = 0; loss < LOSSES; loss++) {
        e.loss[loss] = (double)losses[loss];
        e.mean_slope[loss] = (double)mean[loss];
    }
}

static Expected expect(const float* t, const float* d, const float* r, int64_t v) {
    Expected e = {0, 0, 0, 0, lse_of(t, v), lse_of(d, v), 0, {}, {}, 0};
    const double lse_r = r ? lse_of(r, v) : 0;
    if (isnan(e.target_lse + e.draft_lse + lse_r)) {
        e = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, {}, {}, 0};
        for (int32_t loss = 0; loss < LOSSES; loss++) {
            e.loss[loss] = e.mean_slope[loss] = NAN;
        }
        return e;
    }
    long double kl = 0, kl_ref = 0, common = 0;
    for (int64_t i = 0; i < v; i++) {
        const long double p = expl((long double)t[i] - e.target_lse);
        common += fminl(p, expl((long double)d[i] - e.draft_lse));
        if (t[i] == -INFINITY) {
            continue;
        }
        kl += d[i] == -INFINITY ? (long double)INFINITY : p * (((long double)t[i] - e.target_lse) - ((long double)d[i] - e.draft_lse));
        if (r) {
            kl_ref += r[i] == -INFINITY ? (long double)INFINITY : p * (((long double)t[i] - e.target_lse) - ((long double)r[i] - lse_r));
        }
    }
    e.kl_draft = (double)kl;
    e.kl_ref = (double)kl_ref;
    e.gap = (double)(kl - kl_ref);
    e.acceptance = (double)common;
    expect_losses(e, t, d, v);
    return e;
}

/*
 * Rows of v ids, `pad` more between them, of a stored type. What lies between the rows is NaN: it must not matter, nor be written. Where rows are 16
 * bytes apart the last one is padded too, so that all of them are aligned; else none is.
 */
struct Case {
    int64_t n, v, pad;
    int32_t type;
    Stored t, d, r;

    Case(int64_t n, int64_t v, int64_t pad, float size, uint64_t seed, int32_t type = ADASPEC_F32)
        : n(n), v(v), pad(pad), type(type), t(type, elements(), rows(seed, size)), d(type, elements(), rows(seed + 1, size)),
          r(type, elements(), rows(seed + 2, size)) {}

    int64_t ld() const {
        return v + pad;
    }
    int64_t elements() const {
        return (n - 1) * ld() + (ld() % 8 == 0 ? ld() : v);
    }
    std::function<float(int64_t)> rows(uint64_t seed, float size) const {
        const int64_t width = ld(), used = v;
        return [draw = normals(seed, size), width, used](int64_t i) { return i % width < used ? draw(i) : NAN; };
    }
    void store() {
        t.store(), d.store(), r.store();
    }
};

/* The rows of a case in rows of another width, NaN beyond them. */
[[maybe_unused]] static void fill_rows(Stored& out, int64_t ld, const Stored& x, const Case& c) {
    for (int64_t i = 0; i < c.n; i++) {
        for (int64_t j = 0; j < c.v; j++) {
            out[i * ld + j] = x[i * c.ld() + j];
        }
    }
    out.store();
}

/* What a number must be, and how near. */
struct Bound {
    double want, absolute, relative;
};

/*
 * The gradient at id j of row i is q (s - sum q s), s the slope in long double; a log-sum-exp rounded to f32 near 100 shifts a probability by 4e-6 of
 * itself, and where p and q are that near, the sign in TV may be either. What is stored in half the bits may be half a step of its last place from that.
 */
[[maybe_unused]] static Bound expect_gradient(
    const Case& c, const Expected& e, int32_t kind, float scale, int64_t i, int64_t j, double tolerance) {
    const bool signs = kind >= ADASPEC_LOSS_TV;
    const double a = e.acceptance;
    const double kl_weight = kind == ADASPEC_LOSS_KL_DIV ? 1 : kind == ADASPEC_LOSS_LK_HYBRID ? exp(-3 * a) : 0;
    const double slope_weight = kind == ADASPEC_LOSS_KL_DIV ? 0 : kind == ADASPEC_LOSS_LK_HYBRID ? 1 - exp(-3 * a) : 1;
    const double factor = kind == ADASPEC_LOSS_NLA ? 1 / fmax(a, 1e-5) : 1;
    const double log_p = c.t[i * c.ld() + j] - e.target_lse, log_q = c.d[i * c.ld() + j] - e.draft_lse;
    const double p = exp(log_p), q = exp(log_q);
    const double relative = 2e-7 * (2 + fabs(e.target_lse) + fabs(e.draft_lse));
    const double s = kind == ADASPEC_LOSS_KL_DIV || q == 0 ? 0 : (double)slope_of(kind, p, q, log_p, log_q, a);
    const double want = scale * (kl_weight * (q - p) + (q == 0 ? 0 : slope_weight * q * (s - factor * e.mean_slope[kind])));
    const double sign = signs ? q * e.sign_slack + (fabs(q - p) < 10 * relative * q ? q : 0) : 0;
    const double size = kl_weight * (p + q) + slope_weight * q * (fabs(s) + factor * (1 + fabs(e.mean_slope[kind])));
    const double error = 1e-8 + relative * size + tolerance * factor * q + factor * sign;
    const double rounding = c.type == ADASPEC_F32 ? 0 : c.type == ADASPEC_BF16 ? 0x1p-8 : 0x1p-11;
    const double least = c.type == ADASPEC_F16 ? 0x1p-25 : 0;
    return {want, least + (1 + rounding) * error, rounding + (kind == ADASPEC_LOSS_NLA ? 1e-5 : 0)};
}
