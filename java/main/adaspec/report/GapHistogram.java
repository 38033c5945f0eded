package adaspec.report;

import java.util.Arrays;
import java.util.List;

/**
 * How many tokens have which gap, the kept ones apart. The first and the last bar also count what lies beyond them: few tokens have gaps so large
 * that the rest would be one bar.
 */
final class GapHistogram {
    private static final int BARS = 40;
    /** Of the tokens, at either end, that share the outermost bars. */
    private static final double TAIL = 0.01;

    private final String title;
    private final GapSample sample;

    GapHistogram(String title, GapSample sample) {
        this.title = title;
        this.sample = sample;
    }

    void write(Markup out) {
        float[] sorted = sample.gaps().clone();
        if (sorted.length == 0) {
            return;
        }
        Arrays.sort(sorted);
        int tail = (int) (TAIL * (sorted.length - 1));
        // The line of the threshold is within the picture.
        double lo = Math.min(sorted[tail], sample.threshold().orElse(sorted[tail]));
        double hi = Math.max(sorted[sorted.length - 1 - tail], sample.threshold().orElse(lo));
        Axis x = Axis.rounded(lo, hi);
        int[] kept = new int[BARS];
        int[] left = new int[BARS];
        for (int i = 0; i < sample.gaps().length; i++) {
            int bar = (int) Math.clamp(Math.floor(x.place(sample.gaps()[i], 0, BARS)), 0, BARS - 1);
            (sample.kept()[i] ? kept : left)[bar]++;
        }
        int most = 0;
        for (int i = 0; i < BARS; i++) {
            most = Math.max(most, kept[i] + left[i]);
        }
        Axis y = Axis.rounded(0, most);
        Chart.begin(out, title, description(sorted));
        Chart.legend(out, List.of(new Chart.Key("kept", "area s1", false), new Chart.Key("not kept", "area rest", false)));
        Chart.vertical(out, y);
        Chart.horizontal(out, x, "gap in nats");
        double width = (Chart.RIGHT - Chart.LEFT) / (double) BARS;
        for (int i = 0; i < BARS; i++) {
            if (kept[i] + left[i] == 0) {
                continue;
            }
            String tip = range(x, i) + ": " + Numbers.count(kept[i] + left[i]) + " tokens, " + Numbers.count(kept[i]) + " kept";
            double split = y.place(left[i], Chart.BOTTOM, Chart.TOP);
            double top = y.place(left[i] + kept[i], Chart.BOTTOM, Chart.TOP);
            if (left[i] > 0) {
                Chart.bar(out, "area rest", Chart.LEFT + i * width, split, width - 1, Chart.BOTTOM - split, tip);
            }
            if (kept[i] > 0) {
                Chart.bar(out, "area s1", Chart.LEFT + i * width, top, width - 1, split - top, tip);
            }
        }
        sample.threshold().ifPresent(value -> {
            double at = x.place(value, Chart.LEFT, Chart.RIGHT);
            Chart.line(out, "threshold", at, Chart.TOP - 8, at, Chart.BOTTOM);
            boolean right = at < (Chart.LEFT + Chart.RIGHT) / 2.0;
            Chart.label(out, right ? "note" : "note left", right ? at + 4 : at - 4, Chart.TOP + 2, "kept from " + Numbers.significant(value) + " on");
        });
        Chart.end(out);
    }

    private static String range(Axis x, int bar) {
        double width = (x.hi() - x.lo()) / BARS;
        String from = Numbers.significant(x.lo() + bar * width);
        String to = Numbers.significant(x.lo() + (bar + 1) * width);
        return bar == 0 ? "gap below " + to : bar == BARS - 1 ? "gap from " + from + " on" : "gap from " + from + " to " + to;
    }

    private String description(float[] sorted) {
        String words = Numbers.count(sorted.length) + " tokens, gaps from " + Numbers.significant(sorted[0]) + " to "
                + Numbers.significant(sorted[sorted.length - 1]) + ", median " + Numbers.significant(sorted[sorted.length / 2]) + "; "
                + Numbers.percent(sample.keptShare()) + " kept";
        return sample.threshold().isPresent() ? words + ", from " + Numbers.significant(sample.threshold().getAsDouble()) + " on" : words;
    }
}
