/*
 * Loss and gradient in one step, against long double and against a forward and a backward: rows that one block, two, four and eight blocks hold, rows too
 * long for them, rows that are not aligned; more rows than run at once, so that buffers are used again.
 */
#include "distill_oracle.h"

/* All outputs, with the gradient in rows as far apart as the logits'. */
struct Step {
    Floats loss, kl_draft, acceptance, target_lse, draft_lse;
    Stored gradient;

    Step(Case& c, int32_t kind, float scale, int64_t first, int64_t n)
        : loss(n), kl_draft(n), acceptance(n), target_lse(n), draft_lse(n), gradient(c.type, c.elements() - (c.n - n) * c.ld()) {
        const int64_t from = first * c.ld();
        CHECK_OK(adaspec_distill_forward_backward(gradient.at(0), c.ld(), loss, kl_draft, acceptance, target_lse, draft_lse, c.t.at(from), c.ld(),
            c.d.at(from), c.ld(), c.type, kind, scale, n, c.v, nullptr));
        gradient.load();
    }
    Step(Case& c, int32_t kind, float scale) : Step(c, kind, scale, 0, c.n) {}

    std::vector<float> all() const {
        const std::vector<float> a = loss.copy(), b = kl_draft.copy(), d = acceptance.copy(), e = target_lse.copy(), f = draft_lse.copy(),
                                 g = gradient.values.copy();
        return join({&a, &b, &d, &e, &f, &g});
    }
};

/* The same by the two operations; no acceptance, which KL_DIV does not need, is the same loss and gradient. */
static void check_against_two(Case& c, int32_t kind, const Step& step, float scale) {
    const int64_t n = c.n;
    Floats loss(n), mean_slope(n), kl_draft(n), acceptance(n), target_lse(n), draft_lse(n);
    Stored gradient(c.type, c.elements());
    CHECK_OK(adaspec_distill_forward(loss, mean_slope, kl_draft, nullptr, nullptr, acceptance, nullptr, target_lse, draft_lse, c.t.at(0), c.ld(),
        c.d.at(0), c.ld(), nullptr, 0, c.type, kind, n, c.v, nullptr));
    CHECK_OK(adaspec_distill_backward(gradient.at(0), c.ld(), c.t.at(0), c.ld(), c.d.at(0), c.ld(), c.type, target_lse, draft_lse, mean_slope,
        acceptance, nullptr, kind, scale, n, c.v, nullptr));
    gradient.load();
    const std::vector<float> two_loss = loss.copy(), two_kl = kl_draft.copy(), two_acceptance = acceptance.copy(), two_target = target_lse.copy(),
                             two_draft = draft_lse.copy(), two_gradient = gradient.values.copy();
    const std::vector<float> two = join({&two_loss, &two_kl, &two_acceptance, &two_target, &two_draft, &two_gradient}), one = step.all();
    if (!on_gpu()) {
        CHECK(same_bits(one, two), "loss %d, type %d, v %d: the bits are not those of a forward and a backward", kind, c.type, (int)c.v);
    }
    /* TV's signs may differ where p and q are equal to within a rounding. */
    const double rounding = c.type == ADASPEC_F32 ? 0 : c.type == ADASPEC_BF16 ? 0x1p-7 : 0x1p-10, step_of_f16 = c.type == ADASPEC_F16 ? 0x1p-24 : 0;
    const double slack = (kind >= ADASPEC_LOSS_TV ? 1e-6 : 1e-8) + step_of_f16;
    for (size_t i = 0; i < one.size(); i++) {
        const bool statistic = i < (size_t)(5 * n);
        CHECK_CLOSE(one[i], two[i], statistic ? 2e-6 : slack, statistic ? 2e-6 : rounding + 2e-5, "number %d of %d, loss %d, type %d, v %d", (int)i,
            (int)(5 * n), kind, c.type, (int)c.v);
    }
    if (kind == ADASPEC_LOSS_KL_DIV) {
        Stored alone(c.type, c.elements());
        CHECK_OK(adaspec_distill_forward_backward(alone.at(0), c.ld(), loss, nullptr, nullptr, nullptr, nullptr, c.t.at(0), c.ld(), c.d.at(0), c.ld(),
            c.type, kind, scale, n, c.v, nullptr));
        alone.load();
        CHECK(same_bits(alone.values.copy(), step.gradient.values.copy()) && same_bits(loss.copy(), step.loss.copy()),
            "type %d, v %d: asked for less, it gives something else", c.type, (int)c.v);
    }
}

