package adaspec.ops;

/** Which rows {@link Ops#select} keeps, by the numbers in {@code adaspec.h}. */
public enum SelectionRule {
    /** The published one: gap &gt;= torch.quantile(gap, 1 - k), with torch's own f32 arithmetic; ties at the threshold are all kept. */
    QUANTILE,
    /** Exactly ceil(k n) rows, of ties those with lower index. */
    COUNT;

    /** As the C ABI numbers it. */
    public int code() {
        return ordinal();
    }
}
