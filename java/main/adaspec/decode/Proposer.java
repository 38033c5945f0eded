package adaspec.decode;

import adaspec.tensor.Workspace;
import java.util.function.BooleanSupplier;

/** Guesses the tokens that come next. Whatever it guesses, the output stays the target's; only the speed is at stake. */
public interface Proposer {
    /** Starts a new text, which is read when the first proposal is asked for. */
    void begin(int[] prompt);

    /** How many of a text's {@code length} ids it has not read, aside from the last, which a proposal reads. */
    default int unread(int length) {
        return 0;
    }

    /**
     * Before a proposal: reads what it has not read of {@code committed}, aside from the last id. Where {@code goesOn} becomes false meanwhile,
     * nothing more is asked of this text.
     */
    default void read(int[] committed, BooleanSupplier goesOn) {}

    /**
     * Drafts up to {@code count} tokens to follow {@code committed}, stopping where {@code lengths} says so.
     *
     * @param committed all ids so far, prompt included; it grew by at least one since the last call
     * @param lengths   asked after each token whether the draft goes on, if it wants to be
     * @param step      holds what the proposal refers to
     * @return at most {@code count} tokens; fewer, or none, where the proposer cannot go on
     */
    Proposal propose(int[] committed, int count, DraftLength lengths, Sampling sampling, int sequence, Workspace.Step step);

    /** Forgets what it read of its own last proposal beyond the first {@code length} ids of the text, which were accepted. */
    void rewind(int length);
}
