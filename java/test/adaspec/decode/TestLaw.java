package adaspec.decode;

import adaspec.tensor.Tensor;
import java.util.Arrays;

/** The law of a row of logits under temperature, top-k and top-p, by sorting, in double. */
final class TestLaw {
    private TestLaw() {}

    static double[] of(float[] logits, Sampling sampling) {
        double temperature = (float) sampling.temperature();
        float largest = Float.NEGATIVE_INFINITY;
        for (float x : logits) {
            largest = Math.max(largest, x);
        }
        boolean cut = sampling.topK() > 0 || sampling.topP() < 1;
        double least = cut ? least(logits, largest, sampling) : Double.NEGATIVE_INFINITY;
        int n = logits.length;
        double[] law = new double[n];
        double sum = 0;
        for (int v = 0; v < n; v++) {
            law[v] = logits[v] >= least ? Math.exp((logits[v] - largest) / temperature) : 0;
            sum += law[v];
        }
        for (int v = 0; v < n; v++) {
            law[v] /= sum;
        }
        return law;
    }

    /** The least logit that top-k and top-p keep. */
    private static double least(float[] logits, double largest, Sampling sampling) {
        float[] sorted = logits.clone();
        Arrays.sort(sorted);
        int n = sorted.length;
        double least = sampling.topK() > 0 && sampling.topK() < n ? sorted[n - sampling.topK()] : Double.NEGATIVE_INFINITY;
        if (sampling.topP() == 1) {
            return least;
        }
        double temperature = (float) sampling.temperature();
        double kept = 0;
        for (float x : sorted) {
            kept += x >= least ? Math.exp((x - largest) / temperature) : 0;
        }
        double reached = 0;
        int i = n;
        while (reached < (float) sampling.topP() * kept) {
            reached += Math.exp((sorted[--i] - largest) / temperature);
        }
        return sorted[i];
    }

    /** Of every row of {@code logits} (R, V). */
    static double[][] ofRows(Tensor logits, Sampling sampling) {
        double[][] laws = new double[(int) logits.rows()][];
        for (int i = 0; i < laws.length; i++) {
            laws[i] = of(logits.rows(i, i + 1).toFloats(), sampling);
        }
        return laws;
    }
}
