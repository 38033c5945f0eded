package adaspec.eval;

/** The middle 95 % of a bootstrap's resamples; both ends NaN where no resample had a value. */
public record Interval(double lo, double hi) {
    public boolean excludes(double value) {
        return lo > value || hi < value;
    }
}
