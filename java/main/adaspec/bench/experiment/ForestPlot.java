package adaspec.bench.experiment;

import adaspec.eval.Interval;
import adaspec.report.Axis;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Estimates with their intervals, one a row, as an SVG file that stands alone; with a line at a value that the reader looks for. */
final class ForestPlot {
    private static final int WIDTH = 820;
    private static final int LEFT = 250;
    private static final int RIGHT = WIDTH - 200;
    private static final int ROW = 26;
    private static final int TOP = 44;

    /** @param seeds the value of each seed, drawn as small marks */
    private record Row(String name, double value, Interval interval, double[] seeds) {}

    private final String title;
    private final String meaning;
    private final double line;
    private final List<Row> rows = new ArrayList<>();

    /**
     * @param meaning of the axis
     * @param line    where a vertical line is drawn; NaN: nowhere
     */
    ForestPlot(String title, String meaning, double line) {
        this.title = title;
        this.meaning = meaning;
        this.line = line;
    }

    ForestPlot row(String name, double value, Interval interval, double... seeds) {
        rows.add(new Row(name, value, interval, seeds));
        return this;
    }

    boolean isEmpty() {
        return rows.isEmpty();
    }

    /** The file's text. */
    String svg() {
        double least = Double.isNaN(line) ? Double.POSITIVE_INFINITY : line;
        double greatest = Double.isNaN(line) ? Double.NEGATIVE_INFINITY : line;
        for (Row row : rows) {
            least = Math.min(least, Math.min(row.value, Double.isNaN(row.interval.lo()) ? row.value : row.interval.lo()));
            greatest = Math.max(greatest, Math.max(row.value, Double.isNaN(row.interval.hi()) ? row.value : row.interval.hi()));
            for (double seed : row.seeds) {
                least = Math.min(least, seed);
                greatest = Math.max(greatest, seed);
            }
        }
        Axis axis = Axis.rounded(least, greatest);
        int bottom = TOP + ROW * rows.size();
        int height = bottom + 50;
        var out = new StringBuilder();
        add(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %1$d %2$d\" width=\"%1$d\" height=\"%2$d\""
                + " font-family=\"sans-serif\" font-size=\"13\">", WIDTH, height);
        add(out, "<title>%s</title>", escaped(title));
        add(out, "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>", WIDTH, height);
        add(out, "<text x=\"12\" y=\"22\" font-size=\"15\" fill=\"#111111\">%s</text>", escaped(title));
        for (double tick : axis.ticks()) {
            double x = x(tick, axis);
            add(out, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#dddddd\"/>", x, TOP - 8, x, bottom);
            add(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" fill=\"#555555\">%s</text>", x, bottom + 18, axis.label(tick));
        }
        if (!Double.isNaN(line)) {
            double x = x(line, axis);
            add(out, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#333333\" stroke-dasharray=\"4 3\"/>", x, TOP - 8, x, bottom);
        }
        for (int i = 0; i < rows.size(); i++) {
            row(out, rows.get(i), TOP + i * ROW + ROW / 2.0 - 6, axis);
        }
        add(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" fill=\"#333333\">%s</text>", (LEFT + RIGHT) / 2.0, bottom + 40, escaped(meaning));
        return out.append("</svg>\n").toString();
    }

    private static void row(StringBuilder out, Row row, double y, Axis axis) {
        add(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\" fill=\"#111111\">%s</text>", LEFT - 14, y + 4, escaped(row.name));
        String told = String.format(Locale.ROOT, "%.4f", row.value);
        if (!Double.isNaN(row.interval.lo())) {
            add(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#1f5fa8\" stroke-width=\"2\"/>",
                    x(row.interval.lo(), axis), y, x(row.interval.hi(), axis), y);
            told += String.format(Locale.ROOT, " [%.4f, %.4f]", row.interval.lo(), row.interval.hi());
        }
        for (double seed : row.seeds) {
            add(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2\" fill=\"#e08a1e\"/>", x(seed, axis), y);
        }
        add(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" fill=\"#1f5fa8\"/>", x(row.value, axis), y);
        add(out, "<text x=\"%d\" y=\"%.1f\" font-size=\"12\" fill=\"#333333\">%s</text>", RIGHT + 14, y + 4, told);
    }

    private static double x(double value, Axis axis) {
        return axis.place(value, LEFT, RIGHT);
    }

    private static void add(StringBuilder out, String format, Object... values) {
        out.append(String.format(Locale.ROOT, format, values)).append('\n');
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
