package adaspec.ops;

import static adaspec.ops.ShapeChecks.require;
import static adaspec.ops.ShapeChecks.requireMatrix;
import static adaspec.ops.ShapeChecks.requireSame;
import static adaspec.ops.ShapeChecks.requireVector;

import adaspec.tensor.Tensor;
import java.util.List;

/**
 * Every operation as plain loops in double precision: the documentation of the kernels, their oracle in tests, and the device {@code reference}.
 *
 * <p>It works on memory the processor can read, heap arrays included.
 */
public final class ReferenceOps implements Ops {

    @Override
    public String deviceName() {
        return "reference";
    }

    // ------------------------------------------------------------------------------------------------ embedding

    @Override
    public void embedding(Tensor out, Tensor table, Tensor ids) {
        requireMatrix("embedding", "out", out, ids.rows(), table.columns());
        for (long i = 0; i < ids.rows(); i++) {
            int id = idIn("embedding", ids, i, table.rows());
            for (long c = 0; c < table.columns(); c++) {
                out.set(i, c, table.get(id, c));
            }
        }
    }

    @Override
    public void embeddingBackward(Tensor dTable, Tensor dOut, Tensor ids) {
        requireMatrix("embeddingBackward", "dOut", dOut, ids.rows(), dTable.columns());
        for (long i = 0; i < ids.rows(); i++) {
            int id = idIn("embeddingBackward", ids, i, dTable.rows());
            for (long c = 0; c < dTable.columns(); c++) {
                dTable.set(id, c, dTable.get(id, c) + dOut.get(i, c));
            }
        }
    }

    static int idIn(String operation, Tensor ids, long i, long bound) {
        int id = ids.getInt(i);
        require(id >= 0 && id < bound, operation, "ids[" + i + "] is " + id + ", outside 0 to " + (bound - 1));
        return id;
    }

    // ------------------------------------------------------------------------------------------------ norms

    @Override
    public void layerNorm(Tensor out, Tensor mean, Tensor rstd, Tensor x, Tensor gain, Tensor bias, float eps) {
        ReferenceNorms.layerNorm(out, mean, rstd, x, gain, bias, eps);
    }

    @Override
    public void layerNormBackward(Tensor dx, Tensor dGain, Tensor dBias, Tensor dOut, Tensor x, Tensor mean, Tensor rstd, Tensor gain) {
        ReferenceNorms.layerNormBackward(dx, dGain, dBias, dOut, x, mean, rstd, gain);
    }

    @Override
    public void rmsNorm(Tensor out, Tensor rstd, Tensor x, Tensor gain, float eps) {
        ReferenceNorms.rmsNorm(out, rstd, x, gain, eps);
    }

    @Override
    public void rmsNormBackward(Tensor dx, Tensor dGain, Tensor dOut, Tensor x, Tensor rstd, Tensor gain) {
        ReferenceNorms.rmsNormBackward(dx, dGain, dOut, x, rstd, gain);
    }

    // ------------------------------------------------------------------------------------------------ linear maps

    @Override
    public void linear(Tensor out, Tensor x, Tensor weight, Tensor bias) {
        requireMatrix("linear", "out", out, x.rows(), weight.rows());
        requireMatrix("linear", "weight", weight, weight.rows(), x.columns());
        int inner = (int) x.columns();
        double[] row = new double[inner];
        double[][] w = widened(weight);
        for (long i = 0; i < x.rows(); i++) {
            for (int k = 0; k < inner; k++) {
                row[k] = x.get(i, k);
            }
            for (int o = 0; o < w.length; o++) {
                double sum = 0;
                double[] wo = w[o];
                for (int k = 0; k < inner; k++) {
                    sum += row[k] * wo[k];
                }
                out.set(i, o, (float) (bias == null ? sum : sum + bias.get(o)));
            }
        }
    }

    private static double[][] widened(Tensor matrix) {
        double[][] rows = new double[(int) matrix.rows()][(int) matrix.columns()];
        for (int i = 0; i < rows.length; i++) {
            for (int k = 0; k < rows[i].length; k++) {
                rows[i][k] = matrix.get(i, k);
            }
        }
        return rows;
    }

