package adaspec.soak;

import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/** What a run has shown, in words and tables. */
final class SoakReport {
    private static final int ROWS = 13;

    private SoakReport() {}

    static String of(List<Sample> samples, Verdict verdict, double slack) {
        Sample last = samples.getLast();
        List<Sample> judged = verdict.judged();
        var text = new StringBuilder();
        line(text, "%.2f hours, %.0f s of processor time, %d measurements, of which the last %d are judged. Done in one process: %s.",
                last.hours(), last.processor(), samples.size(), judged.size(), work(last));
        line(text, "");
        line(text, "| quantity | first judged | last | lowest | highest | slope per hour | standard error | rise | most allowed |");
        line(text, "|---|---|---|---|---|---|---|---|---|");
        for (Quantity quantity : Quantity.values()) {
            ToDoubleFunction<Sample> value = sample -> sample.values().get(quantity);
            Trend trend = verdict.trends().get(quantity);
            double most = Verdict.mostRise(quantity, slack);
            line(text, "| %s%s | %.2f | %.2f | %.2f | %.2f | %+.3f | %.3f | %+.2f | %s |", quantity.words,
                    quantity.unit.isEmpty() ? "" : ", " + quantity.unit, value.applyAsDouble(judged.getFirst()), value.applyAsDouble(last),
                    judged.stream().mapToDouble(value).min().getAsDouble(),
                    judged.stream().mapToDouble(value).max().getAsDouble(), trend.slope(), trend.error(), trend.rise(),
                    Double.isInfinite(most) ? "shown only" : String.format(Locale.ROOT, "%.1f", most));
        }
        line(text, "");
        long accepted = judged.stream().mapToLong(sample -> sample.acceptance().accepted()).sum();
        long total = judged.stream().mapToLong(sample -> sample.acceptance().judged()).sum();
        line(text, "Acceptance of the probe: greedy %s, sampled with one seed %s; with another seed each time alpha %.4f over all,"
                + " slope %+.4f per hour, standard error %.4f.",
                distinct(judged, s -> s.acceptance().greedy()), distinct(judged, s -> s.acceptance().seeded()),
                (double) accepted / total, verdict.drawn().slope(), verdict.drawn().error());
        line(text, "");
        line(text, "| minute | resident MB | in use MB | heap MB | code MB | threads | files | regions | greedy | one seed |"
                + " alpha, other seeds |");
        line(text, "|---|---|---|---|---|---|---|---|---|---|---|");
        for (int row = 0; row < ROWS; row++) {
            Sample sample = samples.get(row * (samples.size() - 1) / (ROWS - 1));
            var values = sample.values();
            line(text, "| %.1f | %.1f | %.1f | %.2f | %.1f | %.0f | %.0f | %.0f | %s | %s | %.4f |", sample.hours() * 60,
                    values.get(Quantity.RESIDENT), values.get(Quantity.ANONYMOUS), values.get(Quantity.HEAP), values.get(Quantity.CODE),
                    values.get(Quantity.THREADS), values.get(Quantity.FILES), values.get(Quantity.REGIONS),
                    sample.acceptance().greedy(), sample.acceptance().seeded(),
                    (double) sample.acceptance().accepted() / sample.acceptance().judged());
        }
        line(text, "");
        line(text, verdict.wrong().isEmpty() ? "Flat." : "Not flat:");
        verdict.wrong().forEach(sentence -> line(text, "- %s", sentence));
        return text.toString();
    }

    private static String work(Sample last) {
        long[] done = last.work();
        return String.format(
                Locale.ROOT, "%d texts with %d tokens, %d of them cancelled, %d evaluations, %d engines opened, %d refusals, %d texts begun on an"
                        + " engine just closed",
                done[Load.Count.TEXTS.ordinal()], done[Load.Count.TOKENS.ordinal()], done[Load.Count.CANCELLED.ordinal()],
                done[Load.Count.EVALUATIONS.ordinal()], done[Load.Count.ENGINES.ordinal()], done[Load.Count.REFUSALS.ordinal()],
                done[Load.Count.CLOSED_IN_USE.ordinal()]);
    }

    private static String distinct(List<Sample> samples, Function<Sample, String> value) {
        List<String> values = samples.stream().map(value).distinct().toList();
        return values.size() == 1 ? "always " + values.getFirst() : values.size() + " different results";
    }

    private static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
