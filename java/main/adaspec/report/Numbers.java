package adaspec.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Locale;

/** Numbers as people read them. */
final class Numbers {
    private Numbers() {}

    /** Four decimals, as rates near one need; a dash where there is none. */
    static String rate(double value) {
        return format("%.4f", value);
    }

    /** {@link #rate} with its sign. */
    static String difference(double value) {
        return format("%+.4f", value);
    }

    /** Four significant digits. */
    static String significant(double value) {
        if (!Double.isFinite(value)) {
            return "-";
        }
        BigDecimal rounded = new BigDecimal(value).round(new MathContext(4));
        double size = Math.abs(value);
        if (value != 0 && (size < 1e-3 || size >= 1e7)) {
            return tidy(String.format(Locale.ROOT, "%.3e", value));
        }
        String plain = rounded.toPlainString();
        return plain.contains(".") ? plain.replaceFirst("\\.?0+$", "") : plain;
    }

    /** With commas between thousands. */
    static String count(long value) {
        return String.format(Locale.ROOT, "%,d", value);
    }

    static String percent(double share) {
        return format("%.1f %%", 100 * share);
    }

    static String format(String format, double value) {
        return Double.isFinite(value) ? String.format(Locale.ROOT, format, value) : "-";
    }

    /** 3.000e-05 as 3e-5. */
    static String tidy(String scientific) {
        return scientific.replaceFirst("\\.?0*e", "e").replaceFirst("e\\+0*", "e").replaceFirst("e-0*", "e-");
    }
}
