/*
 * The least value that top-k or top-p keeps, without sorting and without rounds of rejection: it is found digit by digit of the floats' order, from the
 * counts (top-k) or masses (top-p) of 256 bins. Equal values share a bin to the end, so ties are kept or dropped together.
 *
 * Most rows end in the first round: it looks at the 256 values of sixteen bits (a bf16 number is one) from the largest down, and leaves the many below,
 * whose additions to few bins would wait for each other, uncounted. Where those do not reach the goal, two rounds find the sixteen bits by bytes. The
 * lower bits of wider types take a round a byte.
 */
#pragma once

/* Rounds end at this shift: below it all values of a type have the same bits. */
template <int32_t TYPE>
constexpr int LAST_SHIFT = TYPE == ADASPEC_BF16 ? 16 : TYPE == ADASPEC_F16 ? 8 : 0;

/* By one warp: the bin at which the measure of row r, summed over the team from the first bin on, reaches the goal, and what is searched next. */
template <int32_t TYPE, class Team>
DEVICE void choose_bin(const Team& team, Law* laws, int r) {
    constexpr int EACH = BINS / WARP;
    const Search search = team.shared.searches[r];
    Whole* bins = team.bins + ((int64_t)team.bins_half * team.bin_rows + r) * BINS + team.lane() * EACH;
    Whole measure[EACH];
    Whole sum = 0;
    UNROLL
    for (int k = 0; k < EACH; k++) {
        measure[k] = 0;
        for (int other = 0; other < team.blocks; other++) {
            measure[k] += *team.at(bins + k, other);
        }
        sum += measure[k];
    }
    const Whole through = search.above + warp_running_sum(sum);
    const unsigned reached = __ballot_sync(ALL_LANES, through >= search.goal);
    const int owner = reached != 0 ? __ffs((int)reached) - 1 : 0;
    if (team.lane() != owner) {
        return;
    }
    Search next = search;
    if (reached == 0) {
        /* Beyond the values near the largest; or, by rounding of the goal, nowhere: all are kept. */
        next.base = BINS - 1;
        next.shift = search.near ? 24 : -1;
        next.near = false;
    } else {
        Whole before = through - sum;
        uint32_t digit = 0;
        bool passes = true;
        UNROLL
        for (int k = 0; k < EACH - 1; k++) {
            passes = passes && before + measure[k] < search.goal;
            before += passes ? measure[k] : 0;
            digit += passes ? 1 : 0;
        }
        const uint32_t prefix = search.base - ((uint32_t)(team.lane() * EACH) + digit);
        next.above = before;
        next.near = false;
        if (search.shift == LAST_SHIFT<TYPE>) {
            /* The bits below are zeros, or ones where the value is negative. */
            const uint32_t ones = search.shift > 0 ? (1u << search.shift) - 1 : 0;
            const uint32_t order = prefix << search.shift;
            const float kept = value_at(order & 0x80000000u ? order : order | ones);
            laws[r].least = kept > laws[r].least ? kept : laws[r].least;
            next.shift = -1;
        } else {
            next.shift = search.shift - 8;
            next.base = prefix << 8 | (BINS - 1);
        }
    }
    team.shared.searches[r] = next;
}

/*
 * Raises laws[r].least to the largest value t such that the values from t on have a measure of goal_of(law) or more. Values below the present least must
 * not matter: with those above it the goal is reached. All threads.
 */
template <class Team, class RowOf, class Measure, class GoalOf>
DEVICE void cut(Team& team, const Chunk& chunk, Law* laws, const RowOf& row_of, int rows, Measure measure, GoalOf goal_of) {
    typedef decltype(row_of(0)) RowType;
    if ((int)threadIdx.x < rows) {
        const Law law = laws[threadIdx.x];
        team.shared.searches[threadIdx.x] = {
            order_of(law.largest) >> 16, law.finite() ? 16 : -1, 0, law.finite() ? goal_of(law) : 0, true};
    }
    for (;;) {
        Whole* bins = team.bins + (int64_t)team.bins_half * team.bin_rows * BINS;
        for (int i = (int)threadIdx.x; i < rows * BINS; i += Team::THREADS) {
            bins[i] = 0;
        }
        __syncthreads();
        bool searching = false;
        for (int r = 0; r < rows; r++) {
            const Search search = team.shared.searches[r];
            if (search.shift < 0) {
                continue;
            }
            searching = true;
            const auto row = row_of(r);
            const Law law = laws[r];
            chunk.each([&](int32_t g) {
                float x[GROUP];
                row.group(g, x);
                UNROLL
                for (int e = 0; e < GROUP; e++) {
                    /* Above the base, or not of the prefix: wraps around, or is beyond the bins. */
                    const uint32_t bin = search.base - (order_of(x[e]) >> search.shift);
                    if (bin < (uint32_t)BINS && g * GROUP + e < row.v) {
                        atomicAdd(&bins[r * BINS + (int)bin], measure(law, x[e]));
                    }
                }
            });
        }
        if (!searching) {
            return;
        }
        team.meet();
        for (int r = team.warp(); r < rows; r += Team::WARPS) {
            if (team.shared.searches[r].shift >= 0) {
                choose_bin<RowType::STORED>(team, laws, r);
            }
        }
        team.bins_half ^= 1;
    }
}
