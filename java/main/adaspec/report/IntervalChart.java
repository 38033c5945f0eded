package adaspec.report;

import adaspec.eval.Interval;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;

/** Estimates with their intervals, one a row: a mark on a whisker. The axis shows the range of the values, not zero, and its texts say so. */
final class IntervalChart {
    private record Row(String name, double value, Interval interval) {}

    private final String title;
    private final String meaning;
    private final List<Row> rows = new ArrayList<>();

    IntervalChart(String title, String meaning) {
        this.title = title;
        this.meaning = meaning;
    }

    /** A value that does not exist (nothing was judged) is left out. */
    IntervalChart row(String name, double value, Interval interval) {
        if (Double.isFinite(value) && Double.isFinite(interval.lo()) && Double.isFinite(interval.hi())) {
            rows.add(new Row(name, value, interval));
        }
        return this;
    }

    void write(Markup out) {
        if (rows.isEmpty()) {
            return;
        }
        double lo = rows.stream().mapToDouble(r -> Math.min(r.value, r.interval.lo())).min().orElseThrow();
        double hi = rows.stream().mapToDouble(r -> Math.max(r.value, r.interval.hi())).max().orElseThrow();
        Axis axis = Axis.rounded(lo, hi);
        var words = new StringJoiner("; ");
        rows.forEach(r -> words.add(told(r)));
        Chart.begin(out, title, words.toString());
        Chart.horizontal(out, axis, meaning);
        double height = (Chart.BOTTOM - Chart.TOP) / (double) rows.size();
        for (int i = 0; i < rows.size(); i++) {
            Row row = rows.get(i);
            double y = Chart.TOP + (i + 0.5) * height;
            double from = axis.place(row.interval.lo(), Chart.LEFT, Chart.RIGHT);
            double to = axis.place(row.interval.hi(), Chart.LEFT, Chart.RIGHT);
            Chart.line(out, "grid", Chart.LEFT, y, Chart.RIGHT, y);
            Chart.line(out, "draft whisker s" + i, from, y, to, y);
            Chart.line(out, "draft whisker s" + i, from, y - 6, from, y + 6);
            Chart.line(out, "draft whisker s" + i, to, y - 6, to, y + 6);
            out.open("circle", "class", "draft mark s" + i, "cx", Chart.number(axis.place(row.value, Chart.LEFT, Chart.RIGHT)), "cy", Chart.number(y),
                    "r", "5");
            out.leaf("title", told(row)).close();
            Chart.label(out, "legend", Chart.LEFT, y - 12, told(row));
        }
        Chart.end(out);
    }

    private static String told(Row row) {
        return row.name + " " + Numbers.rate(row.value) + " [" + Numbers.rate(row.interval.lo()) + ", " + Numbers.rate(row.interval.hi()) + "]";
    }
}
