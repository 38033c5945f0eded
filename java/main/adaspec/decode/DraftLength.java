package adaspec.decode;

import adaspec.common.UsageException;

/**
 * Decides how many tokens each round drafts, and hears how the rounds went.
 *
 * <p>The law of the output stays the target's as long as a decision looks only at what happened before it: earlier rounds, the clock, and in a round
 * the tokens drafted so far with the laws they were drawn from. A token that was drawn is therefore never dropped for being itself, only not followed
 * by another; and no two rounds share a random number, so that what an earlier round drew and did not use cannot steer one that uses it again. At
 * temperature 0 the ids are the same for any decisions. Above it, decisions that depend on the clock decide which random number makes a token: the
 * law is the same, and one seed gives other texts from run to run.
 *
 * <p>One decoder's, on its thread; what it has learned carries over from text to text.
 */
public interface DraftLength {
    /** The longest draft it ever asks for. */
    int most();

    /**
     * The most tokens to draft in the next round, up to {@link #most}; 0: the target emits one token alone.
     *
     * @param unread how many ids the draft has to read before it can propose, because it was not asked for a while
     */
    int next(int unread);

    /** Whether {@link #goesOn} wants to be asked. */
    boolean stopsEarly();

    /** Whether the draft goes on after a token to which the draft's law at temperature 1 gives the probability {@code confidence}. */
    boolean goesOn(double confidence);

    /** A draft of {@code tokens} took {@code nanos}, after {@code readNanos} for what was unread. */
    void drafted(int tokens, long nanos, long readNanos);

    /** The target read {@code drafted} + 1 ids and {@code accepted} of the drafted ones stand. */
    void verified(int drafted, int accepted, long nanos);

    /** The target emitted a token alone. */
    void alone(long nanos);

    /** Always {@code length} tokens. */
    static DraftLength fixed(int length) {
        if (length < 1) {
            throw new UsageException("drafts of " + length + " tokens");
        }
        return new DraftLength() {
            @Override
            public int most() {
                return length;
            }

            @Override
            public int next(int unread) {
                return length;
            }

            @Override
            public boolean stopsEarly() {
                return false;
            }

            @Override
            public boolean goesOn(double confidence) {
                return true;
            }

            @Override
            public void drafted(int tokens, long nanos, long readNanos) {}

            @Override
            public void verified(int drafted, int accepted, long nanos) {}

            @Override
            public void alone(long nanos) {}
        };
    }
}
