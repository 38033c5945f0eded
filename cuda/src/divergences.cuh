/*
 * KL(p||q), KL(p||r) and their difference of one row in one streaming pass, without ever holding a law: a thread keeps the softmax of each row and, for
 * each pair (a, b) of rows, sum_v e^(t_v - m) ((a_v - b_v) - offset), m the largest target logit so far. The offset, a_0 - b_0, is the row's own and the
 * same for every thread: rows that lie far apart by a constant lose no digits. At the end
 *
 *   E_p[a - b] = offset + sum / sum_v e^(t_v - m),   KL(p||q) = E_p[t - d] - lse_t + lse_d,   gap = E_p[r - d] - lse_r + lse_d
 *
 * the gap so without a difference of two large sums. Logits of -inf: where the target's is, an id adds nothing; where only the other's is, the divergence
 * is +inf, which a flag remembers.
 */
#pragma once

#include "softmax.cuh"

/* a_0 - b_0 where both are finite, else 0. */
DEVICE float offset_of(float a, float b) {
    const float distance = a - b;
    return distance - distance == 0 ? distance : 0.0f;
}

template <bool REFERENCE>
struct Divergences {
    Softmax t;
    Softmax d;
    Softmax r;
    float td = 0;
    float tr = 0;
    float rd = 0;
    /* 1 where a draft's (reference's) logit is -inf and the target's is not. */
    float draft_infinite = 0;
    float reference_infinite = 0;

    /* Four ids at once: their largest logits are looked for first, and sums are rescaled for them at most once. More do not fit into registers. */
    template <int N>
    DEVICE void add(const float (&tx)[N], const float (&dx)[N], const float (&rx)[N], float td_offset, float tr_offset, float rd_offset) {
        static_assert(N % 4 == 0);
        UNROLL
        for (int i = 0; i < N; i += 4) {
            add_four({tx[i], tx[i + 1], tx[i + 2], tx[i + 3]}, {dx[i], dx[i + 1], dx[i + 2], dx[i + 3]}, {rx[i], rx[i + 1], rx[i + 2], rx[i + 3]},
                td_offset, tr_offset, rd_offset);
        }
    }

    DEVICE void add_four(const float (&tx)[4], const float (&dx)[4], const float (&rx)[4], float td_offset, float tr_offset, float rd_offset) {
        constexpr int N = 4;
        const float largest = largest_of(tx);
        if (largest > t.largest) {
            rescale(rescaling(t.largest, largest));
            t.largest = largest;
        }
        d.raise(largest_of(dx));
        if (REFERENCE) {
            r.raise(largest_of(rx));
        }
        const float t_origin = origin_of(t.largest);
        const float d_origin = origin_of(d.largest);
        const float r_origin = REFERENCE ? origin_of(r.largest) : 0;
        /* Without guards against -inf first: what it leaves in the sums is not finite, and then these ids are added again with them. */
        float td_part = 0;
        float tr_part = 0;
        float rd_part = 0;
        UNROLL
        for (int i = 0; i < N; i++) {
            const float weight = exp_from(tx[i], t_origin);
            t.sum += weight;
            d.sum += exp_from(dx[i], d_origin);
            td_part += weight * ((tx[i] - dx[i]) - td_offset);
            if (REFERENCE) {
                r.sum += exp_from(rx[i], r_origin);
                tr_part += weight * ((tx[i] - rx[i]) - tr_offset);
                rd_part += weight * ((rx[i] - dx[i]) - rd_offset);
            }
        }
        const float parts = td_part + tr_part + rd_part;
        if (!(parts - parts == 0)) {
            td_part = tr_part = rd_part = 0;
            UNROLL
            for (int i = 0; i < N; i++) {
                const float weight = exp_from(tx[i], t_origin);
                const bool t_some = tx[i] > MINUS_INFINITY;
                const bool d_some = dx[i] > MINUS_INFINITY;
                td_part += t_some && d_some ? weight * ((tx[i] - dx[i]) - td_offset) : 0.0f;
                draft_infinite = t_some && !d_some ? 1.0f : draft_infinite;
                if (REFERENCE) {
                    const bool r_some = rx[i] > MINUS_INFINITY;
                    tr_part += t_some && r_some ? weight * ((tx[i] - rx[i]) - tr_offset) : 0.0f;
                    rd_part += t_some && d_some && r_some ? weight * ((rx[i] - dx[i]) - rd_offset) : 0.0f;
                    reference_infinite = t_some && !r_some ? 1.0f : reference_infinite;
                }
            }
        }
        td += td_part;
        tr += tr_part;
        rd += rd_part;
    }

    DEVICE void merge(const Divergences& other) {
        const float both = fmaxf(t.largest, other.t.largest);
        const float mine = rescaling(t.largest, both);
        const float theirs = rescaling(other.t.largest, both);
        td = sum_of_products(td, mine, other.td, theirs);
        draft_infinite = fmaxf(draft_infinite, other.draft_infinite);
        t.merge(other.t);
        d.merge(other.d);
        if (REFERENCE) {
            tr = sum_of_products(tr, mine, other.tr, theirs);
            rd = sum_of_products(rd, mine, other.rd, theirs);
            reference_infinite = fmaxf(reference_infinite, other.reference_infinite);
            r.merge(other.r);
        }
    }

    DEVICE bool finite() const {
        return t.finite() && d.finite() && (!REFERENCE || r.finite());
    }

    DEVICE double kl_draft(float td_offset) const {
        return draft_infinite > 0 ? (double)INFINITY : divergence(td, td_offset, t, d);
    }

    DEVICE double kl_ref(float tr_offset) const {
        return reference_infinite > 0 ? (double)INFINITY : divergence(tr, tr_offset, t, r);
    }

    /* kl_draft - kl_ref, also where one of them is infinite (both: NaN). */
    DEVICE double gap(float rd_offset) const {
        if (draft_infinite > 0 || reference_infinite > 0) {
            return (draft_infinite > 0 ? (double)INFINITY : 0.0) - (reference_infinite > 0 ? (double)INFINITY : 0.0);
        }
        return divergence(rd, rd_offset, r, d);
    }

private:
    DEVICE void rescale(float factor) {
        t.sum *= factor;
        td *= factor;
        tr *= factor;
        rd *= factor;
    }

    /* E_p[a - b] - lse_a + lse_b; what is large and nearly cancels, the offset and the distance of the maxima, is subtracted first. */
    DEVICE double divergence(float sum, float offset, const Softmax& a, const Softmax& b) const {
        const double distance = (double)a.largest - (double)b.largest;
        return (double)sum / (double)t.sum + ((double)offset - distance) - (log((double)a.sum) - log((double)b.sum));
    }
};
