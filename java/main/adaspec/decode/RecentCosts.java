package adaspec.decode;

import java.util.Arrays;

/** What steps took lately: medians of the last few, because a machine that is busy elsewhere makes single ones much longer. In any unit. */
final class RecentCosts {
    private static final int REMEMBERED = 7;
    /** Before any verification was timed: a row more takes a twentieth of a step. */
    private static final double FIRST_GUESS = 0.05;

    private final Median draft = new Median();
    private final Median reading = new Median();
    private final Median[] target; // entry r - 1: steps of r rows

    /** @param widest the most rows of a target's step */
    RecentCosts(int widest) {
        target = new Median[widest];
        Arrays.setAll(target, r -> new Median());
    }

    void draft(double perToken) {
        draft.add(perToken);
    }

    void reading(double perId) {
        reading.add(perId);
    }

    void target(int rows, double cost) {
        target[rows - 1].add(cost);
    }

    /** Target steps of one row that are remembered. */
    int alone() {
        return target[0].count();
    }

    boolean knowsDraft() {
        return draft.count() > 0;
    }

    /** Whether a target's step of {@code rows} rows was timed. */
    boolean knowsTarget(int rows) {
        return target[rows - 1].count() > 0;
    }

    /** One drafted token. */
    double draft() {
        return draft.value();
    }

    /** An id that the draft reads, many at a time; where that was not timed, what a drafted token takes. */
    double reading() {
        return reading.count() > 0 ? reading.value() : draft();
    }

    /**
     * A target's step of {@code rows} rows: measured, or on the line through the measured ones around it, or behind the last of them on the line through
     * the first and the last. Never less than one of fewer rows, so that a slow moment's steps do not make more work look like less.
     */
    double target(int rows) {
        double cost = Double.POSITIVE_INFINITY;
        for (int r = rows; r <= target.length; r++) {
            cost = Math.min(cost, raw(r));
        }
        return cost;
    }

    private double raw(int rows) {
        if (target[rows - 1].count() > 0) {
            return target[rows - 1].value();
        }
        int below = rows - 1;
        while (target[below - 1].count() == 0) { // a step of one row is always known first
            below--;
        }
        int above = rows + 1;
        while (above <= target.length && target[above - 1].count() == 0) {
            above++;
        }
        double from = target[below - 1].value();
        double slope;
        if (above <= target.length) {
            slope = (target[above - 1].value() - from) / (above - below);
        } else if (below > 1) {
            slope = Math.max(0, (from - target[0].value()) / (below - 1));
        } else {
            slope = FIRST_GUESS * from;
        }
        return from + slope * (rows - below);
    }

    private static final class Median {
        private final double[] ring = new double[REMEMBERED];
        private int added;
        private double median;

        void add(double value) {
            ring[added++ % REMEMBERED] = value;
            double[] sorted = Arrays.copyOf(ring, count());
            Arrays.sort(sorted);
            median = sorted[(sorted.length - 1) / 2]; // of two the lower: the first steps of a process are slow
        }

        int count() {
            return Math.min(added, REMEMBERED);
        }

        double value() {
            return median;
        }
    }
}
