/*
 * The distillation statistics against long double: vocabularies around vectors and blocks of 512, rows apart, far offsets, infinities, broken rows.
 * Tolerance of a divergence: 512 f32 roundings of the expectation's size in a block at worst, about 1e-6 of (1 + KL) as seen.
 */
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

/* All outputs of the forward. */
struct Outputs {
    Floats loss, mean_slope, kl_draft, kl_ref, gap, acceptance, entropy, target_lse, draft_lse;

    explicit Outputs(int64_t n) : loss(n), mean_slope(n), kl_draft(n), kl_ref(n), gap(n), acceptance(n), entropy(n), target_lse(n), draft_lse(n) {}

    Outputs(Case& c, int32_t kind) : Outputs(c, kind, 0, c.n) {}

    /* Of n rows from `first`. */
    Outputs(Case& c, int32_t kind, int64_t first, int64_t n) : Outputs(n) {
        const int64_t from = first * c.ld();
        CHECK_OK(adaspec_distill_forward(loss, mean_slope, kl_draft, kl_ref, gap, acceptance, entropy, target_lse, draft_lse, c.t.at(from), c.ld(),
            c.d.at(from), c.ld(), c.r.at(from), c.ld(), c.type, kind, n, c.v, nullptr));
    }

    std::vector<float> all() const {
        std::vector<float> joined;
        for (const Floats* part : {&loss, &mean_slope, &kl_draft, &kl_ref, &gap, &acceptance, &entropy, &target_lse, &draft_lse}) {
            const std::vector<float> values = part->copy();
            joined.insert(joined.end(), values.begin(), values.end());
        }
        return joined;
    }
};

/* Into rows as far apart as the logits'. */
static int32_t backward(Stored& grad, Case& c, const Outputs& o, const int32_t* rows, int32_t kind, float scale, int64_t k) {
    const int32_t status = adaspec_distill_backward(grad.at(0), c.ld(), c.t.at(0), c.ld(), c.d.at(0), c.ld(), c.type, o.target_lse.data,
        o.draft_lse.data, o.mean_slope.data, o.acceptance.data, rows, kind, scale, k, c.v, nullptr);
    grad.load();
    return status;
}

static void check_statistics(const Case& c, const std::vector<Expected>& expected, const Outputs& o, double tolerance) {
    for (int64_t i = 0; i < c.n; i++) {
        const Expected& e = expected[(size_t)i];
        CHECK_CLOSE(o.kl_draft[i], e.kl_draft, tolerance, 1e-6, "kl_draft of row %d, v %d", (int)i, (int)c.v);
        CHECK_CLOSE(o.kl_ref[i], e.kl_ref, tolerance, 1e-6, "kl_ref of row %d, v %d", (int)i, (int)c.v);
        CHECK_CLOSE(o.gap[i], e.gap, tolerance, 1e-6, "gap of row %d, v %d", (int)i, (int)c.v);
        CHECK_CLOSE(o.acceptance[i], e.acceptance, 1e-6, 1e-6, "acceptance of row %d, v %d", (int)i, (int)c.v);
        CHECK_CLOSE(o.entropy[i], e.entropy, 1e-6, 1e-6, "entropy of row %d, v %d", (int)i, (int)c.v);
        CHECK_CLOSE(o.target_lse[i], e.target_lse, 2e-7, 2e-7, "target_lse of row %d, v %d", (int)i, (int)c.v);
        CHECK_CLOSE(o.draft_lse[i], e.draft_lse, 2e-7, 2e-7, "draft_lse of row %d, v %d", (int)i, (int)c.v);
    }
}

/* Without a reference: the cached divergence is read; what is null is not needed. */
static void check_cached(Case& c, const Outputs& o, double tolerance) {
    Floats kl(c.n), cached(c.n, [&](int64_t i) { return o.kl_ref[i]; }), gap(c.n), t(c.n), d(c.n);
    CHECK_OK(adaspec_distill_forward(
        nullptr, nullptr, kl, cached, gap, nullptr, nullptr, t, d, c.t.at(0), c.ld(), c.d.at(0), c.ld(), nullptr, 0, c.type, ADASPEC_LOSS_TV, c.n, c.v,
        nullptr));
    for (int64_t i = 0; i < c.n; i++) {
        const Expected e = expect(&c.t[i * c.ld()], &c.d[i * c.ld()], nullptr, c.v);
        CHECK_CLOSE(kl[i], e.kl_draft, tolerance, 1e-6, "kl_draft without reference, row %d", (int)i);
        CHECK_CLOSE(gap[i], (double)kl[i] - (double)cached[i], 1e-6, 2e-7, "gap from the cache, row %d", (int)i);
        CHECK(is_close(cached[i], o.kl_ref[i], 0, 0), "the cached divergence of row %d was written", (int)i);
    }
    CHECK_OK(adaspec_distill_forward(
        nullptr, nullptr, kl, nullptr, nullptr, nullptr, nullptr, t, d, c.t.at(0), c.ld(), c.d.at(0), c.ld(), nullptr, 0, c.type, 0, c.n, c.v, nullptr));
}

