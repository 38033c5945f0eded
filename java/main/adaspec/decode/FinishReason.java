package adaspec.decode;

/** Why a continuation ended. */
public enum FinishReason {
    /** An end token was emitted, or the text reached what it was to stop at. */
    STOP("stop"),
    /** As many tokens as allowed were emitted, or the target has no positions left. */
    LENGTH("length"),
    /** The listener cancelled it. */
    CANCELLED("cancelled");

    private final String text;

    FinishReason(String text) {
        this.text = text;
    }

    /** As results spell it. */
    @Override
    public String toString() {
        return text;
    }
}
