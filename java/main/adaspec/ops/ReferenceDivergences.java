package adaspec.ops;

import static adaspec.ops.ShapeChecks.require;

import adaspec.tensor.Tensor;

/** Divergences between the laws of target, draft and reference as loops in double; see {@link Ops#distillForward}. */
final class ReferenceDivergences {
    /** The least acceptance that NLA divides by. */
    private static final double LEAST_ACCEPTANCE = 1e-5;

    private ReferenceDivergences() {}

    static void forward(
            Divergence divergence, RowStatistics statistics, Tensor klRef, Tensor gap, Tensor target, Tensor draft, Tensor reference) {
        long rows = target.rows();
        require(
                draft.rows() == rows && draft.columns() == target.columns(),
                "distillForward",
                "target logits are " + target + ", draft logits " + draft);
        statistics.requireRows("distillForward", rows);
        for (long i = 0; i < rows; i++) {
            double lseR = reference == null ? 0 : ReferenceLosses.logSumExp(reference, i);
            var row = new Row(target, draft, i, ReferenceLosses.logSumExp(target, i), ReferenceLosses.logSumExp(draft, i));
            boolean broken = Double.isNaN(row.lseT + row.lseD + lseR);
            double acceptance = broken ? Double.NaN : row.acceptance();
            double kl = broken ? Double.NaN : row.kl();
            put(statistics.klDraft(), i, kl);
            put(statistics.targetLse(), i, broken ? Double.NaN : row.lseT);
            put(statistics.draftLse(), i, broken ? Double.NaN : row.lseD);
            put(statistics.acceptance(), i, acceptance);
            put(statistics.entropy(), i, broken ? Double.NaN : row.entropy());
            put(statistics.loss(), i, broken ? Double.NaN : row.loss(divergence, kl, acceptance));
            put(statistics.meanSlope(), i, broken ? Double.NaN : row.meanSlope(divergence));
            if (reference != null) {
                put(klRef, i, broken ? Double.NaN : new Row(target, reference, i, row.lseT, lseR).kl());
                put(gap, i, broken ? Double.NaN : row.gap(reference, lseR));
            } else if (gap != null) {
                put(gap, i, statistics.klDraft().get(i) - klRef.get(i));
            }
        }
    }

    static void backward(
            Divergence divergence, Tensor dLogits, Tensor target, Tensor draft, RowStatistics statistics, Tensor rows, float scale) {
        for (long i = 0; i < dLogits.rows(); i++) {
            long from = rows == null ? i : ReferenceOps.idIn("distillBackward", rows, i, target.rows());
            var row = new Row(target, draft, from, statistics.targetLse().get(from), statistics.draftLse().get(from));
            double acceptance = statistics.acceptance() == null ? Double.NaN : statistics.acceptance().get(from);
            double mean = divergence.hasSlope() ? statistics.meanSlope().get(from) : 0;
            double hybrid = Math.exp(-3 * acceptance);
            for (long v = 0; v < dLogits.columns(); v++) {
                double p = row.p(v);
                double q = row.q(v);
                double sloped = q * (row.slope(divergence, v) - mean);
                double gradient = switch (divergence) {
                    case KL_DIV -> q - p;
                    case RKL, JSD, TV -> sloped;
                    case NLA -> sloped / bounded(acceptance);
                    case LK_HYBRID -> hybrid * (q - p) + (1 - hybrid) * sloped;
                };
                dLogits.set(i, v, (float) (scale * gradient));
            }
        }
    }

    private static void put(Tensor values, long row, double value) {
        if (values != null) {
            values.set(row, (float) value);
        }
    }

    private static double bounded(double acceptance) {
        return Math.max(acceptance, LEAST_ACCEPTANCE);
    }

    /** Row i of two matrices of logits with their log-sum-exps: the laws p and q. */
    private record Row(Tensor target, Tensor draft, long i, double lseT, double lseD) {
        double logP(long v) {
            return target.get(i, v) - lseT;
        }

        double logQ(long v) {
            return draft.get(i, v) - lseD;
        }

        double p(long v) {
            return Math.exp(logP(v));
        }

        double q(long v) {
            return Math.exp(logQ(v));
        }

        /** a * log ratio, 0 where a is. */
        private static double weighted(double a, double logRatio) {
            return a == 0 ? 0 : a * logRatio;
        }

        private double sum(java.util.function.LongToDoubleFunction term) {
            double sum = 0;
            for (long v = 0; v < target.columns(); v++) {
                sum += term.applyAsDouble(v);
            }
            return sum;
        }

        double kl() {
            return sum(v -> weighted(p(v), logP(v) - logQ(v)));
        }

        /** KL(p || q) - KL(p || r) without a difference of two sums. */
        double gap(Tensor reference, double lseR) {
            return lseD - lseR + sum(v -> weighted(p(v), reference.get(i, v) - draft.get(i, v)));
        }

        double acceptance() {
            return sum(v -> Math.min(p(v), q(v)));
        }

        double entropy() {
            return -sum(v -> weighted(q(v), logQ(v)));
        }

        double loss(Divergence divergence, double kl, double acceptance) {
            double tv = sum(v -> Math.abs(p(v) - q(v)) / 2);
            double hybrid = Math.exp(-3 * acceptance);
            return switch (divergence) {
                case KL_DIV -> kl;
                case RKL -> sum(v -> weighted(q(v), logQ(v) - logP(v)));
                case JSD -> sum(v -> {
                    double logM = Math.log((p(v) + q(v)) / 2);
                    return (weighted(p(v), logP(v) - logM) + weighted(q(v), logQ(v) - logM)) / 2;
                });
                case TV -> tv;
                case NLA -> -Math.log(Math.min(1, bounded(acceptance)));
                case LK_HYBRID -> hybrid * kl + (1 - hybrid) * tv;
            };
        }

        /** d loss / d q_v, of NLA and LK_HYBRID that of their total variation; 0 where q is. */
        double slope(Divergence divergence, long v) {
            if (q(v) == 0) {
                return 0;
            }
            return switch (divergence) {
                case KL_DIV -> 0;
                case RKL -> logQ(v) - logP(v);
                case JSD -> (logQ(v) - Math.log((p(v) + q(v)) / 2)) / 2;
                case TV, NLA, LK_HYBRID -> Math.signum(q(v) - p(v)) / 2;
            };
        }

        double meanSlope(Divergence divergence) {
            return sum(v -> q(v) * slope(divergence, v));
        }
    }
}