/*
 * A loss and its gradient by the draft's logits: of some rows, of all, in place. The gradient is q (s - sum q s), s the slope in long double; a
 * log-sum-exp rounded to f32 near 100 shifts a probability by 4e-6 of itself, and where p and q are that near, the sign in TV may be either. What is
 * stored in half the bits may be half a step of its last place from that.
 */
static void check_loss(Case& c, const std::vector<Expected>& expected, int32_t kind, double tolerance) {
    const Outputs o(c, kind);
    const float scale = 0.37f;
    Ints rows((c.n + 1) / 2, [&](int64_t i) { return (int32_t)(c.n - 1 - i); });
    Stored some(c.type, rows.n * c.ld()), all(c.type, c.elements());
    const double rounding = c.type == ADASPEC_F32 ? 0 : c.type == ADASPEC_BF16 ? 0x1p-8 : 0x1p-11, least = c.type == ADASPEC_F16 ? 0x1p-25 : 0;
    CHECK_OK(backward(some, c, o, rows, kind, scale, rows.n));
    CHECK_OK(backward(all, c, o, nullptr, kind, scale, c.n));
    for (int64_t i = 0; i < c.n; i++) {
        const Expected& e = expected[(size_t)i];
        const bool signs = kind >= ADASPEC_LOSS_TV;
        CHECK_CLOSE(o.loss[i], e.loss[kind], tolerance, kind == ADASPEC_LOSS_NLA ? 1e-5 : 1e-6, "loss %d of row %d, v %d", kind, (int)i,
            (int)c.v);
        CHECK_CLOSE(o.mean_slope[i], e.mean_slope[kind], tolerance + (signs ? e.sign_slack : 0), 1e-6, "mean_slope of loss %d, row %d, v %d", kind,
            (int)i, (int)c.v);
        const double a = e.acceptance;
        const double kl_weight = kind == ADASPEC_LOSS_KL_DIV ? 1 : kind == ADASPEC_LOSS_LK_HYBRID ? exp(-3 * a) : 0;
        const double slope_weight = kind == ADASPEC_LOSS_KL_DIV ? 0 : kind == ADASPEC_LOSS_LK_HYBRID ? 1 - exp(-3 * a) : 1;
        const double factor = kind == ADASPEC_LOSS_NLA ? 1 / fmax(a, 1e-5) : 1;
        for (int64_t j = 0; j < c.v; j++) {
            const double log_p = c.t[i * c.ld() + j] - e.target_lse, log_q = c.d[i * c.ld() + j] - e.draft_lse;
            const double p = exp(log_p), q = exp(log_q);
            const double relative = 2e-7 * (2 + fabs(e.target_lse) + fabs(e.draft_lse));
            const double s = kind == ADASPEC_LOSS_KL_DIV || q == 0 ? 0 : (double)slope_of(kind, p, q, log_p, log_q, a);
            const double want = scale * (kl_weight * (q - p) + (q == 0 ? 0 : slope_weight * q * (s - factor * e.mean_slope[kind])));
            const double sign = signs ? q * e.sign_slack + (fabs(q - p) < 10 * relative * q ? q : 0) : 0;
            const double size = kl_weight * (p + q) + slope_weight * q * (fabs(s) + factor * (1 + fabs(e.mean_slope[kind])));
            const double error = 1e-8 + relative * size + tolerance * factor * q + factor * sign;
            CHECK_CLOSE(all[i * c.ld() + j], want, least + (1 + rounding) * error, rounding + (kind == ADASPEC_LOSS_NLA ? 1e-5 : 0),
                "dlogits (%d, %d) of loss %d, type %d, v %d", (int)i, (int)j, kind, c.type, (int)c.v);
        }
        for (int64_t j = i * c.ld() + c.v; j < all.values.n && j < (i + 1) * c.ld(); j++) {
            CHECK(isnan(all[j]), "loss %d: %g was written past row %d", kind, all[j], (int)i);
        }
    }
    for (int64_t i = 0; i < rows.n; i++) {
        CHECK(memcmp(&some[i * c.ld()], &all[rows[i] * c.ld()], (size_t)c.v * 4) == 0, "loss %d: row %d alone differs", kind, (int)i);
    }
    const std::vector<float> before = c.d.values.copy();
    CHECK_OK(adaspec_distill_backward(c.d.at(0), c.ld(), c.t.at(0), c.ld(), c.d.at(0), c.ld(), c.type, o.target_lse.data, o.draft_lse.data,
        o.mean_slope.data, o.acceptance.data, nullptr, kind, scale, c.n, c.v, nullptr));
    c.d.load();
    for (int64_t i = 0; i < c.n; i++) {
        CHECK(memcmp(&c.d[i * c.ld()], &all[i * c.ld()], (size_t)c.v * 4) == 0, "loss %d in place, row %d differs", kind, (int)i);
    }
    c.d.values.fill(before);
    c.d.store();
}

