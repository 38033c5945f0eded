package adaspec.model;

import adaspec.ops.Ops;
import adaspec.tensor.Tensor;

/** The norm of an architecture, whichever it is. */
final class Norms {
    private final Ops ops;
    private final Architecture architecture;

    Norms(Ops ops, Architecture architecture) {
        this.ops = ops;
        this.architecture = architecture;
    }

    /**
     * out (N, C) = the norm of x (N, C); rstd (N), and mean (N) where the norm has one, are kept for the backward.
     *
     * @param bias null where the norm has none
     */
    void forward(Tensor out, Tensor mean, Tensor rstd, Tensor x, Tensor gain, Tensor bias) {
        switch (architecture.norm()) {
            case LAYER -> ops.layerNorm(out, mean, rstd, x, gain, bias, architecture.normEps());
            case RMS -> ops.rmsNorm(out, rstd, x, gain, architecture.normEps());
        }
    }

    /** dx (N, C) +=, dGain (C) += and dBias (C) +=. */
    void backward(Tensor dx, Tensor dGain, Tensor dBias, Tensor dOut, Tensor x, Tensor mean, Tensor rstd, Tensor gain) {
        switch (architecture.norm()) {
            case LAYER -> ops.layerNormBackward(dx, dGain, dBias, dOut, x, mean, rstd, gain);
            case RMS -> ops.rmsNormBackward(dx, dGain, dOut, x, rstd, gain);
        }
    }
}
