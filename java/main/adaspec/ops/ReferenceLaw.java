package adaspec.ops;

import adaspec.tensor.Tensor;
import java.util.Arrays;

/** The law of a row of logits under temperature, top-k and top-p, and draws from it, as loops in double; see {@code adaspec.h}. */
final class ReferenceLaw {
    private ReferenceLaw() {}

    /** One-hot at the argmax (lowest id on ties) where greedy; null where the row has NaN or +inf, or only -inf. */
    static double[] of(Tensor logits, long row, long vocabulary, Draw draw) {
        double[] x = new double[(int) vocabulary];
        int argmax = -1;
        for (int v = 0; v < vocabulary; v++) {
            x[v] = logits.get(row, v);
            if (Double.isNaN(x[v]) || x[v] == Double.POSITIVE_INFINITY) {
                return null;
            }
            if (x[v] > (argmax < 0 ? Double.NEGATIVE_INFINITY : x[argmax])) {
                argmax = v;
            }
        }
        if (argmax < 0) {
            return null;
        }
        double[] p = new double[x.length];
        if (draw.isGreedy()) {
            p[argmax] = 1;
            return p;
        }
        for (int v = 0; v < p.length; v++) {
            p[v] = Math.exp((x[v] - x[argmax]) / draw.temperature());
        }
        if (draw.topK() > 0 && draw.topK() < p.length) {
            keep(p, x, descending(x)[draw.topK() - 1]);
        }
        if (draw.topP() < 1) {
            keep(p, x, boundary(p, x, draw.topP()));
        }
        double sum = Arrays.stream(p).sum();
        for (int v = 0; v < p.length; v++) {
            p[v] /= sum;
        }
        return p;
    }

    private static void keep(double[] p, double[] x, double least) {
        for (int v = 0; v < p.length; v++) {
            p[v] = x[v] >= least ? p[v] : 0;
        }
    }

    private static double[] descending(double[] x) {
        double[] sorted = x.clone();
        Arrays.sort(sorted);
        for (int i = 0; i < sorted.length / 2; i++) {
            double low = sorted[i];
            sorted[i] = sorted[sorted.length - 1 - i];
            sorted[sorted.length - 1 - i] = low;
        }
        return sorted;
    }

    /** The largest value t such that the weights of x >= t are at least topP of all. */
    private static double boundary(double[] weights, double[] x, float topP) {
        Integer[] order = new Integer[x.length];
        Arrays.setAll(order, v -> v);
        Arrays.sort(order, (a, b) -> Double.compare(x[b], x[a]));
        double goal = topP * Arrays.stream(weights).sum();
        double reached = 0;
        for (int v : order) {
            reached += weights[v];
            if (reached >= goal) {
                return x[v];
            }
        }
        return Double.NEGATIVE_INFINITY;
    }

    /** The first id at which the running sum of weights exceeds u times the total; never one of weight 0. */
    static int inverse(double[] weights, double u) {
        double total = 0;
        for (double weight : weights) {
            total += weight;
        }
        double sum = 0;
        int last = -1;
        for (int v = 0; v < weights.length; v++) {
            if (weights[v] > 0) {
                sum += weights[v];
                last = v;
                if (u * total < sum) {
                    return v;
                }
            }
        }
        return last;
    }
}
