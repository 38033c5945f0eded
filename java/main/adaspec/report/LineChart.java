package adaspec.report;

import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;

/**
 * Values over steps: lines of what was logged, and marks of what was measured on held-out samples. Series differ by colour and by dashes. Each point
 * says its value when it is pointed at.
 */
final class LineChart {
    /** More points than this are not told apart in the picture: neighbours are averaged, and the caption says so. */
    static final int MOST_POINTS = 100;

    private record Series(String name, Curve curve, boolean marks) {}

    private final String title;
    private final String meaning;
    private final List<Series> series = new ArrayList<>();
    private double least = Double.POSITIVE_INFINITY;
    private double greatest = Double.NEGATIVE_INFINITY;

    /** @param meaning of the horizontal axis */
    LineChart(String title, String meaning) {
        this.title = title;
        this.meaning = meaning;
    }

    /** A connected series; one without points is left out. */
    LineChart line(String name, Curve curve) {
        return add(name, curve, false);
    }

    /** A series of few points, each with a mark. */
    LineChart marks(String name, Curve curve) {
        return add(name, curve, true);
    }

    private LineChart add(String name, Curve curve, boolean marks) {
        if (!curve.isEmpty()) {
            series.add(new Series(name, curve, marks));
        }
        return this;
    }

    /** Makes the vertical axis hold {@code value}. */
    LineChart holding(double value) {
        least = Math.min(least, value);
        greatest = Math.max(greatest, value);
        return this;
    }

    /** Writes the figure; nothing if there is no series. */
    void write(Markup out) {
        if (series.isEmpty()) {
            return;
        }
        int group = series.stream().mapToInt(s -> s.curve.group(MOST_POINTS)).max().orElse(1);
        List<Series> thin = series.stream().map(s -> new Series(s.name, s.curve.thinned(MOST_POINTS), s.marks)).toList();
        double last = 1;
        for (Series s : thin) {
            for (Curve.Point p : s.curve.points()) {
                holding(p.y());
                last = Math.max(last, p.x());
            }
        }
        Axis x = Axis.exact(0, last);
        Axis y = Axis.rounded(least, greatest);
        Chart.begin(out, title + (group > 1 ? " (each point: mean of " + group + " logged steps)" : ""), description());
        List<Chart.Key> keys = new ArrayList<>();
        for (int i = 0; i < thin.size(); i++) {
            keys.add(new Chart.Key(thin.get(i).name, "line s" + i, true));
        }
        Chart.legend(out, keys);
        Chart.vertical(out, y);
        Chart.horizontal(out, x, meaning);
        for (int i = 0; i < thin.size(); i++) {
            write(out, thin.get(i), i, x, y);
        }
        Chart.end(out);
    }

    private void write(Markup out, Series s, int index, Axis xAxis, Axis yAxis) {
        var corners = new StringJoiner(" ");
        for (Curve.Point p : s.curve.points()) {
            corners.add(Chart.number(xAxis.place(p.x(), Chart.LEFT, Chart.RIGHT)) + ","
                    + Chart.number(yAxis.place(p.y(), Chart.BOTTOM, Chart.TOP)));
        }
        boolean single = s.curve.points().size() == 1;
        if (!single) {
            out.empty("polyline", "class", "line s" + index, "points", corners.toString());
        }
        for (Curve.Point p : s.curve.points()) {
            out.open("circle", "class", (s.marks || single ? "mark s" : "hit s") + index,
                    "cx", Chart.number(xAxis.place(p.x(), Chart.LEFT, Chart.RIGHT)),
                    "cy", Chart.number(yAxis.place(p.y(), Chart.BOTTOM, Chart.TOP)),
                    "r", "4");
            out.leaf("title", s.name + ", " + meaning + " " + Numbers.significant(p.x()) + ": " + Numbers.significant(p.y())).close();
        }
        out.line();
    }

    private String description() {
        var text = new StringJoiner("; ");
        for (Series s : series) {
            Curve.Point first = s.curve.points().getFirst();
            Curve.Point last = s.curve.points().getLast();
            text.add(s.name + " from " + Numbers.significant(first.y()) + " at " + meaning + " " + Numbers.significant(first.x()) + " to "
                    + Numbers.significant(last.y()) + " at " + meaning + " " + Numbers.significant(last.x()));
        }
        return text.toString();
    }
}
