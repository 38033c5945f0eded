package adaspec.report;

import java.util.Arrays;

/** Equal steps of the gap, from the least that was kept to one that few kept tokens exceed: the colours of a text. */
final class GapLevels {
    static final int COUNT = 5;
    /** Of the kept tokens, that the last level begins below. */
    private static final double MOST = 0.95;

    private final double lo;
    private final double width;

    GapLevels(GapSample sample) {
        double[] kept = new double[sample.gaps().length];
        int count = 0;
        for (int i = 0; i < kept.length; i++) {
            if (sample.kept()[i]) {
                kept[count++] = sample.gaps()[i];
            }
        }
        kept = Arrays.copyOf(kept, count);
        Arrays.sort(kept);
        lo = count == 0 ? 0 : kept[0];
        width = count == 0 ? 0 : (kept[(int) (MOST * (count - 1))] - lo) / COUNT;
    }

    /** 1 to {@value #COUNT}. */
    int of(double gap) {
        return width > 0 ? 1 + (int) Math.clamp(Math.floor((gap - lo) / width), 0, COUNT - 1) : 1;
    }

    /** The level in words. */
    String range(int level) {
        String from = Numbers.significant(round(lo + (level - 1) * width));
        return level == COUNT ? "from " + from : from + " to " + Numbers.significant(round(lo + level * width));
    }

    /** To the decimals that tell a level from the next. */
    private double round(double value) {
        if (width <= 0) {
            return value;
        }
        double unit = Math.pow(10, Math.floor(Math.log10(width)) - 1);
        return Math.round(value / unit) * unit;
    }
}
