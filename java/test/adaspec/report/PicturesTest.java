package adaspec.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.eval.Interval;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;

class PicturesTest {
    private static Page draw(Consumer<Markup> picture) {
        Markup out = new Markup().open("main");
        picture.accept(out);
        return Page.parse(out.close().toString());
    }

    private static Curve curve(double... values) {
        Curve curve = new Curve();
        for (int i = 0; i < values.length; i++) {
            curve.add(i + 1, values[i]);
        }
        return curve;
    }

    @Test
    void pointsOfALineLieWhereTheirValuesAre() {
        Page page = draw(new LineChart("Loss", "step").line("a", curve(0, 1, 0.5)).marks("none", new Curve())::write);
        assertEquals(List.of("a, step 1: 0", "a, step 2: 1", "a, step 3: 0.5"), Page.tips(page.figure("Loss")));
        // From step 0 at the left to step 3 at the right; from 0 at the bottom to 1 at the top.
        List<Element> points = page.named("circle");
        assertEquals(Chart.LEFT + (Chart.RIGHT - Chart.LEFT) / 3.0, Double.parseDouble(points.get(0).getAttribute("cx")), 0.06);
        assertEquals(Chart.RIGHT, Double.parseDouble(points.get(2).getAttribute("cx")), 0.06);
        assertEquals(Chart.BOTTOM, Double.parseDouble(points.get(0).getAttribute("cy")), 0.06);
        assertEquals(Chart.TOP, Double.parseDouble(points.get(1).getAttribute("cy")), 0.06);
        assertEquals((Chart.TOP + Chart.BOTTOM) / 2.0, Double.parseDouble(points.get(2).getAttribute("cy")), 0.06);
        assertEquals(1, page.named("polyline").size());
        assertTrue(page.named("svg").getFirst().getAttribute("aria-label").contains("a from 0 at step 1 to 0.5 at step 3"));
    }

    @Test
    void aChartWithoutValuesIsLeftOut() {
        Page page = draw(new LineChart("Loss", "step").line("a", new Curve())::write);
        assertEquals(0, page.named("figure").size());
        page = draw(new IntervalChart("alpha", "alpha").row("a", Double.NaN, new Interval(Double.NaN, Double.NaN))::write);
        assertEquals(0, page.named("figure").size());
        page = draw(new GapHistogram("Gaps", new GapSample(new float[0], new boolean[0]))::write);
        assertEquals(0, page.named("figure").size());
    }

    @Test
    void aLongCurveIsThinnedByMeansAndSaysSo() {
        double[] values = new double[1050];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        Curve thin = curve(values).thinned(100);
        assertEquals(96, thin.points().size());
        // Eleven neighbours each, steps 1 to 11 first; five are left for the last.
        assertEquals(new Curve.Point(11, 5), thin.points().getFirst());
        assertEquals(new Curve.Point(1050, 1047), thin.points().getLast());
        Page page = draw(new LineChart("Loss", "step").line("a", curve(values))::write);
        assertEquals(96, Page.tips(page.figure("Loss (each point: mean of 11 logged steps)")).size());
        assertEquals(curve(values).points(), curve(values).thinned(1050).points());
    }

    @Test
    void barsSayTheirShares() {
        Page page = draw(new BarChart("By position", "position", 1)
                .series("a", new double[] {0.5, 0.25, Double.NaN})
                .series("b", new double[] {1, 0, 0.125})::write);
        assertEquals(
                List.of("a, position 1: 50.0 %", "b, position 1: 100.0 %", "a, position 2: 25.0 %", "b, position 2: 0.0 %", "b, position 3: 12.5 %"),
                Page.tips(page.figure("By position")));
        double whole = Chart.BOTTOM - Chart.TOP;
        List<Element> bars = page.find(e -> e.getTagName().equals("rect") && e.getElementsByTagName("title").getLength() == 1);
        assertEquals(whole / 2, Double.parseDouble(bars.get(0).getAttribute("height")), 0.06);
        assertEquals(whole, Double.parseDouble(bars.get(1).getAttribute("height")), 0.06);
    }

