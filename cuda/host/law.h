/* What a row of logits means under temperature, top-k and top-p: a normaliser and the least logit that is kept. */
#pragma once

#include "softmax.h"

/* Values that are few enough to be sorted. */
#define FEW_VALUES 64

namespace {

/* How many values there are. */
struct Counting {
    MEMBER vf operator()(vf) const {
        return splat(1);
    }
};

/* What values weigh in a softmax. */
struct Weighing {
    float largest;
    float temperature;

    MEMBER vf operator()(vf x) const {
        return softmax_weight(x, largest, temperature);
    }
};

/* Some of a row's values: their number and their measure. */
struct Part {
    int64_t count;
    double measure;
};

}  // namespace

/* The values in [from, below), from above -inf. */
template <class Type, class Measure>
static Part values_between(const typename Type::element* x, int64_t v, float from, float below, const Measure& measure) {
    Part part = {0, 0};
    for (int64_t first = 0; first < v; first += SOFTMAX_BLOCK) {
        const int64_t length = v - first < SOFTMAX_BLOCK ? v - first : SOFTMAX_BLOCK;
        vf sums = {};
        vi counts = {};
        for (int64_t j = 0; j < length; j += VL) {
            const vf value = load_logits<Type>(x + first + j, length - j < VL ? length - j : VL);
            const vi inside = (value >= from) & (value < below);
            if (any(inside)) {
                counts -= inside;
                sums += inside ? measure(value) : splat(0);
            }
        }
        part.measure += sum_double(sums);
        for (int l = 0; l < VL; l++) {
            part.count += counts[l];
        }
    }
    return part;
}

/* Floats as integers in the same order. */
static int64_t order_of(float x) {
    int32_t bits;
    memcpy(&bits, &x, 4);
    return bits < 0 ? (int64_t)(bits ^ 0x7fffffff) : (int64_t)bits;
}

