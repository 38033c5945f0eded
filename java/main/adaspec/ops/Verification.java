package adaspec.ops;

/** How it is decided how much of a draft stands; the law of what is emitted is the target's under both. */
public enum Verification {
    /** Token by token, to the first rejection (Leviathan et al., ICML 2023; Chen et al., 2023). */
    TOKEN,
    /** The whole draft at once (Sun et al., ICLR 2025): never fewer accepted tokens on average. Equal to TOKEN for drafts of one token and where greedy. */
    BLOCK;

    /** As the C ABI numbers it. */
    public int code() {
        return ordinal();
    }
}
