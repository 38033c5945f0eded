package adaspec.ops;

import static adaspec.ops.ShapeChecks.require;
import static adaspec.ops.ShapeChecks.requireVector;

import adaspec.tensor.Tensor;
import java.util.Arrays;

/** Cross entropy and the selection as loops in double; see {@link Ops}. */
final class ReferenceLosses {
    private ReferenceLosses() {}

    /** NaN for a row with NaN or +inf, or only -inf. */
    static double logSumExp(Tensor logits, long row) {
        double max = Double.NEGATIVE_INFINITY;
        for (long v = 0; v < logits.columns(); v++) {
            max = Math.max(max, logits.get(row, v)); // Math.max keeps NaN
        }
        if (Double.isNaN(max) || Double.isInfinite(max)) {
            return Double.NaN;
        }
        double sum = 0;
        for (long v = 0; v < logits.columns(); v++) {
            sum += Math.exp(logits.get(row, v) - max);
        }
        return max + Math.log(sum);
    }

    static void crossEntropy(Tensor loss, Tensor lse, Tensor logits, Tensor targets) {
        requireVector("crossEntropy", "targets", targets, logits.rows());
        for (long i = 0; i < logits.rows(); i++) {
            int target = ReferenceOps.idIn("crossEntropy", targets, i, logits.columns());
            double sum = logSumExp(logits, i);
            lse.set(i, (float) sum);
            loss.set(i, (float) (sum - logits.get(i, target)));
        }
    }

    static void crossEntropyBackward(Tensor dLogits, Tensor logits, Tensor lse, Tensor targets, float scale) {
        for (long i = 0; i < logits.rows(); i++) {
            int target = ReferenceOps.idIn("crossEntropyBackward", targets, i, logits.columns());
            for (long v = 0; v < logits.columns(); v++) {
                double q = Math.exp(logits.get(i, v) - lse.get(i));
                dLogits.set(i, v, (float) (scale * (q - (v == target ? 1 : 0))));
            }
        }
    }

    static int select(Tensor keptRows, Tensor gap, double k, SelectionRule rule) {
        int n = Math.toIntExact(gap.rows());
        require(n >= 1 && keptRows.rows() >= n, "select", "keptRows is " + keptRows + ", gap is " + gap);
        float[] sorted = gap.toFloats();
        for (float value : sorted) {
            if (Float.isNaN(value)) {
                return 0;
            }
        }
        Arrays.sort(sorted);
        int most = rule == SelectionRule.QUANTILE ? n : rowsOfShare(k, n);
        if (most == 0) {
            return 0;
        }
        float threshold = rule == SelectionRule.QUANTILE ? quantile(sorted, 1 - k) : sorted[n - most];
        int room = most;
        for (int i = 0; i < n; i++) {
            room -= gap.get(i) > threshold ? 1 : 0;
        }
        int kept = 0;
        for (int i = 0; i < n; i++) {
            if (gap.get(i) > threshold || (gap.get(i) == threshold && room-- > 0)) {
                keptRows.setInt(kept++, i);
            }
        }
        return kept;
    }

    /** torch.quantile's own arithmetic: ATen Sorting.cpp computes rank and weight in the tensor's type and interpolates with ATen's lerp. */
    private static float quantile(float[] sorted, double share) {
        float rank = (float) share * (sorted.length - 1);
        int below = (int) rank;
        int above = (int) Math.ceil(rank);
        return lerp(sorted[below], sorted[above], rank - below);
    }

    /** ceil(k n); a product within its rounding of a whole number is that number. */
    private static int rowsOfShare(double k, int n) {
        double product = k * n;
        double whole = Math.rint(product);
        return (int) Math.min(n, Math.abs(product - whole) <= 0x1p-50 * product ? whole : Math.ceil(product));
    }

    /** ATen's lerp: from the nearer end, so that weight 1 gives {@code end} exactly; each branch one fused multiply-add, as PyTorch's kernels compile it. */
    private static float lerp(float start, float end, float weight) {
        return weight < 0.5f ? Math.fma(weight, end - start, start) : Math.fma(weight - 1, end - start, end);
    }
}
