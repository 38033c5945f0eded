package adaspec.bench;

import adaspec.common.Json;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;

/**
 * A measured number with its spread.
 *
 * @param name      what was measured
 * @param shape     on what, in words
 * @param value     the figure: the median of the repetitions
 * @param unit      of value, min, median and max
 * @param peakShare value's share of what the machine can do, or NaN where there is nothing to compare with
 * @param device    where, in words
 */
public record Measurement(
        String name, String shape, double value, String unit, double min, double median, double max, double peakShare, String device) {
    /** The median of {@code values}, at least one, as the figure. */
    public static Measurement of(String name, String shape, double[] values, String unit, double peakShare, String device) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        double median = median(sorted);
        return new Measurement(name, shape, median, unit, sorted[0], median, sorted[sorted.length - 1], peakShare, device);
    }

    /** The middle of {@code sorted}, or the mean of the two in the middle. */
    static double median(double[] sorted) {
        int n = sorted.length;
        return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    }

    private ObjectNode toJson() {
        ObjectNode node = Json.MAPPER.createObjectNode();
        node.put("name", name).put("shape", shape).put("value", value).put("unit", unit);
        node.put("min", min).put("median", median).put("max", max);
        if (Double.isNaN(peakShare)) {
            node.putNull("peak_share");
        } else {
            node.put("peak_share", peakShare);
        }
        return node.put("device", device);
    }

    /** All of them as a list. */
    public static ArrayNode toJson(List<Measurement> measurements) {
        ArrayNode list = Json.MAPPER.createArrayNode();
        measurements.forEach(measurement -> list.add(measurement.toJson()));
        return list;
    }
}
