package adaspec.decode;

import adaspec.tensor.Workspace;
import java.util.function.BooleanSupplier;

/** Guesses the tokens that come next. Whatever it guesses, the output stays the target's; only the speed is at stake. */
public interface Proposer {
    /** Starts a new text. Where {@code goesOn} becomes false meanwhile, nothing more is asked of this text. */
    void begin(int[] prompt, BooleanSupplier goesOn);

    /**
     * Drafts up to {@code count} tokens to follow {@code committed}.
     *
     * @param committed all ids so far, prompt included; it grew by at least one since the last call
     * @param step      holds what the proposal refers to
     * @return at most {@code count} tokens; fewer, or none, where the proposer cannot go on
     */
    Proposal propose(int[] committed, int count, Sampling sampling, int sequence, Workspace.Step step);

    /** Forgets what it read of its own last proposal beyond the first {@code length} ids of the text, which were accepted. */
    void rewind(int length);
}
