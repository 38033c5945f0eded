/* Forward Kullback-Leibler divergences of target, draft and reference, and their difference, in one streaming pass over a row of each. */
#pragma once

#include <math.h>

#include "softmax.h"

namespace {

/* One row of logits of a stored type under a running maximum. */
template <class Type>
struct Row : Softmax {
    typedef typename Type::element element;

    const element* x;

    Row(const void* logits, int64_t first) : Softmax{-INFINITY, 0}, x(logits != nullptr ? (const element*)logits + first : nullptr) {}

    vf load(int64_t j, int64_t count) const {
        return load_logits<Type>(x + j, count);
    }
    /* Takes in the maximum of the next block; returns the factor for sums weighted by this row's terms. Clears `all_finite` at a -inf. */
    double raise(int64_t first, int64_t length, bool& all_finite) {
        float smallest;
        const float block = block_range<Type>(x + first, length, smallest);
        all_finite = all_finite && smallest > -INFINITY;
        if (!(block > largest)) {
            return 1;
        }
        const double factor = shrink(largest, block);
        sum *= factor;
        largest = block;
        return factor;
    }
};

/*
 * sum w (a - b - offset) over the target's weights w, kept small by the offset (the first block's difference of maxima): the expectation of a - b
 * under p is mean / sum of weights + offset. Terms with an infinite logit are left out here and told by the flags.
 */
struct Difference {
    double sum = 0;
    float offset = 0;

    void begin(float a, float b) {
        offset = a - b;
        offset = offset - offset == 0 ? offset : 0;
    }
    double expectation(const Softmax& target) const {
        return sum / target.sum + (double)offset;
    }
};

struct RowStatistics {
    double kl_draft;
    double kl_ref;
    double gap;
};

/* A draft (reference) logit is -inf where the target's is not: that divergence is +inf. */
struct Infinite {
    bool draft = false;
    bool reference = false;
};

/* What one block of the vocabulary adds, in f32 lanes. */
struct Block {
    vf t = {};
    vf d = {};
    vf r = {};
    vf td = {};
    vf tr = {};
    vf rd = {};
};

}  // namespace

/* INFINITE: some logit of the block may be -inf; telling costs more than the rest, so blocks without one go the short way to the same sums. */
template <bool REFERENCE, bool INFINITE, class Type>
static void add_block(
    Block& block, Infinite& infinite, const Row<Type>& t, const Row<Type>& d, const Row<Type>& r, const Difference& td, const Difference& tr, const Difference& rd,
    int64_t first, int64_t length) {
    const float t_max = finite_or_zero(t.largest);
    const float d_max = finite_or_zero(d.largest);
    const float r_max = REFERENCE ? finite_or_zero(r.largest) : 0;
    vi draft_infinite = {};
    vi reference_infinite = {};
    const vf none = splat(-INFINITY);
    for (int64_t j = 0; j < length; j += VL) {
        const int64_t count = INFINITE && length - j < VL ? length - j : VL;
        const vf tx = t.load(first + j, count);
        const vf dx = d.load(first + j, count);
        const vf weight = exp(tx - t_max);
        const vf td_term = weight * ((tx - dx) - td.offset);
        block.t += weight;
        block.d += exp(dx - d_max);
        const vi some = tx > none;
        const vi d_some = dx > none;
        if (INFINITE) {
            draft_infinite |= some & ~d_some;
            block.td += some & d_some ? td_term : splat(0);
        } else {
            block.td += td_term;
        }
        if (REFERENCE) {
            const vf rx = r.load(first + j, count);
            const vf tr_term = weight * ((tx - rx) - tr.offset);
            const vf rd_term = weight * ((rx - dx) - rd.offset);
            block.r += exp(rx - r_max);
            if (INFINITE) {
                const vi r_some = rx > none;
                reference_infinite |= some & ~r_some;
                block.tr += some & r_some ? tr_term : splat(0);
                block.rd += some & d_some & r_some ? rd_term : splat(0);
            } else {
                block.tr += tr_term;
                block.rd += rd_term;
            }
        }
    }
    if (INFINITE) {
        infinite.draft |= any(draft_infinite);
        infinite.reference |= any(reference_infinite);
    }
}

template <bool REFERENCE, class Type>
static RowStatistics divergences(Row<Type>& t, Row<Type>& d, Row<Type>& r, int64_t v) {
    Difference td;
    Difference tr;
    Difference rd;
    Infinite infinite;
    for (int64_t first = 0; first < v; first += SOFTMAX_BLOCK) {
        const int64_t length = v - first < SOFTMAX_BLOCK ? v - first : SOFTMAX_BLOCK;
        bool finite = length % VL == 0;
        const double factor = t.raise(first, length, finite);
        d.raise(first, length, finite);
        td.sum *= factor;
        if (REFERENCE) {
            r.raise(first, length, finite);
            tr.sum *= factor;
            rd.sum *= factor;
        }
        if (first == 0) {
            td.begin(t.largest, d.largest);
            if (REFERENCE) {
                tr.begin(t.largest, r.largest);
                rd.begin(r.largest, d.largest);
            }
        }
        Block block;
        if (finite) {
            add_block<REFERENCE, false>(block, infinite, t, d, r, td, tr, rd, first, length);
        } else {
            add_block<REFERENCE, true>(block, infinite, t, d, r, td, tr, rd, first, length);
        }
        t.sum += sum_double(block.t);
        d.sum += sum_double(block.d);
        td.sum += sum_double(block.td);
        if (REFERENCE) {
            r.sum += sum_double(block.r);
            tr.sum += sum_double(block.tr);
            rd.sum += sum_double(block.rd);
        }
    }
    RowStatistics result = {};
    if (!t.finite() || !d.finite() || (REFERENCE && !r.finite())) {
        result.kl_draft = result.kl_ref = result.gap = NAN;
        return result;
    }
    /* Maxima first: they cancel exactly where rows differ little. */
    const double t_log = log(t.sum);
    const double d_log = log(d.sum);
    result.kl_draft = infinite.draft ? INFINITY : td.expectation(t) - ((double)t.largest - (double)d.largest) - (t_log - d_log);
    if (REFERENCE) {
        const double r_log = log(r.sum);
        result.kl_ref = infinite.reference ? INFINITY : tr.expectation(t) - ((double)t.largest - (double)r.largest) - (t_log - r_log);
        result.gap = infinite.draft || infinite.reference ? result.kl_draft - result.kl_ref
                                                          : rd.expectation(t) - ((double)r.largest - (double)d.largest) - (r_log - d_log);
    }
    return result;
}