static void check(Case& c, double tolerance) {
    std::vector<Expected> expected;
    for (int64_t i = 0; i < c.n; i++) {
        expected.push_back(expect(&c.t[i * c.ld()], &c.d[i * c.ld()], &c.r[i * c.ld()], c.v));
    }
    const Outputs o(c, ADASPEC_LOSS_KL_DIV);
    check_statistics(c, expected, o, tolerance);
    check_cached(c, o, tolerance);
    for (int32_t kind = 0; kind < LOSSES; kind++) {
        check_loss(c, expected, kind, tolerance);
    }
}

static void check_special(int32_t type) {
    const int64_t v = 1061;
    Case c(12, v, 3, 2, 31, type);
    const int64_t ld = c.ld();
    c.t[0 * ld + 5] = -INFINITY;                                  /* contributes nothing */
    c.t[1 * ld + 5] = -INFINITY, c.d[1 * ld + 5] = -INFINITY;     /* -inf both: nothing */
    c.d[2 * ld + 700] = -INFINITY;                                /* kl_draft +inf */
    c.r[3 * ld + 700] = -INFINITY;                                /* kl_ref +inf, gap -inf */
    c.d[4 * ld + 1] = -INFINITY, c.r[4 * ld + 2] = -INFINITY;     /* both +inf: gap NaN */
    c.t[5 * ld + 1060] = NAN;
    c.d[6 * ld + 0] = INFINITY;
    c.r[7 * ld + 3] = NAN;
    for (int64_t j = 0; j < v; j++) {
        c.d[8 * ld + j] = -INFINITY;
        c.t[9 * ld + j] = j == 600 ? 1.0f : -INFINITY;            /* one-hot target; the first block holds -inf only */
        c.t[10 * ld + j] += 1000, c.d[10 * ld + j] -= 1000;       /* far apart by a constant: no effect */
        c.t[11 * ld + j] = c.d[11 * ld + j] = c.r[11 * ld + j];   /* equal: 0 */
    }
    c.store();
    const Outputs kl_div(c, ADASPEC_LOSS_KL_DIV);
    const Floats &kl = kl_div.kl_draft, &kl_ref = kl_div.kl_ref, &gap = kl_div.gap, &acceptance = kl_div.acceptance;
    CHECK(kl[2] == INFINITY && gap[2] == INFINITY && isfinite(kl_ref[2]), "row 2: %g %g %g", kl[2], kl_ref[2], gap[2]);
    CHECK(isfinite(kl[3]) && kl_ref[3] == INFINITY && gap[3] == -INFINITY, "row 3: %g %g %g", kl[3], kl_ref[3], gap[3]);
    CHECK(kl[4] == INFINITY && kl_ref[4] == INFINITY && isnan(gap[4]), "row 4: %g %g %g", kl[4], kl_ref[4], gap[4]);
    for (int32_t kind = 0; kind < LOSSES; kind++) {
        const Outputs o(c, kind);
        Stored grad(type, 12 * ld);
        CHECK_OK(backward(grad, c, o, nullptr, kind, 1, 12));
        const std::vector<float> all = o.all();
        for (int i : {5, 6, 7, 8}) {
            for (size_t output = 0; output < 9; output++) {
                CHECK(isnan(all[output * 12 + (size_t)i]), "loss %d: output %d of row %d is not NaN", kind, (int)output, i);
            }
            CHECK(i == 7 || isnan(grad[i * ld]), "loss %d: the gradient of row %d is not NaN", kind, i);
        }
        /* Row 0, 9: target logits of -inf where q > 0; row 1: both; row 2: a draft logit of -inf where p > 0. */
        const bool rkl = kind == ADASPEC_LOSS_RKL;
        const bool kl_in = kind == ADASPEC_LOSS_KL_DIV || kind == ADASPEC_LOSS_LK_HYBRID;
        CHECK(rkl ? o.loss[0] == INFINITY && o.loss[9] == INFINITY : isfinite(o.loss[0]) && isfinite(o.loss[9]), "loss %d: %g %g", kind, o.loss[0],
            o.loss[9]);
        CHECK(isfinite(o.loss[1]), "loss %d of row 1: %g", kind, o.loss[1]);
        CHECK(kl_in ? o.loss[2] == INFINITY : isfinite(o.loss[2]), "loss %d of row 2: %g", kind, o.loss[2]);
        for (int64_t j = 0; j < v; j++) {
            CHECK(rkl != (bool)isfinite(grad[j]), "loss %d: gradient %g of row 0", kind, grad[j]);
            CHECK(isfinite(grad[ld + j]) && isfinite(grad[2 * ld + j]), "loss %d: gradients %g %g", kind, grad[ld + j], grad[2 * ld + j]);
            CHECK(is_close(grad[11 * ld + j], 0, 1e-8, 0), "loss %d: gradient %g of equal rows", kind, grad[11 * ld + j]);
        }
        CHECK(is_close(o.loss[11], 0, 2e-7, 0) && o.loss[11] >= 0, "loss %d of equal rows: %g", kind, o.loss[11]);
        for (int64_t i : {1, 2, 10}) {
            const Expected e = expect(&c.t[i * ld], &c.d[i * ld], &c.r[i * ld], v);
            const double tolerance = i == 10 ? 2e-4 : 3e-6;       /* logits of 1000 are 6e-5 apart */
            CHECK_CLOSE(o.loss[i], e.loss[kind], tolerance, 1e-5, "loss %d of row %d", kind, (int)i);
            CHECK_CLOSE(o.entropy[i], e.entropy, tolerance, 1e-5, "entropy of row %d", (int)i);
        }
    }
    CHECK(kl[11] == 0 && kl_ref[11] == 0 && gap[11] == 0, "equal rows: %g %g %g", kl[11], kl_ref[11], gap[11]);
    for (int64_t i : {0, 1, 9, 10}) {
        const Expected e = expect(&c.t[i * ld], &c.d[i * ld], &c.r[i * ld], v);
        const double tolerance = i == 10 ? 2e-4 : 3e-6;           /* logits of 1000 are 6e-5 apart */
        CHECK_CLOSE(kl[i], e.kl_draft, tolerance, 1e-6, "kl_draft of row %d", (int)i);
        CHECK_CLOSE(kl_ref[i], e.kl_ref, tolerance, 1e-6, "kl_ref of row %d", (int)i);
        CHECK_CLOSE(gap[i], e.gap, tolerance, 1e-6, "gap of row %d", (int)i);
        CHECK_CLOSE(acceptance[i], e.acceptance, 1e-5, 1e-5, "acceptance of row %d", (int)i);
    }
}

