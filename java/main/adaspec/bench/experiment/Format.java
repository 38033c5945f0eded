package adaspec.bench.experiment;

import adaspec.eval.Interval;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Numbers as the page has them. */
final class Format {
    private Format() {}

    static String rate(double value) {
        return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%.4f", value);
    }

    static String interval(Interval interval) {
        return Double.isNaN(interval.lo()) ? "" : String.format(Locale.ROOT, "[%.4f, %.4f]", interval.lo(), interval.hi());
    }

    static String signed(double value) {
        return String.format(Locale.ROOT, "%+.4f", value);
    }

    static String signed(Interval interval) {
        return Double.isNaN(interval.lo()) ? "-" : String.format(Locale.ROOT, "[%+.4f, %+.4f]", interval.lo(), interval.hi());
    }

    static String each(double[] values) {
        return Arrays.stream(values).mapToObj(Format::signed).collect(Collectors.joining(" "));
    }

    static String seeds(List<Integer> seeds) {
        return seeds.stream().map(String::valueOf).collect(Collectors.joining(" "));
    }

    static String count(long tokens) {
        return String.format(Locale.ROOT, "%,d", tokens);
    }
}
