package adaspec.ops;

import static adaspec.ops.ShapeChecks.requireSame;
import static adaspec.ops.ShapeChecks.requireVector;

import adaspec.tensor.Tensor;

/** Norms over a row as loops; see {@link Ops}. */
final class ReferenceNorms {
    private ReferenceNorms() {}

    static void layerNorm(Tensor out, Tensor mean, Tensor rstd, Tensor x, Tensor gain, Tensor bias, float eps) {
        requireSame("layerNorm", "out", out, "x", x);
        requireVector("layerNorm", "gain", gain, x.columns());
        requireVector("layerNorm", "bias", bias, x.columns());
        long channels = x.columns();
        for (long i = 0; i < x.rows(); i++) {
            double sum = 0;
            for (long c = 0; c < channels; c++) {
                sum += x.get(i, c);
            }
            double m = sum / channels;
            double squares = 0;
            for (long c = 0; c < channels; c++) {
                squares += (x.get(i, c) - m) * (x.get(i, c) - m);
            }
            double r = 1 / Math.sqrt(squares / channels + eps);
            mean.set(i, (float) m);
            rstd.set(i, (float) r);
            for (long c = 0; c < channels; c++) {
                out.set(i, c, (float) ((x.get(i, c) - m) * r * gain.get(c) + bias.get(c)));
            }
        }
    }

    static void layerNormBackward(Tensor dx, Tensor dGain, Tensor dBias, Tensor dOut, Tensor x, Tensor mean, Tensor rstd, Tensor gain) {
        requireSame("layerNormBackward", "dx", dx, "x", x);
        requireSame("layerNormBackward", "dOut", dOut, "x", x);
        long channels = x.columns();
        double[] gainSum = new double[(int) channels];
        double[] biasSum = new double[(int) channels];
        for (long i = 0; i < x.rows(); i++) {
            double m = mean.get(i);
            double r = rstd.get(i);
            double sumG = 0; // of g = dOut * gain
            double sumGx = 0; // of g * xhat
            for (long c = 0; c < channels; c++) {
                double xhat = (x.get(i, c) - m) * r;
                double g = (double) dOut.get(i, c) * gain.get(c);
                sumG += g;
                sumGx += g * xhat;
                gainSum[(int) c] += dOut.get(i, c) * xhat;
                biasSum[(int) c] += dOut.get(i, c);
            }
            for (long c = 0; c < channels; c++) {
                double xhat = (x.get(i, c) - m) * r;
                double g = (double) dOut.get(i, c) * gain.get(c);
                dx.set(i, c, (float) (dx.get(i, c) + r * (g - sumG / channels - xhat * sumGx / channels)));
            }
        }
        for (int c = 0; c < channels; c++) {
            dGain.set(c, (float) (dGain.get(c) + gainSum[c]));
            dBias.set(c, (float) (dBias.get(c) + biasSum[c]));
        }
    }

    static void rmsNorm(Tensor out, Tensor rstd, Tensor x, Tensor gain, float eps) {
        requireSame("rmsNorm", "out", out, "x", x);
        requireVector("rmsNorm", "rstd", rstd, x.rows());
        requireVector("rmsNorm", "gain", gain, x.columns());
        for (long i = 0; i < x.rows(); i++) {
            double squares = 0;
            for (long c = 0; c < x.columns(); c++) {
                squares += (double) x.get(i, c) * x.get(i, c);
            }
            double r = 1 / Math.sqrt(squares / x.columns() + eps);
            rstd.set(i, (float) r);
            for (long c = 0; c < x.columns(); c++) {
                out.set(i, c, (float) (x.get(i, c) * r * gain.get(c)));
            }
        }
    }

    static void rmsNormBackward(Tensor dx, Tensor dGain, Tensor dOut, Tensor x, Tensor rstd, Tensor gain) {
        requireSame("rmsNormBackward", "dx", dx, "x", x);
        requireSame("rmsNormBackward", "dOut", dOut, "x", x);
        long channels = x.columns();
        double[] gainSum = new double[(int) channels];
        for (long i = 0; i < x.rows(); i++) {
            double r = rstd.get(i);
            double sum = 0; // of dOut * gain * xhat
            for (long c = 0; c < channels; c++) {
                double xhat = x.get(i, c) * r;
                sum += dOut.get(i, c) * gain.get(c) * xhat;
                gainSum[(int) c] += dOut.get(i, c) * xhat;
            }
            for (long c = 0; c < channels; c++) {
                double g = (double) dOut.get(i, c) * gain.get(c);
                dx.set(i, c, (float) (dx.get(i, c) + r * (g - x.get(i, c) * r * sum / channels)));
            }
        }
        for (int c = 0; c < channels; c++) {
            dGain.set(c, (float) (dGain.get(c) + gainSum[c]));
        }
    }
}