/* Laws with nothing in common: the overlap is bounded where it divides. */
static void check_apart() {
    Case c(1, 40, 0, 0, 3);
    c.t[3] = 60, c.d[30] = 60;
    c.store();
    const Outputs o(c, ADASPEC_LOSS_NLA);
    Stored grad(c.type, 40);
    CHECK_OK(backward(grad, c, o, nullptr, ADASPEC_LOSS_NLA, 1, 1));
    CHECK_CLOSE(o.loss[0], -log(1e-5), 0, 1e-6, "the loss without overlap");
    for (int64_t j = 0; j < 40; j++) {
        CHECK(isfinite(grad[j]), "gradient %d is %g", (int)j, grad[j]);
    }
}

/* A row's statistics do not depend on its neighbours. */
static void check_alone(int32_t kind) {
    Case c(40, 1300, 0, 3, 8);
    const std::vector<float> all = Outputs(c, kind).all();
    for (int64_t i = 0; i < 40; i++) {
        const std::vector<float> one = Outputs(c, kind, i, 1).all();
        for (size_t output = 0; output < 9; output++) {
            CHECK(one[output] == all[output * 40 + (size_t)i], "output %d of row %d alone differs", (int)output, (int)i);
        }
    }
}

/* Rows that are aligned to vectors and the same rows one after the other give the same bits. */
static void check_placement(int32_t type, int32_t kind) {
    Case apart(5, 1061, 3, 2, 41, type), dense(5, 1061, 0, 2, 41, type);
    for (int64_t i = 0; i < 5; i++) {
        for (int64_t j = 0; j < 1061; j++) {
            dense.t[i * 1061 + j] = apart.t[i * 1064 + j];
            dense.d[i * 1061 + j] = apart.d[i * 1064 + j];
            dense.r[i * 1061 + j] = apart.r[i * 1064 + j];
        }
    }
    dense.store();
    const Outputs of_apart(apart, kind), of_dense(dense, kind);
    CHECK(same_bits(of_apart.all(), of_dense.all()), "loss %d, type %d: the statistics depend on where rows lie", kind, type);
    Stored apart_gradient(type, apart.elements()), dense_gradient(type, dense.elements());
    CHECK_OK(backward(apart_gradient, apart, of_apart, nullptr, kind, 1, 5));
    CHECK_OK(backward(dense_gradient, dense, of_dense, nullptr, kind, 1, 5));
    for (int64_t i = 0; i < 5; i++) {
        CHECK(memcmp(&apart_gradient[i * 1064], &dense_gradient[i * 1061], 1061 * 4) == 0, "loss %d, type %d: gradient of row %d depends on its place",
            kind, type, (int)i);
    }
}

