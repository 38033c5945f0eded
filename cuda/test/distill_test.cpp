/*
 * The distillation statistics against long double: vocabularies around vectors and blocks of 512, rows apart, far offsets, infinities, broken rows.
 * Tolerance of a divergence: 512 f32 roundings of the expectation's size in a block at worst, about 1e-6 of (1 + KL) as seen.
 */
#include "check.h"

struct Expected {
    double kl_draft, kl_ref, gap, acceptance, target_lse, draft_lse;
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

static Expected expect(const float* t, const float* d, const float* r, int64_t v) {
    Expected e = {0, 0, 0, 0, lse_of(t, v), lse_of(d, v)};
    const double lse_r = r ? lse_of(r, v) : 0;
    if (isnan(e.target_lse + e.draft_lse + lse_r)) {
        return {NAN, NAN, NAN, NAN, NAN, NAN};
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
    return e;
}

struct Case {
    int64_t n, v, pad;
    Floats t, d, r;

    Case(int64_t n, int64_t v, int64_t pad, float size, uint64_t seed)
        : n(n), v(v), pad(pad), t((n - 1) * (v + pad) + v, normals(seed, size)), d((n - 1) * (v + pad) + v, normals(seed + 1, size)),
          r((n - 1) * (v + pad) + v, normals(seed + 2, size)) {}

    int64_t ld() const {
        return v + pad;
    }
};

static void check(Case& c, double tolerance) {
    Floats kl(c.n), kl_ref(c.n), gap(c.n), acceptance(c.n), t_lse(c.n), d_lse(c.n);
    CHECK_OK(adaspec_distill_forward(kl, kl_ref, gap, acceptance, t_lse, d_lse, c.t, c.ld(), c.d, c.ld(), c.r, c.ld(), c.n, c.v, nullptr));
    for (int64_t i = 0; i < c.n; i++) {
        const Expected e = expect(c.t + i * c.ld(), c.d + i * c.ld(), c.r + i * c.ld(), c.v);
        CHECK_CLOSE(kl[i], e.kl_draft, tolerance, 1e-6, "kl_draft of row %d, v %d", (int)i, (int)c.v);
        CHECK_CLOSE(kl_ref[i], e.kl_ref, tolerance, 1e-6, "kl_ref of row %d, v %d", (int)i, (int)c.v);
        CHECK_CLOSE(gap[i], e.gap, tolerance, 1e-6, "gap of row %d, v %d", (int)i, (int)c.v);
        CHECK_CLOSE(acceptance[i], e.acceptance, 1e-6, 1e-6, "acceptance of row %d, v %d", (int)i, (int)c.v);
        CHECK_CLOSE(t_lse[i], e.target_lse, 2e-7, 2e-7, "target_lse of row %d, v %d", (int)i, (int)c.v);
        CHECK_CLOSE(d_lse[i], e.draft_lse, 2e-7, 2e-7, "draft_lse of row %d, v %d", (int)i, (int)c.v);
    }

    /* Without a reference: the cached divergence is read; what is null is not needed. */
    Floats kl2(c.n), cached(c.n, [&](int64_t i) { return kl_ref[i]; }), gap2(c.n), t2(c.n), d2(c.n);
    CHECK_OK(adaspec_distill_forward(kl2, cached, gap2, nullptr, t2, d2, c.t, c.ld(), c.d, c.ld(), nullptr, 0, c.n, c.v, nullptr));
    for (int64_t i = 0; i < c.n; i++) {
        const Expected e = expect(c.t + i * c.ld(), c.d + i * c.ld(), nullptr, c.v);
        CHECK_CLOSE(kl2[i], e.kl_draft, tolerance, 1e-6, "kl_draft without reference, row %d", (int)i);
        CHECK_CLOSE(gap2[i], (double)kl2[i] - (double)cached[i], 1e-6, 2e-7, "gap from the cache, row %d", (int)i);
        CHECK(is_close(cached[i], kl_ref[i], 0, 0), "the cached divergence of row %d was written", (int)i);
    }
    CHECK_OK(adaspec_distill_forward(kl2, nullptr, nullptr, nullptr, t2, d2, c.t, c.ld(), c.d, c.ld(), nullptr, 0, c.n, c.v, nullptr));

    /* The gradient of scale * KL(p || q) by the draft's logits: of some rows, of all, in place. */
    const float scale = 0.37f;
    Ints rows((c.n + 1) / 2, [&](int64_t i) { return (int32_t)(c.n - 1 - i); });
    Floats grad(rows.n * c.v), all(c.n * c.v);
    CHECK_OK(adaspec_distill_backward(grad, c.v, c.t, c.ld(), c.d, c.ld(), t_lse, d_lse, rows, scale, rows.n, c.v, nullptr));
    CHECK_OK(adaspec_distill_backward(all, c.v, c.t, c.ld(), c.d, c.ld(), t_lse, d_lse, nullptr, scale, c.n, c.v, nullptr));
    for (int64_t i = 0; i < c.n; i++) {
        const double t = lse_of(c.t + i * c.ld(), c.v);
        const double d = lse_of(c.d + i * c.ld(), c.v);
        const double broken = isnan(kl[i]) ? NAN : 0;
        for (int64_t j = 0; j < c.v; j++) {
            const double p = exp(c.t[i * c.ld() + j] - t);
            const double q = exp(c.d[i * c.ld() + j] - d);
            /* A log-sum-exp rounded to f32 near 100 shifts a probability by 4e-6 of itself. */
            CHECK_CLOSE(all[i * c.v + j], scale * (q - p) + broken, 1e-8 + 2e-7 * (2 + fabs(t) + fabs(d)) * (p + q), 0, "dlogits (%d, %d)", (int)i,
                (int)j);
        }
    }
    for (int64_t i = 0; i < rows.n; i++) {
        CHECK(memcmp(grad + i * c.v, all + rows[i] * c.v, (size_t)c.v * 4) == 0, "row %d alone differs", (int)i);
    }
    CHECK_OK(adaspec_distill_backward(c.d, c.ld(), c.t, c.ld(), c.d, c.ld(), t_lse, d_lse, nullptr, scale, c.n, c.v, nullptr));
    for (int64_t i = 0; i < c.n; i++) {
        CHECK(memcmp(c.d + i * c.ld(), all + i * c.v, (size_t)c.v * 4) == 0, "in place, row %d differs", (int)i);
    }
}

static void check_special() {
    const int64_t v = 1061;
    Case c(12, v, 3, 2, 31);
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
    Floats kl(12), kl_ref(12), gap(12);
    Floats acceptance(12), t_lse(12), d_lse(12);
    CHECK_OK(adaspec_distill_forward(kl, kl_ref, gap, acceptance, t_lse, d_lse, c.t, ld, c.d, ld, c.r, ld, 12, v, nullptr));
    CHECK(kl[2] == INFINITY && gap[2] == INFINITY && isfinite(kl_ref[2]), "row 2: %g %g %g", kl[2], kl_ref[2], gap[2]);
    CHECK(isfinite(kl[3]) && kl_ref[3] == INFINITY && gap[3] == -INFINITY, "row 3: %g %g %g", kl[3], kl_ref[3], gap[3]);
    CHECK(kl[4] == INFINITY && kl_ref[4] == INFINITY && isnan(gap[4]), "row 4: %g %g %g", kl[4], kl_ref[4], gap[4]);
    for (int i : {5, 6, 7, 8}) {
        CHECK(isnan(kl[i]) && isnan(kl_ref[i]) && isnan(gap[i]) && isnan(acceptance[i]) && isnan(t_lse[i]) && isnan(d_lse[i]),
            "row %d is not NaN throughout", i);
    }
    CHECK(kl[11] == 0 && kl_ref[11] == 0 && gap[11] == 0, "equal rows: %g %g %g", kl[11], kl_ref[11], gap[11]);
    for (int64_t i : {0, 1, 9, 10}) {
        const Expected e = expect(c.t + i * ld, c.d + i * ld, c.r + i * ld, v);
        const double tolerance = i == 10 ? 2e-4 : 3e-6;           /* logits of 1000 are 6e-5 apart */
        CHECK_CLOSE(kl[i], e.kl_draft, tolerance, 1e-6, "kl_draft of row %d", (int)i);
        CHECK_CLOSE(kl_ref[i], e.kl_ref, tolerance, 1e-6, "kl_ref of row %d", (int)i);
        CHECK_CLOSE(gap[i], e.gap, tolerance, 1e-6, "gap of row %d", (int)i);
        CHECK_CLOSE(acceptance[i], e.acceptance, 1e-5, 1e-5, "acceptance of row %d", (int)i);
    }
}

/* A row's statistics do not depend on its neighbours. */
static void check_alone() {
    Case c(40, 1300, 0, 3, 8);
    Floats a(40), b(40), g(40), s(40), t(40), d(40);
    CHECK_OK(adaspec_distill_forward(a, b, g, s, t, d, c.t, 1300, c.d, 1300, c.r, 1300, 40, 1300, nullptr));
    for (int64_t i = 0; i < 40; i++) {
        float one[6];
        CHECK_OK(adaspec_distill_forward(one, one + 1, one + 2, one + 3, one + 4, one + 5, c.t + i * 1300, 1300, c.d + i * 1300, 1300, c.r
            + i * 1300, 1300, 1,
                                         1300, nullptr));
        CHECK(one[0] == a[i] && one[1] == b[i] && one[2] == g[i] && one[3] == s[i] && one[4] == t[i] && one[5] == d[i], "row %d alone differs",
            (int)i);
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
    check_special();
    check_alone();
    check_threads("distill", [] {
        Case c(37, 1500, 0, 2, 5);
        Floats kl(37), kl_ref(37), gap(37), acceptance(37), t(37), d(37);
        CHECK_OK(adaspec_distill_forward(kl, kl_ref, gap, acceptance, t, d, c.t, 1500, c.d, 1500, c.r, 1500, 37, 1500, nullptr));
        CHECK_OK(adaspec_distill_backward(c.d, 1500, c.t, 1500, c.d, 1500, t, d, nullptr, 1, 37, 1500, nullptr));
        const std::vector<float> a = kl.copy(), b = gap.copy(), e = acceptance.copy(), f = c.d.copy();
        return join({&a, &b, &e, &f});
    });
    float x = 0;
    int32_t negative = -1;
    CHECK_REFUSED(adaspec_distill_forward(&x, &x, &x, &x, &x, &x, &x, 1, &x, 1, &x, 1, 1, 0, nullptr), "at least one column");
    CHECK_REFUSED(adaspec_distill_forward(&x, &x, &x, &x, &x, &x, &x, 1, &x, 0, &x, 1, 1, 1, nullptr), "shorter than a row of 1");
    CHECK_REFUSED(adaspec_distill_backward(&x, 1, &x, 1, &x, 1, &x, &x, &negative, 1, 1, 1, nullptr), "row -1 at 0 is negative");
    return finish();
}
