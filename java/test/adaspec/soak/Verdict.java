package adaspec.soak;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.commons.math3.distribution.TDistribution;

/**
 * Whether a run was flat.
 *
 * @param judged the samples after the warm-up
 * @param trends of the quantities, per hour
 * @param drawn  the trend of the acceptance under sampling, per hour
 * @param wrong  what was not flat, a sentence each
 */
record Verdict(List<Sample> judged, Map<Quantity, Trend> trends, Trend drawn, List<String> wrong) {
    /** Share of the samples that are left out: classes are loaded, code is compiled, caches get as large as the longest text needs. */
    static final double WARM_UP = 0.2;

    /** Of runs whose sampled acceptance does not drift, the share of which it would be said. */
    private static final double FALSE_ALARMS = 5e-4;

    /**
     * @param warmUp share of the samples that are left out
     * @param slack  times the rise of memory beside the heap that is allowed in hours: seconds do not settle it
     */
    static Verdict of(List<Sample> samples, double warmUp, double slack) {
        List<Sample> judged = samples.subList((int) (samples.size() * warmUp), samples.size());
        double[] hours = judged.stream().mapToDouble(Sample::hours).toArray();
        var wrong = new ArrayList<String>();
        var trends = new EnumMap<Quantity, Trend>(Quantity.class);
        for (Quantity quantity : Quantity.values()) {
            Trend trend = Trend.of(hours, judged.stream().mapToDouble(sample -> sample.values().get(quantity)).toArray());
            trends.put(quantity, trend);
            double limit = mostRise(quantity, slack);
            if (!(trend.rise() <= limit)) {
                wrong.add(String.format(
                        Locale.ROOT, "%s grows: by %.2f %s in %.2f h, at most %.2f was expected", quantity.words, trend.rise(), quantity.unit,
                        trend.width(), limit).replace("  ", " "));
            }
        }
        constant("greedy acceptance", judged.stream().map(sample -> sample.acceptance().greedy()).toList(), wrong);
        constant("sampled acceptance of one seed", judged.stream().map(sample -> sample.acceptance().seeded()).toList(), wrong);
        Trend drawn = Trend.of(
                hours, judged.stream().mapToDouble(s -> s.acceptance().accepted() / (double) s.acceptance().judged()).toArray());
        double errors = new TDistribution(judged.size() - 2).inverseCumulativeProbability(1 - FALSE_ALARMS / 2);
        // A few tokens may happen to lie along a line: the error is not below that of as many independent ones.
        double error = Math.max(drawn.error(), binomialError(judged) / drawn.spread());
        if (!(Math.abs(drawn.slope()) <= errors * error)) {
            wrong.add(String.format(Locale.ROOT, "sampled acceptance drifts: by %.4f an hour, %.4f is its standard error", drawn.slope(), error));
        }
        return new Verdict(judged, trends, drawn, wrong);
    }

    /** Of one sample's rate. */
    private static double binomialError(List<Sample> samples) {
        double accepted = samples.stream().mapToLong(sample -> sample.acceptance().accepted()).sum();
        double judged = samples.stream().mapToLong(sample -> sample.acceptance().judged()).sum();
        return Math.sqrt(accepted / judged * (1 - accepted / judged) * samples.size() / judged);
    }

    static double mostRise(Quantity quantity, double slack) {
        boolean settles = quantity == Quantity.RESIDENT || quantity == Quantity.ANONYMOUS || quantity == Quantity.HELD;
        return settles ? slack * quantity.mostRise : quantity.mostRise;
    }

    private static void constant(String what, List<String> values, List<String> wrong) {
        long different = values.stream().filter(value -> !value.equals(values.getFirst())).count();
        if (different > 0 || values.getFirst().contains("/")) {
            wrong.add(what + " changes: " + values.stream().distinct().toList());
        }
    }
}