static void check_against_oracle(
    Case& c, const std::vector<Expected>& expected, int32_t kind, const Step& step, float scale, double tolerance) {
    for (int64_t i = 0; i < c.n; i++) {
        const Expected& e = expected[(size_t)i];
        CHECK_CLOSE(step.loss[i], e.loss[kind], tolerance, kind == ADASPEC_LOSS_NLA ? 1e-5 : 1e-6, "loss %d of row %d, v %d", kind, (int)i, (int)c.v);
        CHECK_CLOSE(step.kl_draft[i], e.kl_draft, tolerance, 1e-6, "kl_draft of row %d, v %d", (int)i, (int)c.v);
        CHECK_CLOSE(step.acceptance[i], e.acceptance, 1e-6, 1e-6, "acceptance of row %d, v %d", (int)i, (int)c.v);
        CHECK_CLOSE(step.target_lse[i], e.target_lse, 2e-7, 2e-7, "target_lse of row %d, v %d", (int)i, (int)c.v);
        CHECK_CLOSE(step.draft_lse[i], e.draft_lse, 2e-7, 2e-7, "draft_lse of row %d, v %d", (int)i, (int)c.v);
        for (int64_t j = 0; j < c.v; j++) {
            const Bound bound = expect_gradient(c, e, kind, scale, i, j, tolerance);
            CHECK_CLOSE(step.gradient[i * c.ld() + j], bound.want, bound.absolute, bound.relative, "dlogits (%d, %d) of loss %d, type %d, v %d", (int)i,
                (int)j, kind, c.type, (int)c.v);
        }
        for (int64_t j = i * c.ld() + c.v; j < step.gradient.values.n && j < (i + 1) * c.ld(); j++) {
            CHECK(isnan(step.gradient[j]), "loss %d: %g was written past row %d", kind, step.gradient[j], (int)i);
        }
    }
}

/* Some rows alone, and all of them in place, to the same bits. */
static void check_alone_and_in_place(Case& c, int32_t kind, const Step& step, float scale) {
    for (int64_t i = 0; i < c.n; i += 2) {
        const Step one(c, kind, scale, i, 1);
        CHECK(memcmp(&one.gradient[0], &step.gradient[i * c.ld()], (size_t)c.v * 4) == 0, "loss %d, v %d: gradient of row %d alone differs", kind,
            (int)c.v, (int)i);
        CHECK(one.loss[0] == step.loss[i] && one.acceptance[0] == step.acceptance[i], "loss %d, v %d: row %d alone differs", kind, (int)c.v, (int)i);
    }
    const std::vector<float> before = c.d.values.copy();
    CHECK_OK(adaspec_distill_forward_backward(c.d.at(0), c.ld(), nullptr, nullptr, nullptr, nullptr, nullptr, c.t.at(0), c.ld(), c.d.at(0), c.ld(),
        c.type, kind, scale, c.n, c.v, nullptr));
    c.d.load();
    for (int64_t i = 0; i < c.n; i++) {
        CHECK(memcmp(&c.d[i * c.ld()], &step.gradient[i * c.ld()], (size_t)c.v * 4) == 0, "loss %d, v %d in place: row %d differs", kind,
            (int)c.v, (int)i);
    }
    c.d.values.fill(before);
    c.d.store();
}

static void check(Case& c, std::initializer_list<int32_t> kinds, double tolerance = 3e-6) {
    std::vector<Expected> expected;
    for (int64_t i = 0; i < c.n; i++) {
        expected.push_back(expect(&c.t[i * c.ld()], &c.d[i * c.ld()], nullptr, c.v));
    }
    const float scale = 0.37f;
    for (int32_t kind : kinds) {
        const Step step(c, kind, scale);
        check_against_oracle(c, expected, kind, step, scale, tolerance);
        check_against_two(c, kind, step, scale);
        check_alone_and_in_place(c, kind, step, scale);
    }
}

/* Broken rows give NaN, and leave the rows that come after them in the same buffers alone. */
static void check_special(int32_t type) {
    const int64_t n = 9, v = 1061;
    Case c(n, v, 3, 2, 31, type);
    c.t[0] = -INFINITY;                               /* contributes nothing */
    c.d[1 * c.ld() + 700] = -INFINITY;                /* kl_draft +inf */
    c.t[2 * c.ld() + 1060] = NAN;
    c.d[3 * c.ld()] = INFINITY;
    for (int64_t j = 0; j < v; j++) {
        c.d[4 * c.ld() + j] = -INFINITY;
        c.d[6 * c.ld() + j] = c.t[6 * c.ld() + j];    /* equal: 0 */
    }
    c.store();
    for (int32_t kind = 0; kind < LOSSES; kind++) {
        const Step step(c, kind, 1);
        const bool rkl = kind == ADASPEC_LOSS_RKL, kl_in = kind == ADASPEC_LOSS_KL_DIV || kind == ADASPEC_LOSS_LK_HYBRID;
        for (int64_t i = 0; i < n; i++) {
            const Expected e = expect(&c.t[i * c.ld()], &c.d[i * c.ld()], nullptr, v);
            CHECK_CLOSE(step.kl_draft[i], e.kl_draft, 3e-6, 1e-6, "kl_draft of row %d", (int)i);
            CHECK_CLOSE(step.acceptance[i], e.acceptance, 1e-6, 1e-6, "acceptance of row %d", (int)i);
            if (i > 1) {
                CHECK_CLOSE(step.loss[i], e.loss[kind], 3e-6, 1e-5, "loss %d of row %d", kind, (int)i);
            }
            for (int64_t j = 0; j < v; j++) {
                const float x = step.gradient[i * c.ld() + j];
                CHECK(isfinite(x) == ((i < 2 || i > 4) && !(rkl && i == 0)), "loss %d: gradient (%d, %d) is %g", kind, (int)i, (int)j, x);
                CHECK(i != 6 || is_close(x, 0, 1e-8, 0), "loss %d: gradient %g of equal rows", kind, x);
            }
        }
        CHECK(rkl ? step.loss[0] == INFINITY : isfinite(step.loss[0]), "loss %d: %g", kind, step.loss[0]);
        CHECK(kl_in ? step.loss[1] == INFINITY : isfinite(step.loss[1]), "loss %d: %g", kind, step.loss[1]);
    }
}

