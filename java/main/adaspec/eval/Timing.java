package adaspec.eval;

import adaspec.decode.StepTimes;

/**
 * Measured times.
 *
 * @param plainTokens        tokens the target emitted alone
 * @param plainSeconds       and how long that took, reading the prompts included
 * @param speculativeTokens  tokens emitted with the draft
 * @param speculativeSeconds and how long that took, reading the prompts with both models included
 * @param steps              times of single steps
 */
public record Timing(long plainTokens, double plainSeconds, long speculativeTokens, double speculativeSeconds, StepTimes steps) {

    public double plainTokensPerSecond() {
        return plainTokens / plainSeconds;
    }

    public double speculativeTokensPerSecond() {
        return speculativeTokens / speculativeSeconds;
    }

    /** Speculative over plain tokens per second. */
    public double speedup() {
        return speculativeTokensPerSecond() / plainTokensPerSecond();
    }

    /** c: time of one draft step / time of one target step of one row. */
    public double costRatio() {
        return steps.costRatio();
    }
}
