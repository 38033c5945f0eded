package adaspec.bench;

import adaspec.model.Architecture;
import adaspec.tensor.DType;
import adaspec.train.PhaseClock.Phase;

/**
 * The least time that the phases of a distillation step can take on a machine with given peaks: operations at the rate of large products, or
 * bytes of logits and weights at the bandwidth of reading, whichever is longer. Work that a step does twice counts once; bytes that fit a cache may
 * come sooner.
 *
 * @param target     architecture of the target
 * @param draft      of draft and reference
 * @param sequences  S
 * @param length     tokens of a sequence
 * @param keptRows   answer rows that the draft learns from
 * @param precision  of the products' operands
 * @param remembered whether the target's hidden states and the reference's KL come from a cache
 */
record StepFloors(
        Architecture target, Architecture draft, int sequences, int length, double keptRows, DType precision, boolean remembered, Peaks peaks) {

    double seconds(Phase phase) {
        double n = answerRows();
        double vocabulary = draft.vocabSize();
        double logits = n * vocabulary * DType.F32.bytes();
        double keptLogits = keptRows * vocabulary * DType.F32.bytes();
        return switch (phase) {
            case TARGET_BODY -> remembered ? reading(n * target.hiddenSize() * precision.bytes()) : products(forward(target));
            case REFERENCE_BODY -> remembered ? 0 : products(forward(draft));
            case DRAFT_BODY -> products(forward(draft));
            case TARGET_HEAD -> products(Operations.head(target, n));
            case REFERENCE_HEAD -> remembered ? reading(n * DType.F32.bytes()) : Math.max(products(Operations.head(draft, n)), reading(2 * logits));
            case DRAFT_HEAD -> products(Operations.head(draft, n));
            case LOSS -> reading(2 * logits);
            case SELECTION -> reading(n * DType.F32.bytes());
            // Two matrices are read, one is written.
            case LOSS_GRADIENT -> reading(3 * keptLogits);
            case HEAD_BACKWARD -> products(2 * Operations.head(draft, keptRows));
            case BODY_BACKWARD -> products(2 * forward(draft));
            case OPTIMIZER -> reading(optimizerBytes());
        };
    }

    /** Rows that predict an answer token: all but the last of each sequence. */
    private double answerRows() {
        return (double) sequences * (length - 1);
    }

    private double forward(Architecture model) {
        return Operations.body(model, sequences, length);
    }

    /**
     * A parameter's gradient is zeroed and read for the norm; AdamW reads parameter, gradient and two moments and writes three of them; in bf16 the
     * rounded copy of a parameter is written too.
     */
    private double optimizerBytes() {
        double numbers = 1 + 1 + 4 + 3;
        return draft.parameterCount() * (numbers * DType.F32.bytes() + (precision == DType.F32 ? 0 : precision.bytes()));
    }

    private double products(double operations) {
        return operations / peaks.operations(precision);
    }

    private double reading(double bytes) {
        return bytes / peaks.readBytes();
    }
}
