package adaspec.ops;

/**
 * Losses between the law p of a target and the law q of a draft, by their numbers in {@code adaspec.h}, where their formulas, gradients and infinities
 * are.
 */
public enum Divergence {
    /** KL(p || q). */
    KL_DIV,
    /** KL(q || p). */
    RKL,
    /** Jensen-Shannon: (KL(p || m) + KL(q || m)) / 2, m = (p + q) / 2. */
    JSD,
    /** Total variation: sum |p - q| / 2, which is 1 - acceptance. */
    TV,
    /** Negative log acceptance: -log sum min(p, q), the sum at least 1e-5 (LK losses, arXiv 2602.23881). */
    NLA,
    /** l KL(p || q) + (1 - l) TV with l = exp(-3 acceptance), l a constant in the gradient (LK losses). */
    LK_HYBRID;

    /** As the C ABI numbers it. */
    public int code() {
        return ordinal();
    }

    /** Whether the gradient needs the row's mean of the slope. */
    public boolean hasSlope() {
        return this != KL_DIV;
    }
}
