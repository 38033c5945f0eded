package adaspec.decode;

import adaspec.tensor.Tensor;
import org.apache.commons.math3.distribution.ChiSquaredDistribution;

/** The exact law of short texts over a tiny vocabulary, by plain loops over the target's laws. */
final class TextLaws {
    private TextLaws() {}

    /** Entry {@link #index}: the probability of that text of {@code length} tokens after {@code prompt}. */
    static double[] exact(TinyModels models, Session target, int[] prompt, int length, double temperature) {
        int v = target.vocabulary();
        double[] law = new double[(int) Math.pow(v, length)];
        for (int text = 0; text < law.length; text++) {
            int[] read = java.util.Arrays.copyOf(prompt, prompt.length + length - 1);
            int[] ids = new int[length];
            for (int i = length - 1, rest = text; i >= 0; i--, rest /= v) {
                ids[i] = rest % v;
            }
            System.arraycopy(ids, 0, read, prompt.length, length - 1);
            law[text] = 1;
            try (var step = models.workspace().begin()) {
                Tensor logits = step.f32(length, v);
                target.rewind(0);
                target.advance(read, logits);
                for (int i = 0; i < length; i++) {
                    double sum = 0;
                    for (int x = 0; x < v; x++) {
                        sum += Math.exp(logits.get(i, x) / temperature);
                    }
                    law[text] *= Math.exp(logits.get(i, ids[i]) / temperature) / sum;
                }
            }
        }
        return law;
    }

    static int index(int[] ids, int vocabulary) {
        int index = 0;
        for (int id : ids) {
            index = index * vocabulary + id;
        }
        return index;
    }

    /** Of the counts under {@code law}, by Pearson's chi-square; texts expected fewer than 8 times are put together. */
    static double pValue(double[] law, long[] counts) {
        long draws = 0;
        for (long count : counts) {
            draws += count;
        }
        double statistic = 0;
        double restExpected = 0;
        long restCounted = 0;
        int cells = 0;
        for (int i = 0; i < law.length; i++) {
            double expected = law[i] * draws;
            if (expected < 8) {
                restExpected += expected;
                restCounted += counts[i];
                continue;
            }
            statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
            cells++;
        }
        if (restExpected > 0) {
            statistic += (restCounted - restExpected) * (restCounted - restExpected) / restExpected;
            cells++;
        }
        return 1 - new ChiSquaredDistribution(null, cells - 1).cumulativeProbability(statistic);
    }
}