    @Override
    public void linearRows(Tensor out, Tensor x, Tensor weight, Tensor bias) {
        linear(out, x, weight, bias);
    }

    @Override
    public void linearBackwardInput(Tensor dx, Tensor dOut, Tensor weight, boolean accumulate) {
        requireMatrix("linearBackwardInput", "dx", dx, dOut.rows(), weight.columns());
        requireMatrix("linearBackwardInput", "weight", weight, dOut.columns(), weight.columns());
        double[][] w = widened(weight);
        int inner = (int) weight.columns();
        double[] sums = new double[inner];
        for (long i = 0; i < dOut.rows(); i++) {
            java.util.Arrays.fill(sums, 0);
            for (int o = 0; o < w.length; o++) {
                double d = dOut.get(i, o);
                for (int k = 0; k < inner; k++) {
                    sums[k] += d * w[o][k];
                }
            }
            for (int k = 0; k < inner; k++) {
                dx.set(i, k, (float) (accumulate ? dx.get(i, k) + sums[k] : sums[k]));
            }
        }
    }

    @Override
    public void linearBackwardWeight(Tensor dWeight, Tensor dOut, Tensor x) {
        requireMatrix("linearBackwardWeight", "dWeight", dWeight, dOut.columns(), x.columns());
        requireMatrix("linearBackwardWeight", "dOut", dOut, x.rows(), dOut.columns());
        double[][] rows = widened(x);
        int inner = (int) x.columns();
        double[] sums = new double[inner];
        for (long o = 0; o < dOut.columns(); o++) {
            java.util.Arrays.fill(sums, 0);
            for (int i = 0; i < rows.length; i++) {
                double d = dOut.get(i, o);
                for (int k = 0; k < inner; k++) {
                    sums[k] += d * rows[i][k];
                }
            }
            for (int k = 0; k < inner; k++) {
                dWeight.set(o, k, (float) (dWeight.get(o, k) + sums[k]));
            }
        }
    }

    @Override
    public void biasBackward(Tensor dBias, Tensor dOut) {
        requireVector("biasBackward", "dBias", dBias, dOut.columns());
        for (long o = 0; o < dOut.columns(); o++) {
            double sum = 0;
            for (long i = 0; i < dOut.rows(); i++) {
                sum += dOut.get(i, o);
            }
            dBias.set(o, (float) (dBias.get(o) + sum));
        }
    }

    // ------------------------------------------------------------------------------------------------ rotary and attention

    @Override
    public void rotary(Tensor qkv, HeadLayout layout, Tensor positions, Tensor table, boolean inverse) {
        ReferenceAttention.rotary(qkv, layout, positions, table, inverse);
    }

    @Override
    public void attention(Tensor out, Tensor lse, Tensor qkv, HeadLayout layout, Tensor starts, float scale) {
        ReferenceAttention.forward(out, lse, qkv, layout, starts, scale);
    }

    @Override
    public void attentionBackward(
            Tensor dQkv, Tensor dOut, Tensor out, Tensor lse, Tensor qkv, HeadLayout layout, Tensor starts, float scale) {
        ReferenceAttention.backward(dQkv, dOut, out, lse, qkv, layout, starts, scale);
    }

    @Override
    public void cacheAppend(Tensor keys, Tensor values, Tensor qkv, HeadLayout layout, long position) {
        ReferenceAttention.cacheAppend(keys, values, qkv, layout, position);
    }

    @Override
    public void attentionDecode(Tensor out, Tensor qkv, HeadLayout layout, Tensor keys, Tensor values, long position, float scale) {
        ReferenceAttention.decode(out, qkv, layout, keys, values, position, scale);
    }

    // ------------------------------------------------------------------------------------------------ elementwise and rows