int main() {
    require_tier();
    for (int64_t v : {1, 2, 15, 31, 33, 255, 257, 511, 512, 513, 1025}) {
        Case c(5, v, v % 4, 2, (uint64_t)v);
        check(c, 3e-6);
    }
    Case wide(3, 50304, 0, 3, 77);
    check(wide, 3e-6);
    Case peaked(4, 2000, 1, 30, 78);
    check(peaked, 2e-5);
    for (int32_t type : {ADASPEC_F32, ADASPEC_BF16, ADASPEC_F16}) {
        check_special(type);
        for (int32_t kind = 0; kind < LOSSES; kind++) {
            check_placement(type, kind);
        }
        if (type != ADASPEC_F32) {
            for (int64_t v : {1, 9, 511, 1021}) {
                Case aligned(3, v, (8 - v % 8) % 8, 2, (uint64_t)v, type), dense(2, v, 0, 2, (uint64_t)v + 1, type);
                check(aligned, 3e-6);
                check(dense, 3e-6);
            }
            Case long_row(1, type == ADASPEC_BF16 ? 50257 : 32000, type == ADASPEC_BF16 ? 7 : 0, 3, 79, type);
            check(long_row, 3e-6);
        }
    }
    check_apart();
    for (int32_t kind = 0; kind < LOSSES; kind++) {
        check_alone(kind);
        check_threads("distill", [kind] {
            Case c(37, 1500, 0, 2, 5);
            const Outputs o(c, kind);
            Stored grad(c.type, 37 * 1500);
            CHECK_OK(backward(grad, c, o, nullptr, kind, 1, 37));
            const std::vector<float> statistics = o.all(), gradient = grad.values.copy();
            return join({&statistics, &gradient});
        });
    }
    Floats x(1, zeros());
    Ints negative(1, [](int64_t) { return -1; });
    const auto forward = [&](int32_t type, int32_t kind, int64_t ld, int64_t v) {
        return adaspec_distill_forward(x, x, x, x, x, x, x, x, x, x.data, 1, x.data, ld, x.data, 1, type, kind, 1, v, nullptr);
    };
    CHECK_REFUSED(forward(0, 0, 1, 0), "at least one column");
    CHECK_REFUSED(forward(0, 0, 0, 1), "shorter than a row of 1");
    CHECK_REFUSED(forward(0, 6, 1, 1), "6 is not a loss");
    CHECK_REFUSED(forward(3, 0, 1, 1), "logits of type 3");
    const auto gradient = [&](int32_t kind, const float* mean, const float* acceptance, const int32_t* rows, int32_t type = ADASPEC_F32) {
        return adaspec_distill_backward(x.data, 1, x.data, 1, x.data, 1, type, x, x, mean, acceptance, rows, kind, 1, 1, 1, nullptr);
    };
    CHECK_REFUSED(gradient(ADASPEC_LOSS_KL_DIV, nullptr, nullptr, nullptr, -1), "logits of type -1");
    CHECK_REFUSED_BY_PROCESSOR(gradient(ADASPEC_LOSS_KL_DIV, nullptr, nullptr, negative), "row -1 at 0 is negative");
    CHECK_REFUSED(gradient(-1, x, x, nullptr), "-1 is not a loss");
    CHECK_REFUSED(gradient(ADASPEC_LOSS_RKL, nullptr, x, nullptr), "needs the mean of its slope");
    CHECK_REFUSED(gradient(ADASPEC_LOSS_NLA, x, nullptr, nullptr), "needs the acceptance");
    return finish();
}
