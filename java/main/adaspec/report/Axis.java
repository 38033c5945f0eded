package adaspec.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A linear scale with round ticks.
 *
 * @param lo    the value at the beginning
 * @param hi    the value at the end, above lo
 * @param step  between ticks: 1, 2 or 5 times a power of ten
 */
public record Axis(double lo, double hi, double step) {
    private static final int TICKS = 5;

    /** A scale that holds all from {@code lo} to {@code hi} and begins and ends at a tick. */
    public static Axis rounded(double lo, double hi) {
        double step = step(lo, hi);
        double first = Math.floor(lo / step + 1e-9) * step;
        double last = Math.ceil(hi / step - 1e-9) * step;
        return new Axis(first, last > first ? last : first + step, step);
    }

    /** A scale from exactly {@code lo} to {@code hi}. */
    public static Axis exact(double lo, double hi) {
        return new Axis(lo, hi > lo ? hi : lo + Math.max(1, Math.abs(lo)), step(lo, hi));
    }

    private static double step(double lo, double hi) {
        double range = hi > lo ? hi - lo : Math.max(Math.abs(lo), 1e-3);
        double rough = range / TICKS;
        double power = Math.pow(10, Math.floor(Math.log10(rough)));
        double digit = rough / power;
        return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
    }

    /** Round values within the scale, ascending. */
    public List<Double> ticks() {
        List<Double> ticks = new ArrayList<>();
        for (long i = (long) Math.ceil(lo / step - 1e-6); i * step <= hi + 1e-6 * step; i++) {
            ticks.add(i * step);
        }
        return ticks;
    }

    /** A tick's text, with the decimals that tell it from its neighbours. */
    public String label(double tick) {
        int decimals = (int) Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
        // Small values, not small differences of large ones.
        if (decimals > 4 && Math.max(Math.abs(lo), Math.abs(hi)) < 100 * step) {
            return Math.abs(tick) < step / 2 ? "0" : Numbers.tidy(String.format(Locale.ROOT, "%.1e", tick));
        }
        return String.format(Locale.ROOT, "%,." + decimals + "f", tick == 0 ? 0.0 : tick);
    }

    /** Where {@code value} lies between {@code from} (lo) and {@code to} (hi). */
    public double place(double value, double from, double to) {
        return from + (value - lo) / (hi - lo) * (to - from);
    }
}
