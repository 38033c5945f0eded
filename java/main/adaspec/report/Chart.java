package adaspec.report;

import java.util.List;
import java.util.Locale;

/**
 * The frame that pictures share: an SVG drawing with a title, a description for those who do not see it, axes with ticks, and a legend. It scales
 * with the page; lengths are in units of the view box.
 */
final class Chart {
    static final int WIDTH = 440;
    static final int HEIGHT = 250;
    static final int LEFT = 58;
    static final int RIGHT = WIDTH - 14;
    static final int TOP = 38;
    static final int BOTTOM = HEIGHT - 44;

    /** About the width of a letter, in whatever font the reader has. */
    private static final double LETTER = 7.2;

    private Chart() {}

    /** An entry of a legend: a name, and the class of a line or of an area. */
    record Key(String name, String style, boolean line) {}

    /** Begins a figure; {@link #end} closes it. @param description what the picture shows, in words */
    static void begin(Markup out, String title, String description) {
        out.open("figure").leaf("figcaption", title);
        out.open("svg", "viewBox", "0 0 " + WIDTH + " " + HEIGHT, "role", "img", "aria-label", title + ": " + description, "class", "chart");
        out.leaf("desc", description);
    }

    static void end(Markup out) {
        out.close().close().line();
    }

    static void legend(Markup out, List<Key> keys) {
        double x = LEFT;
        for (Key key : keys) {
            if (key.line()) {
                line(out, key.style(), x, 14, x + 22, 14);
            } else {
                out.empty("rect", "class", key.style(), "x", number(x), "y", "8", "width", "22", "height", "11");
            }
            label(out, "legend", x + 27, 18, key.name());
            x += 27 + LETTER * key.name().length() + 12;
        }
    }

    /** Horizontal lines at the ticks of a vertical axis, and their texts. */
    static void vertical(Markup out, Axis axis) {
        for (double tick : axis.ticks()) {
            double y = axis.place(tick, BOTTOM, TOP);
            line(out, "grid", LEFT, y, RIGHT, y);
            label(out, "tick left", LEFT - 6, y + 4, axis.label(tick));
        }
    }

    /** The texts of a horizontal axis, and its meaning. */
    static void horizontal(Markup out, Axis axis, String meaning) {
        for (double tick : axis.ticks()) {
            double x = axis.place(tick, LEFT, RIGHT);
            line(out, "grid", x, BOTTOM, x, BOTTOM + 4);
            label(out, "tick", x, BOTTOM + 18, axis.label(tick));
        }
        meaning(out, meaning);
    }

    static void meaning(Markup out, String meaning) {
        label(out, "meaning", (LEFT + RIGHT) / 2.0, HEIGHT - 6, meaning);
    }

    static void line(Markup out, String style, double x1, double y1, double x2, double y2) {
        out.empty("line", "class", style, "x1", number(x1), "y1", number(y1), "x2", number(x2), "y2", number(y2));
    }

    static void label(Markup out, String style, double x, double y, String text) {
        out.leaf("text", text, "class", style, "x", number(x), "y", number(y));
    }

    /** A bar that says its value when it is pointed at. */
    static void bar(Markup out, String style, double x, double y, double width, double height, String tip) {
        out.open("rect", "class", style, "x", number(x), "y", number(y), "width", number(width), "height", number(Math.max(0, height)));
        out.leaf("title", tip).close();
    }

    /** One decimal is a tenth of a unit: finer than eyes and screens. */
    static String number(double value) {
        String text = String.format(Locale.ROOT, "%.1f", value);
        return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
    }
}
