/*
 * The distillation statistics against long double: vocabularies around vectors and blocks of 512, rows apart, far offsets, infinities, broken rows.
 * Tolerance of a divergence: 512 f32 roundings of the expectation's size in a block at worst, about 1e-6 of (1 + KL) as seen.
 */
#include "distill_oracle.h"

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
static void backward(Stored& grad, Case& c, const Outputs& o, const int32_t* rows, int32_t kind, float scale, int64_t k) {
    CHECK_OK(adaspec_distill_backward(grad.at(0), c.ld(), c.t.at(0), c.ld(), c.d.at(0), c.ld(), c.type, o.target_lse.data, o.draft_lse.data,
        o.mean_slope.data, o.acceptance.data, rows, kind, scale, k, c.v, nullptr));
    grad.load();
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

/* A loss and its gradient by the draft's logits: of some rows, of all, in place. */
static void check_loss(Case& c, const std::vector<Expected>& expected, int32_t kind, double tolerance) {
    const Outputs o(c, kind);
    const float scale = 0.37f;
    Ints rows((c.n + 1) / 2, [&](int64_t i) { return (int32_t)(c.n - 1 - i); });
    Stored some(c.type, rows.n * c.ld()), all(c.type, c.elements());
    backward(some, c, o, rows, kind, scale, rows.n);
    backward(all, c, o, nullptr, kind, scale, c.n);
    for (int64_t i = 0; i < c.n; i++) {
        const Expected& e = expected[(size_t)i];
        const bool signs = kind >= ADASPEC_LOSS_TV;
        CHECK_CLOSE(o.loss[i], e.loss[kind], tolerance, kind == ADASPEC_LOSS_NLA ? 1e-5 : 1e-6, "loss %d of row %d, v %d", kind, (int)i,
            (int)c.v);
        CHECK_CLOSE(o.mean_slope[i], e.mean_slope[kind], tolerance + (signs ? e.sign_slack : 0), 1e-6, "mean_slope of loss %d, row %d, v %d", kind,
            (int)i, (int)c.v);
        for (int64_t j = 0; j < c.v; j++) {
            const Bound bound = expect_gradient(c, e, kind, scale, i, j, tolerance);
            CHECK_CLOSE(all[i * c.ld() + j], bound.want, bound.absolute, bound.relative, "dlogits (%d, %d) of loss %d, type %d, v %d", (int)i, (int)j,
                kind, c.type, (int)c.v);
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
        backward(grad, c, o, nullptr, kind, 1, 12);
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
    backward(grad, c, o, nullptr, ADASPEC_LOSS_NLA, 1, 1);
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
    backward(apart_gradient, apart, of_apart, nullptr, kind, 1, 5);
    backward(dense_gradient, dense, of_dense, nullptr, kind, 1, 5);
    for (int64_t i = 0; i < 5; i++) {
        CHECK(memcmp(&apart_gradient[i * 1064], &dense_gradient[i * 1061], 1061 * 4) == 0, "loss %d, type %d: gradient of row %d depends on its place",
            kind, type, (int)i);
    }
}

/* Target, draft, reference and gradient padded to widths of their own, as models of one tokenizer often are: what is beyond v does not matter. */
static void check_widths(int32_t type, int32_t kind) {
    const int64_t n = 4, v = 1061;
    Case c(n, v, 3, 2, 51, type);
    Stored t(type, n * 1072), r(type, n * 1080), gradient(type, n * 1088), expected(type, c.elements());
    fill_rows(t, 1072, c.t, c);
    fill_rows(r, 1080, c.r, c);
    const Outputs same(c, kind);
    Outputs o(n);
    CHECK_OK(adaspec_distill_forward(o.loss, o.mean_slope, o.kl_draft, o.kl_ref, o.gap, o.acceptance, o.entropy, o.target_lse, o.draft_lse, t.at(0), 1072,
        c.d.at(0), c.ld(), r.at(0), 1080, type, kind, n, v, nullptr));
    CHECK(same_bits(o.all(), same.all()), "loss %d, type %d: the statistics depend on the widths of rows", kind, type);
    backward(expected, c, same, nullptr, kind, 1, n);
    CHECK_OK(adaspec_distill_backward(gradient.at(0), 1088, t.at(0), 1072, c.d.at(0), c.ld(), type, o.target_lse, o.draft_lse, o.mean_slope, o.acceptance,
        nullptr, kind, 1, n, v, nullptr));
    gradient.load();
    for (int64_t i = 0; i < n; i++) {
        CHECK(memcmp(&gradient[i * 1088], &expected[i * c.ld()], (size_t)v * 4) == 0, "loss %d, type %d: gradient of row %d depends on widths", kind, type,
            (int)i);
        for (int64_t j = v; j < 1088; j++) {
            CHECK(isnan(gradient[i * 1088 + j]), "loss %d, type %d: %g was written past row %d", kind, type, gradient[i * 1088 + j], (int)i);
        }
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
            check_widths(type, kind);
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
            backward(grad, c, o, nullptr, kind, 1, 37);
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
