package adaspec.decode;

/** How a draft chooses the tokens it proposes when the target samples; at temperature 0 both are the argmax. */
public enum DraftSampleMethod {
    /** Sampled from the draft's law q under the target's temperature, top-k and top-p; accepted with probability min(1, p/q). */
    PROBABILISTIC,
    /** The draft's argmax; q counts as 1 there, so it is accepted with probability p. */
    GREEDY
}
