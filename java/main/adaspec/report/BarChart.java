package adaspec.report;

import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;

/** Shares, from 0 on, in groups: position by position, a bar for each series. */
final class BarChart {
    private record Series(String name, double[] values) {}

    private final String title;
    private final String meaning;
    private final int first;
    private final List<Series> series = new ArrayList<>();

    /**
     * @param meaning of the horizontal axis
     * @param first   the number of the first group
     */
    BarChart(String title, String meaning, int first) {
        this.title = title;
        this.meaning = meaning;
        this.first = first;
    }

    /** @param values one a group; NaN has no bar */
    BarChart series(String name, double[] values) {
        series.add(new Series(name, values));
        return this;
    }

    void write(Markup out) {
        int groups = series.stream().mapToInt(s -> s.values.length).max().orElse(0);
        if (groups == 0) {
            return;
        }
        double greatest = 0;
        var words = new StringJoiner("; ");
        List<Chart.Key> keys = new ArrayList<>();
        for (int i = 0; i < series.size(); i++) {
            var values = new StringJoiner(", ");
            for (double value : series.get(i).values) {
                values.add(Numbers.percent(value));
                greatest = Double.isFinite(value) ? Math.max(greatest, value) : greatest;
            }
            words.add(series.get(i).name + " " + values);
            keys.add(new Chart.Key(series.get(i).name, "area s" + i, false));
        }
        Axis y = Axis.rounded(0, greatest);
        Chart.begin(out, title, words.toString());
        Chart.legend(out, keys);
        Chart.vertical(out, y);
        double group = (Chart.RIGHT - Chart.LEFT) / (double) groups;
        double bar = 0.8 * group / series.size();
        // Texts of many groups would run into each other.
        int every = Math.max(1, (groups + 19) / 20);
        for (int g = 0; g < groups; g++) {
            double x = Chart.LEFT + g * group;
            for (int i = 0; i < series.size(); i++) {
                double value = series.get(i).values[g];
                if (Double.isFinite(value)) {
                    double top = y.place(value, Chart.BOTTOM, Chart.TOP);
                    Chart.bar(out, "area s" + i, x + 0.1 * group + i * bar, top, bar, Chart.BOTTOM - top,
                            series.get(i).name + ", " + meaning + " " + (first + g) + ": " + Numbers.percent(value));
                }
            }
            if (g % every == 0) {
                Chart.label(out, "tick", x + group / 2, Chart.BOTTOM + 18, Integer.toString(first + g));
            }
        }
        Chart.meaning(out, meaning);
        Chart.end(out);
    }
}