    @Override
    public void gelu(Tensor out, Tensor x, Gelu kind) {
        requireSame("gelu", "out", out, "x", x);
        for (long i = 0; i < x.size(); i++) {
            double v = x.get(i);
            out.set(i, (float) (kind == Gelu.EXACT ? v * gaussianDistribution(v) : 0.5 * v * (1 + Math.tanh(tanhArgument(v)))));
        }
    }

    @Override
    public void geluBackward(Tensor dx, Tensor dOut, Tensor x, Gelu kind) {
        requireSame("geluBackward", "dx", dx, "x", x);
        requireSame("geluBackward", "dOut", dOut, "x", x);
        for (long i = 0; i < x.size(); i++) {
            double v = x.get(i);
            double slope;
            if (kind == Gelu.EXACT) {
                slope = gaussianDistribution(v) + v * Math.exp(-0.5 * v * v) / Math.sqrt(2 * Math.PI);
            } else {
                double t = Math.tanh(tanhArgument(v));
                slope = 0.5 * (1 + t) + 0.5 * v * (1 - t * t) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * v * v);
            }
            dx.set(i, (float) (dOut.get(i) * slope));
        }
    }

    /** Phi(v), by Commons Math's error function. */
    private static double gaussianDistribution(double v) {
        return 0.5 * org.apache.commons.math3.special.Erf.erfc(-v / Math.sqrt(2));
    }

    private static double tanhArgument(double v) {
        return Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v);
    }

    @Override
    public void swiGlu(Tensor out, Tensor x) {
        requireMatrix("swiGlu", "x", x, out.rows(), 2 * out.columns());
        long channels = out.columns();
        for (long i = 0; i < out.rows(); i++) {
            for (long c = 0; c < channels; c++) {
                double gate = x.get(i, c);
                out.set(i, c, (float) (gate / (1 + Math.exp(-gate)) * x.get(i, channels + c)));
            }
        }
    }

    @Override
    public void swiGluBackward(Tensor dx, Tensor dOut, Tensor x) {
        requireMatrix("swiGluBackward", "x", x, dOut.rows(), 2 * dOut.columns());
        requireSame("swiGluBackward", "dx", dx, "x", x);
        long channels = dOut.columns();
        for (long i = 0; i < dOut.rows(); i++) {
            for (long c = 0; c < channels; c++) {
                double gate = x.get(i, c);
                double up = x.get(i, channels + c);
                double s = 1 / (1 + Math.exp(-gate));
                dx.set(i, c, (float) (dOut.get(i, c) * up * (s + gate * s * (1 - s))));
                dx.set(i, channels + c, (float) (dOut.get(i, c) * gate * s));
            }
        }
    }

    @Override
    public void add(Tensor out, Tensor a, Tensor b) {
        requireSame("add", "out", out, "a", a);
        requireSame("add", "b", b, "a", a);
        for (long i = 0; i < a.size(); i++) {
            out.set(i, a.get(i) + b.get(i));
        }
    }

    @Override
    public void cast(Tensor out, Tensor x) {
        requireSame("cast", "out", out, "x", x);
        for (long i = 0; i < x.size(); i++) {
            out.set(i, x.get(i));
        }
    }

    @Override
    public void gatherRows(Tensor out, Tensor x, Tensor rows) {
        requireMatrix("gatherRows", "out", out, rows.rows(), x.columns());
        for (long i = 0; i < rows.rows(); i++) {
            int row = idIn("gatherRows", rows, i, x.rows());
            for (long c = 0; c < x.columns(); c++) {
                out.set(i, c, x.get(row, c));
            }
        }
    }

    @Override
    public void scatterAddRows(Tensor x, Tensor d, Tensor rows) {
        requireMatrix("scatterAddRows", "d", d, rows.rows(), x.columns());
        for (long i = 0; i < rows.rows(); i++) {
            int row = idIn("scatterAddRows", rows, i, x.rows());
            for (long c = 0; c < x.columns(); c++) {
                x.set(row, c, x.get(row, c) + d.get(i, c));
            }
        }
    }

    // ------------------------------------------------------------------------------------------------ losses over the vocabulary

    @Override
    public void distillForward(
            Divergence divergence,
            RowStatistics statistics,
            Tensor klRef,
            Tensor gap,
            Tensor targetLogits,
            Tensor draftLogits,
            Tensor referenceLogits) {
        ReferenceDivergences.forward(divergence, statistics, klRef, gap, targetLogits, draftLogits, referenceLogits);
    }

    @Override
    public void distillBackward(
            Divergence divergence, Tensor dLogits, Tensor targetLogits, Tensor draftLogits, RowStatistics statistics, Tensor rows, float scale) {
        ReferenceDivergences.backward(divergence, dLogits, targetLogits, draftLogits, statistics, rows, scale);
    }

    @Override
    public void crossEntropy(Tensor loss, Tensor lse, Tensor logits, Tensor targets) {
        ReferenceLosses.crossEntropy(loss, lse, logits, targets);
    }

    @Override
    public void crossEntropyBackward(Tensor dLogits, Tensor logits, Tensor lse, Tensor targets, float scale) {
        ReferenceLosses.crossEntropyBackward(dLogits, logits, lse, targets, scale);
    }

    @Override
    public int select(Tensor keptRows, Tensor gap, double k, SelectionRule rule) {
        return ReferenceLosses.select(keptRows, gap, k, rule);
    }

    // ------------------------------------------------------------------------------------------------ optimiser

    @Override
    public double sumOfSquares(Tensor x) {
        double sum = 0;
        for (long i = 0; i < x.size(); i++) {
            sum += (double) x.get(i) * x.get(i);
        }
        return sum;
    }

    @Override
    public void adamw(
            Tensor param, Tensor grad, Tensor m, Tensor v, float gradScale, float lr, float beta1, float beta2, float eps, float weightDecay, long step) {
        requireSame("adamw", "grad", grad, "param", param);
        requireSame("adamw", "m", m, "param", param);
        requireSame("adamw", "v", v, "param", param);
        double correction1 = 1 - Math.pow(beta1, step);
        double correction2 = Math.sqrt(1 - Math.pow(beta2, step));
        for (long i = 0; i < param.size(); i++) {
            double g = (double) grad.get(i) * gradScale;
            double decayed = param.get(i) * (1 - (double) lr * weightDecay);
            double first = beta1 * (double) m.get(i) + (1 - (double) beta1) * g;
            double second = beta2 * (double) v.get(i) + (1 - (double) beta2) * g * g;
            m.set(i, (float) first);
            v.set(i, (float) second);
            param.set(i, (float) (decayed - lr / correction1 * first / (Math.sqrt(second) / correction2 + eps)));
        }
    }

    // ------------------------------------------------------------------------------------------------ decoding

    @Override
    public void sample(Tensor token, Tensor probability, Tensor logits, List<Draw> draws, int purpose, int index) {
        requireVector("sample", "token", token, logits.rows());
        for (int b = 0; b < draws.size(); b++) {
            Draw draw = draws.get(b);
            double[] law = ReferenceLaw.of(logits, b, logits.columns(), draw);
            token.setInt(b, law == null ? -1 : ReferenceLaw.inverse(law, draw.uniform(purpose, index)));
            if (probability != null) {
                double[] judged = draw.isGreedy() ? ReferenceLaw.of(logits, b, logits.columns(), new Draw(0, 0, 0, 1)) : law;
                probability.set(b, law == null ? Float.NaN : (float) judged[token.getInt(b)]);
            }
        }
    }

    @Override
    public void verify(
            Tensor accepted,
            Tensor next,
            Tensor targetLogits,
            Tensor firstRows,
            Tensor draftLogits,
            Tensor draftTokens,
            Tensor draftLengths,
            long vocabulary,
            List<Draw> draws,
            Verification verification,
            boolean oneHotDraft) {
        ReferenceVerify.verify(
                accepted, next, targetLogits, firstRows, draftLogits, draftTokens, draftLengths, vocabulary, draws, verification, oneHotDraft);
    }
}
