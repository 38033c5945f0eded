package adaspec.ops;

import adaspec.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A target and a draft over a handful of ids whose laws depend on all ids before: random, drawn when first asked for. */
final class RandomContexts {
    final int vocabulary;
    private final Random random;
    private final Map<List<Integer>, float[][]> logits = new HashMap<>();
    private final Map<List<Integer>, Double> coins = new HashMap<>();

    RandomContexts(int vocabulary, long seed) {
        this.vocabulary = vocabulary;
        this.random = new Random(seed);
    }

    /** The target's law after {@code ids}, warped as {@code draw} says. */
    double[] target(List<Integer> ids, Draw draw) {
        return law(logits(ids)[0], draw);
    }

    /** The draft's law after {@code ids}. */
    double[] draft(List<Integer> ids, Draw draw) {
        return law(logits(ids)[1], draw);
    }

    /** A number in [0, 1) that {@code ids} alone determine. */
    double coin(List<Integer> ids) {
        return coins.computeIfAbsent(ids, key -> random.nextDouble());
    }

    private double[] law(float[] row, Draw draw) {
        return ReferenceLaw.of(Tensor.ofFloats(row, 1, vocabulary), 0, vocabulary, draw);
    }

    private float[][] logits(List<Integer> ids) {
        return logits.computeIfAbsent(List.copyOf(ids), key -> {
            float[][] rows = new float[2][vocabulary];
            for (float[] row : rows) {
                for (int v = 0; v < vocabulary; v++) {
                    // Ties now and then, as they matter to top-k and top-p.
                    row[v] = (float) (random.nextInt(4) == 0 ? random.nextInt(3) : 1.5 * random.nextGaussian());
                }
            }
            return rows;
        });
    }

    /** P(text) for every text of {@code length} ids, by its number in base {@link #vocabulary}. */
    double[] textLaw(int length, Draw draw) {
        double[] law = new double[(int) Math.pow(vocabulary, length)];
        addTexts(law, new ArrayList<>(), length, draw, 1);
        return law;
    }

    /** Adds {@code probability}, spread over the continuations of {@code ids} to {@code length} as the target continues. */
    void addTexts(double[] law, List<Integer> ids, int length, Draw draw, double probability) {
        if (probability == 0) {
            return;
        }
        if (ids.size() == length) {
            int text = 0;
            for (int id : ids) {
                text = text * vocabulary + id;
            }
            law[text] += probability;
            return;
        }
        double[] p = target(ids, draw);
        for (int v = 0; v < vocabulary; v++) {
            addTexts(law, with(ids, v), length, draw, probability * p[v]);
        }
    }

    static List<Integer> with(List<Integer> ids, int id) {
        List<Integer> longer = new ArrayList<>(ids);
        longer.add(id);
        return longer;
    }
}
