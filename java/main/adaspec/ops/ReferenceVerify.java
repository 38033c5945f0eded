package adaspec.ops;

import static adaspec.ops.ShapeChecks.require;

import adaspec.tensor.Tensor;

/** Sampling and token verification as loops in double; see {@link Ops}. */
final class ReferenceVerify {
    private ReferenceVerify() {}

    /** A token of row {@code row} by the uniform number {@code u}; -1 where the row is not finite. */
    static int sample(Tensor logits, long row, long vocabulary, float temperature, double u) {
        double[] p = law(logits, row, vocabulary, temperature);
        return p == null ? -1 : inverse(p, u);
    }

    /** softmax(logits / temperature), one-hot at the argmax (lowest id on ties) for temperature 0; null where the row is not finite. */
    static double[] law(Tensor logits, long row, long vocabulary, float temperature) {
        double max = Double.NEGATIVE_INFINITY;
        int argmax = -1;
        for (int v = 0; v < vocabulary; v++) {
            double value = logits.get(row, v);
            if (Double.isNaN(value) || value == Double.POSITIVE_INFINITY) {
                return null;
            }
            if (value > max) {
                max = value;
                argmax = v;
            }
        }
        if (argmax < 0) {
            return null;
        }
        double[] p = new double[(int) vocabulary];
        if (temperature == 0) {
            p[argmax] = 1;
            return p;
        }
        double sum = 0;
        for (int v = 0; v < vocabulary; v++) {
            p[v] = Math.exp((logits.get(row, v) - max) / temperature);
            sum += p[v];
        }
        for (int v = 0; v < vocabulary; v++) {
            p[v] /= sum;
        }
        return p;
    }

    /** The first token at which the running sum exceeds u times the total; never one of probability 0. */
    private static int inverse(double[] weights, double u) {
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

    static void verify(
            Tensor accepted,
            Tensor next,
            Tensor targetLogits,
            Tensor draftLogits,
            Tensor draftTokens,
            Tensor draftLengths,
            long vocabulary,
            float temperature,
            boolean oneHotDraft,
            long seed,
            int firstSequence,
            long position) {
        long sequences = draftLengths.rows();
        long most = sequences == 0 ? 0 : draftTokens.rows() / sequences;
        require(targetLogits.rows() == sequences * (most + 1), "verify", "target logits are " + targetLogits + " for " + sequences + " drafts of " + most);
        for (int b = 0; b < sequences; b++) {
            int sequence = firstSequence + b;
            int length = draftLengths.getInt(b);
            require(length >= 0 && length <= most, "verify", "draft " + b + " has length " + length + " of at most " + most);
            int taken = 0;
            int token = -1;
            while (true) {
                double[] p = law(targetLogits, b * (most + 1) + taken, vocabulary, temperature);
                if (p == null) {
                    break;
                }
                if (taken == length) {
                    token = inverse(p, Philox.uniform(seed, sequence, position + taken, Philox.NEXT));
                    break;
                }
                int x = draftTokens.getInt(b * most + taken);
                require(x >= 0 && x < vocabulary, "verify", "draft token " + x + " is outside the vocabulary of " + vocabulary);
                double[] q;
                if (oneHotDraft || temperature == 0) {
                    q = new double[(int) vocabulary];
                    q[x] = 1;
                } else {
                    q = law(draftLogits, b * most + taken, vocabulary, temperature);
                    if (q == null) {
                        break;
                    }
                }
                if (Philox.uniform(seed, sequence, position + taken, Philox.ACCEPT) * q[x] < p[x]) {
                    taken++;
                    continue;
                }
                token = residual(p, q, Philox.uniform(seed, sequence, position + taken, Philox.NEXT));
                break;
            }
            accepted.setInt(b, taken);
            next.setInt(b, token);
        }
    }

    /** From norm(max(p - q, 0)); from p where rounding leaves nothing of it. */
    private static int residual(double[] p, double[] q, double u) {
        double[] rest = new double[p.length];
        double sum = 0;
        for (int v = 0; v < p.length; v++) {
            rest[v] = Math.max(p[v] - q[v], 0);
            sum += rest[v];
        }
        return inverse(sum > 0 ? rest : p, u);
    }
}
