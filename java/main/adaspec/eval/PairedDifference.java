package adaspec.eval;

/**
 * alpha of one draft minus alpha of another for the same target and prompts.
 *
 * @param difference of the two alphas
 * @param interval   by bootstrap over prompts, each drawn for both drafts at once: prompts that are hard for both do not widen it
 */
public record PairedDifference(double difference, Interval interval) {

    /** {@code a} minus {@code b}, which must come from the same prompts in the same order. */
    public static PairedDifference of(Acceptance a, Acceptance b) {
        if (a.prompts().size() != b.prompts().size()) {
            throw new IllegalArgumentException(a.prompts().size() + " prompts cannot be paired with " + b.prompts().size());
        }
        return new PairedDifference(
                a.alpha() - b.alpha(),
                Bootstrap.difference(
                        Acceptance.accepted(a.prompts()),
                        Acceptance.judged(a.prompts()),
                        Acceptance.accepted(b.prompts()),
                        Acceptance.judged(b.prompts())));
    }
}
