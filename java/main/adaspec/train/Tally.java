package adaspec.train;

import adaspec.tensor.Tensor;
import adaspec.train.PhaseClock.Phase;

/** Sums over the tokens of an optimiser step or of an evaluation; means are taken at the end. Sums are in double, in token order. */
public final class Tally {
    long tokens;
    long answerTokens;
    long keptTokens;
    double keptLoss;
    double klDraft;
    double klReference;
    double gap;
    double acceptance;
    double crossEntropy;
    boolean distilled;
    boolean hasReference;
    private final PhaseClock clock;

    public Tally() {
        this(new PhaseClock());
    }

    /** A tally whose time is counted by {@code clock}. */
    Tally(PhaseClock clock) {
        this.clock = clock;
    }

    static double sum(Tensor values) {
        double sum = 0;
        for (long i = 0, n = values.rows(); i < n; i++) {
            sum += values.get(i);
        }
        return sum;
    }

    /** Input tokens, padding not among them (there is none). */
    public long tokens() {
        return tokens;
    }

    public long answerTokens() {
        return answerTokens;
    }

    /** Answer tokens that were learned from. */
    public long keptTokens() {
        return keptTokens;
    }

    /** What the gradient is the gradient of, over the step: kept losses divided by the answer tokens or by the kept tokens. */
    public double loss(Normalizer normalizer) {
        return keptLoss / (normalizer == Normalizer.ALL ? answerTokens : keptTokens);
    }

    /** Mean over all answer tokens of the loss before selection: KL(target || draft), or the cross entropy. */
    public double meanLoss() {
        return (distilled ? klDraft : crossEntropy) / answerTokens;
    }

    public double meanKlDraft() {
        return klDraft / answerTokens;
    }

    public double meanKlReference() {
        return klReference / answerTokens;
    }

    public double meanGap() {
        return gap / answerTokens;
    }

    /** Mean over all answer tokens of sum_v min(p_v, q_v). */
    public double expectedAcceptance() {
        return acceptance / answerTokens;
    }

    public double selectedFraction() {
        return (double) keptTokens / answerTokens;
    }

    /** Whether KL, acceptance and selection mean something: a distillation. */
    public boolean isDistilled() {
        return distilled;
    }

    public boolean hasReference() {
        return hasReference;
    }

    /** Where the time went, from when this tally was made. */
    public PhaseClock clock() {
        return clock;
    }

    /** Time spent in the frozen models: bodies, and heads. */
    public double teacherSeconds() {
        return clock.seconds(Phase.TARGET_BODY) + clock.seconds(Phase.TARGET_HEAD) + clock.seconds(Phase.REFERENCE_BODY)
                + clock.seconds(Phase.REFERENCE_HEAD);
    }
}