    @Test
    void intervalsSayTheirBounds() {
        Page page = draw(new IntervalChart("alpha", "alpha").row("a", 0.9, new Interval(0.88, 0.92)).row("b", 0.91, new Interval(0.9, 0.92))::write);
        assertEquals(List.of("a 0.9000 [0.8800, 0.9200]", "b 0.9100 [0.9000, 0.9200]"), Page.tips(page.figure("alpha")));
    }

    @Test
    void aHistogramCountsEveryTokenOnce() {
        Random random = new Random(1);
        int n = 5000;
        float[] gaps = new float[n];
        boolean[] kept = new boolean[n];
        int keptCount = 0;
        for (int i = 0; i < n; i++) {
            gaps[i] = (float) Math.pow(random.nextGaussian(), 3);
            kept[i] = gaps[i] >= 0.1f;
            keptCount += kept[i] ? 1 : 0;
        }
        Page page = draw(new GapHistogram("Gaps", new GapSample(gaps, kept))::write);
        Pattern bar = Pattern.compile("gap .*: ([\\d,]+) tokens, ([\\d,]+) kept");
        long tokens = 0;
        long keptTokens = 0;
        for (String tip : Page.tips(page.figure("Gaps")).stream().distinct().toList()) {
            Matcher m = bar.matcher(tip);
            assertTrue(m.matches(), tip);
            tokens += Long.parseLong(m.group(1).replace(",", ""));
            keptTokens += Long.parseLong(m.group(2).replace(",", ""));
        }
        assertEquals(n, tokens);
        assertEquals(keptCount, keptTokens);
        assertEquals(1, page.styled("threshold").size());
    }

    @Test
    void aThresholdIsToldOnlyWhereThereIsOne() {
        float[] gaps = {0.3f, -0.1f, 0.2f};
        assertEquals(OptionalDouble.of(0.2f), new GapSample(gaps, new boolean[] {true, false, true}).threshold());
        // Kept by the lowest gaps, by chance, or all of them: no gap parts the kept tokens from the others.
        assertEquals(OptionalDouble.empty(), new GapSample(gaps, new boolean[] {false, true, false}).threshold());
        assertEquals(OptionalDouble.empty(), new GapSample(gaps, new boolean[] {true, true, true}).threshold());
        assertEquals(2.0 / 3, new GapSample(gaps, new boolean[] {true, false, true}).keptShare());
        Page page = draw(new GapHistogram("Gaps", new GapSample(gaps, new boolean[] {false, true, false}))::write);
        assertFalse(page.named("figure").isEmpty());
        assertTrue(page.styled("threshold").isEmpty());
    }

    @Test
    void levelsCoverTheKeptGaps() {
        boolean[] kept = {true, true, true, true, true, true, false};
        GapLevels levels = new GapLevels(new GapSample(new float[] {0, 1, 2, 3, 4, 5, -9}, kept));
        assertEquals(1, levels.of(0));
        assertEquals(GapLevels.COUNT, levels.of(100));
        for (double gap = 0; gap < 6; gap += 0.01) {
            assertTrue(levels.of(gap + 0.01) >= levels.of(gap));
        }
        // All kept gaps equal, and none kept.
        assertEquals(1, new GapLevels(new GapSample(new float[] {1, 1}, new boolean[] {true, true})).of(1));
        assertEquals(1, new GapLevels(new GapSample(new float[] {1, 1}, new boolean[] {false, false})).of(1));
    }

    @Test
    void numbersAreShort() {
        assertEquals("0.1235", Numbers.significant(0.123456));
        assertEquals("12340", Numbers.significant(12344));
        assertEquals("3e-5", Numbers.significant(3e-5));
        assertEquals("-1.235e-4", Numbers.significant(-0.00012345678));
        assertEquals("0", Numbers.significant(0));
        assertEquals("1e9", Numbers.significant(1e9));
        assertEquals("100", Numbers.significant(100));
        assertEquals("-", Numbers.significant(Double.NaN));
    }
}
