package adaspec.decode;

import adaspec.common.UsageException;
import adaspec.ops.Verification;

/**
 * How a draft is used.
 *
 * @param numSpeculativeTokens N, tokens drafted in a step, the most of them if {@code auto}
 * @param auto                 whether each step drafts what pays, from times and acceptance while decoding: at a temperature above 0 one seed then
 *                             gives other texts from run to run, of the same law; greedy texts are the same
 * @param draftSampleMethod    how the draft draws when the target samples
 * @param verification         how it is decided how much of a draft stands
 */
public record Speculation(int numSpeculativeTokens, boolean auto, DraftSampleMethod draftSampleMethod, Verification verification) {
    public static final int DEFAULT_NUM_SPECULATIVE_TOKENS = 5;

    private static final String AUTO = "auto";

    /** Drafts beyond this help nobody, and the counts for each position of a draft are kept in memory. */
    public static final int MOST_NUM_SPECULATIVE_TOKENS = 1024;

    /** @throws UsageException if a number is out of its range */
    public Speculation {
        if (numSpeculativeTokens < 1 || numSpeculativeTokens > MOST_NUM_SPECULATIVE_TOKENS) {
            throw outOfRange(numSpeculativeTokens);
        }
    }

    /** Always N tokens. */
    public Speculation(int numSpeculativeTokens, DraftSampleMethod draftSampleMethod, Verification verification) {
        this(numSpeculativeTokens, false, draftSampleMethod, verification);
    }

    /** As many tokens as pay. */
    public static Speculation auto(DraftSampleMethod draftSampleMethod, Verification verification) {
        return new Speculation(AutoDraftLength.LONGEST, true, draftSampleMethod, verification);
    }

    /** @param length a whole number, or {@code auto} */
    public static Speculation parse(String length, DraftSampleMethod draftSampleMethod, Verification verification) {
        if (length.equals(AUTO)) {
            return auto(draftSampleMethod, verification);
        }
        try {
            return new Speculation(Integer.parseInt(length), draftSampleMethod, verification);
        } catch (NumberFormatException e) {
            throw outOfRange(length);
        }
    }

    private static UsageException outOfRange(Object length) {
        return new UsageException("num-speculative-tokens is " + length + "; a whole number from 1 to " + MOST_NUM_SPECULATIVE_TOKENS + " or " + AUTO
                + " was expected");
    }

    /** N, or {@code auto}. */
    public String length() {
        return auto ? AUTO : Integer.toString(numSpeculativeTokens);
    }

    /** {@code 5 tokens}, or the like. */
    public String describe() {
        return auto ? "as many tokens as pay" : numSpeculativeTokens + " tokens";
    }

    /** Decides how many tokens a decoder's steps draft. */
    public DraftLength draftLength() {
        return auto ? new AutoDraftLength() : DraftLength.fixed(numSpeculativeTokens);
    }

    /** N tokens sampled from the draft, verified token by token. */
    public static Speculation of(int numSpeculativeTokens) {
        return new Speculation(numSpeculativeTokens, DraftSampleMethod.PROBABILISTIC, Verification.TOKEN);
    }

    /** Five tokens sampled from the draft, verified token by token. */
    public static Speculation defaults() {
        return of(DEFAULT_NUM_SPECULATIVE_TOKENS);
    }
}