static float float_of(int64_t order) {
    const int32_t bits = order < 0 ? (int32_t)order ^ 0x7fffffff : (int32_t)order;
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

/* A value above lo and at most hi; lo where there is none but hi. Halving values is fast on logits, halving their bits is never slow. */
static float between(float lo, float hi, bool by_bits) {
    const float middle = lo * 0.5f + hi * 0.5f;
    return !by_bits && middle > lo && middle < hi ? middle : float_of(order_of(lo) + (order_of(hi) - order_of(lo)) / 2);
}

/* The largest of the few values in [lo, hi) at which `above`, the measure of those from hi on, and theirs reach the goal. */
template <class Type, class Measure>
static float least_of_few(const typename Type::element* x, int64_t v, float lo, float hi, double above, double goal, const Measure& measure) {
    float few[FEW_VALUES];
    int count = 0;
    for (int64_t j = 0; j < v; j++) {
        const float value = Type::widen_one(x[j]);
        if (value >= lo && value < hi && count < FEW_VALUES) {
            int place = count++;
            for (; place > 0 && few[place - 1] < value; place--) {
                few[place] = few[place - 1];
            }
            few[place] = value;
        }
    }
    for (int i = 0; i < count; i++) {
        above += (double)measure(splat(few[i]))[0];
        if (above >= goal) {
            return few[i];
        }
    }
    return lo;
}

/*
 * The largest value t of a finite row such that the values x >= t reach the goal, which those from lo on do; `part` is those. Bisection: each pass
 * over the row halves what is in question until it is few values, or many that are equal. Depends on the row alone, not on what else runs.
 */
template <class Type, class Measure>
static float least_kept(const typename Type::element* x, int64_t v, float lo, float largest, Part part, double goal, const Measure& measure) {
    float hi = INFINITY; /* the values from hi on do not reach the goal */
    double above = 0;    /* their measure */
    for (bool by_bits = false; part.count > FEW_VALUES; by_bits = !by_bits) {
        const float middle = between(lo, hi < largest ? hi : largest, by_bits);
        if (!(middle > lo)) {
            return lo;
        }
        const Part upper = values_between<Type>(x, v, middle, hi, measure);
        if (above + upper.measure >= goal) {
            lo = middle;
            part = upper;
        } else {
            hi = middle;
            above += upper.measure;
            part.count -= upper.count;
        }
    }
    return least_of_few<Type>(x, v, lo, hi, above, goal, measure);
}

/* The least value above -inf. */
template <class Type>
static float least_finite(const typename Type::element* x, int64_t v) {
    vf least = splat(INFINITY);
    for (int64_t j = 0; j < v; j += VL) {
        const vf value = load_logits<Type>(x + j, v - j < VL ? v - j : VL);
        least = min(value > -INFINITY ? value : splat(INFINITY), least);
    }
    return -max_lane(-least);
}

namespace {

/* One row of logits as a law: weight(x) / sum where x >= least. Draft and target come through here alike. */
template <class Type>
struct Law {
    const typename Type::element* x;
    int64_t v;
    float temperature;
    float largest;
    float least;
    double sum;

    Law(const typename Type::element* x, int64_t v, const adaspec_draw& draw) : x(x), v(v), temperature(draw.temperature), least(-INFINITY) {
        const Softmax softmax = softmax_row<Type>(x, v, temperature);
        largest = softmax.largest;
        sum = softmax.sum;
        if (finite() && ((draw.top_k > 0 && draw.top_k < v) || draw.top_p < 1)) {
            cut(draw);
        }
    }
    /* False for a row with NaN or +inf, or with -inf only. */
    bool finite() const {
        return sum > 0 && largest < INFINITY;
    }
    /* VL weights from id `first`, 0 from first + count on. */
    MEMBER vf weights(int64_t first, int64_t count) const {
        const vf value = load_logits<Type>(x + first, count);
        return value >= least ? softmax_weight(value, largest, temperature) : splat(0);
    }
    MEMBER vf probabilities(int64_t first, int64_t count) const {
        return weights(first, count) * (float)(1 / sum);
    }
    double probability(int64_t id) const {
        const float value = Type::widen_one(x[id]);
        return value >= least ? (double)softmax_weight(splat(value), largest, temperature)[0] / sum : 0;
    }

private:
    void cut(const adaspec_draw& draw) {
        const Weighing weighing = {largest, temperature};
        least = least_finite<Type>(x, v);
        if (draw.top_k > 0) {
            const Part all = values_between<Type>(x, v, least, INFINITY, Counting());
            least = draw.top_k < all.count ? least_kept<Type>(x, v, least, largest, all, (double)draw.top_k, Counting()) : least;
        }
        Part kept = values_between<Type>(x, v, least, INFINITY, weighing);
        if (draw.top_p < 1) {
            least = least_kept<Type>(x, v, least, largest, kept, (double)draw.top_p * kept.measure, weighing);
            kept = values_between<Type>(x, v, least, INFINITY, weighing);
        }
        sum = kept.measure;
    }
};

}  // namespace

/* A sentence's worth of checks of a caller's draws. */
#define REQUIRE_DRAWS(operation, draws, b)                                                                                                       \
    for (int64_t s_ = 0; s_ < (b); s_++) {                                                                                                       \
        REQUIRE((draws)[s_].temperature >= 0 && (draws)[s_].temperature < INFINITY, operation ": temperature is %g; zero or more was expected",  \
            (double)(draws)[s_].temperature);                                                                                                    \
        REQUIRE((draws)[s_].top_k >= 0, operation ": top_k is %d; zero or more was expected", (draws)[s_].top_k);                                \
        REQUIRE((draws)[s_].top_p > 0 && (draws)[s_].top_p <= 1, operation ": top_p is %g; above 0 and at most 1 was expected",                  \
            (double)(draws)[s_].top_p);                                                                                                          \
    }