/* Target, draft and gradient padded to widths of their own: what is beyond v does not matter, and is not written. */
static void check_widths(int32_t type) {
    const int64_t n = 4, v = 1061;
    Case c(n, v, 3, 2, 51, type);
    Stored t(type, n * 1072), gradient(type, n * 1088);
    fill_rows(t, 1072, c.t, c);
    Floats loss(n);
    const Step same(c, ADASPEC_LOSS_JSD, 1);
    CHECK_OK(adaspec_distill_forward_backward(gradient.at(0), 1088, loss, nullptr, nullptr, nullptr, nullptr, t.at(0), 1072, c.d.at(0), c.ld(), type,
        ADASPEC_LOSS_JSD, 1, n, v, nullptr));
    gradient.load();
    CHECK(same_bits(loss.copy(), same.loss.copy()), "type %d: losses depend on widths", type);
    for (int64_t i = 0; i < n; i++) {
        CHECK(memcmp(&gradient[i * 1088], &same.gradient[i * c.ld()], (size_t)v * 4) == 0, "type %d: gradient of row %d depends on widths", type, (int)i);
        for (int64_t j = v; j < 1088; j++) {
            CHECK(isnan(gradient[i * 1088 + j]), "type %d: %g was written past row %d", type, gradient[i * 1088 + j], (int)i);
        }
    }
}

int main() {
    require_tier();
    for (int32_t type : {ADASPEC_F32, ADASPEC_BF16, ADASPEC_F16}) {
        for (int64_t v : {1, 9, 511, 4101}) {
            Case aligned(5, v, (8 - v % 8) % 8, 2, (uint64_t)v, type);
            check(aligned, {0, 1, 2, 3, 4, 5});
        }
        Case odd(5, 1021, 0, 2, 12, type);
        check(odd, {0, 1, 2, 3, 4, 5});
        check_special(type);
        check_widths(type);
    }
    Case peaked(4, 2000, 0, 30, 78);
    check(peaked, {ADASPEC_LOSS_KL_DIV}, 2e-5);
    /* Two blocks, four and eight, by their types; then a row that no cluster holds. */
    Case two(3, 32003, 5, 3, 91, ADASPEC_F16), four(1, 65001, 7, 3, 92, ADASPEC_BF16), eight(1, 151936, 0, 3, 93, ADASPEC_BF16);
    check(two, {ADASPEC_LOSS_KL_DIV, ADASPEC_LOSS_LK_HYBRID});
    check(four, {ADASPEC_LOSS_KL_DIV});
    check(eight, {ADASPEC_LOSS_JSD});
    Case longest(1, 240000, 0, 3, 94);
    check_against_two(longest, ADASPEC_LOSS_KL_DIV, Step(longest, ADASPEC_LOSS_KL_DIV, 1), 1);
    for (int32_t kind : {ADASPEC_LOSS_KL_DIV, ADASPEC_LOSS_JSD}) {
        check_threads("distill_forward_backward", [kind] {
            Case c(37, 1500, 0, 2, 5);
            return Step(c, kind, 1).all();
        });
    }
    Floats x(1, zeros());
    const auto step = [&](int32_t type, int32_t kind, int64_t ld, int64_t v) {
        return adaspec_distill_forward_backward(x.data, ld, x, x, x, x, x, x.data, 1, x.data, 1, type, kind, 1, 1, v, nullptr);
    };
    CHECK_REFUSED(step(0, 0, 1, 0), "at least one column");
    CHECK_REFUSED(step(0, 0, 0, 1), "shorter than a row of 1");
    CHECK_REFUSED(step(0, 6, 1, 1), "6 is not a loss");
    CHECK_REFUSED(step(3, 0, 1, 1), "logits of type 3");
    return finish();
}
