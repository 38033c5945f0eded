package adaspec.eval;

import adaspec.decode.AcceptanceStats;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** An {@link Acceptance} as a table that people read: name, value, unit, formula. */
public final class AcceptanceTable {
    private record Row(String name, String value, String meaning) {}

    private AcceptanceTable() {}

    /** The table, a line each, ending in a line break. */
    public static String render(Acceptance a) {
        AcceptanceStats stats = a.stats();
        List<Row> rows = new ArrayList<>();
        rows.add(new Row("prompts", Integer.toString(a.prompts().size()), ""));
        rows.add(new Row("tokens", Long.toString(a.numTargetTokens()), "emitted, end of text included; "
                + (a.sampling().isGreedy() ? "greedy" : "temperature " + a.sampling().temperature())));
        rows.add(new Row("num_speculative_tokens", Integer.toString(stats.numSpeculativeTokens()),
                a.speculation().auto() ? "N, the most that is drafted in a step: as many as pay" : "N, drafted in a step"));
        rows.add(new Row("alpha", number(a.alpha()), "accepted / (accepted + steps whose first rejection was seen)"));
        rows.add(new Row("alpha_ci95", "[" + number(a.alphaInterval().lo()) + ", " + number(a.alphaInterval().hi()) + "]", "bootstrap over prompts"));
        rows.add(new Row("expected_acceptance", number(a.expectedAcceptance()), "mean of sum_v min(p_v, q_v), temperature 1"));
        rows.add(new Row("draft_acceptance_rate", number(stats.draftAcceptanceRate()), "accepted " + stats.acceptedTokens() + " / drafted "
                + stats.draftTokens()));
        rows.add(new Row("mean_acceptance_length", number(stats.meanAcceptanceLength()),
                "tokens a step: 1 + accepted / " + stats.steps() + " steps"));
        rows.add(new Row("per position", numbers(stats.acceptanceRatePerPosition()), "accepted at i / steps"));
        rows.add(new Row("conditional", numbers(stats.conditionalAcceptanceRatePerPosition()), "accepted at i / reached i"));
        if (a.timing() != null) {
            Timing t = a.timing();
            rows.add(new Row("plain", number(t.plainTokensPerSecond()), "tokens/s, the target alone"));
            rows.add(new Row("speculative", number(t.speculativeTokensPerSecond()), "tokens/s, with the draft"));
            rows.add(new Row("speedup", number(t.speedup()), "speculative / plain"));
            rows.add(new Row("cost_ratio", number(t.costRatio()), String.format(Locale.ROOT, "c: draft step %.3g ms / target step of one row %.3g ms",
                    t.steps().draftSeconds() * 1e3, t.steps().targetSeconds()[0] * 1e3)));
            rows.add(new Row("w(N)", number(a.verificationCost(stats.numSpeculativeTokens())),
                    "verification of N drafted tokens / target step of one row"));
            rows.add(new Row("break_even_acceptance", number(a.breakEvenAcceptance()), "alpha where (1 - alpha^(N+1)) / (1 - alpha) = N c + w(N)"));
            rows.add(new Row("best_num_speculative_tokens", a.bestNumSpeculativeTokens() < 0 ? "-" : Integer.toString(a.bestNumSpeculativeTokens()),
                    "g of the highest tau / (g c + w(g)), at most " + t.steps().longest() + "; 0: do not speculate"));
        }
        int nameWidth = rows.stream().mapToInt(r -> r.name().length()).max().orElse(0);
        int valueWidth = rows.stream().mapToInt(r -> r.value().length()).max().orElse(0);
        StringBuilder table = new StringBuilder();
        for (Row row : rows) {
            String line = String.format(Locale.ROOT, "%-" + nameWidth + "s  %" + valueWidth + "s  %s", row.name(), row.value(), row.meaning());
            table.append(line.stripTrailing()).append('\n');
        }
        return table.append('\n').append(lengths(a)).toString();
    }

    /** What every draft length would bring. */
    private static String lengths(Acceptance a) {
        if (a.replay().isEmpty()) {
            return "Acceptance at other draft lengths is replayed from greedy texts only; these were sampled.\n";
        }
        StringBuilder table = new StringBuilder("The same texts at every draft length, replayed exactly from one greedy pass:\n");
        table.append(String.format(Locale.ROOT, "%3s  %8s  %8s  %8s  %10s%n", "g", "alpha", "tau", "w(g)", "predicted"));
        int best = a.bestNumSpeculativeTokens();
        for (AcceptanceStats counts : a.replay()) {
            int g = counts.numSpeculativeTokens();
            if (g > Evaluator.LONGEST && g != a.stats().numSpeculativeTokens()) {
                continue;
            }
            double speedup = a.predictedSpeedup(g);
            table.append(String.format(Locale.ROOT, "%3d  %8s  %8s  %8s  %10s%s%n", g, number(counts.alpha()),
                    number(counts.meanAcceptanceLength()), number(a.verificationCost(g)), Double.isNaN(speedup) ? "-" : number(speedup) + "x",
                    g == best ? "  best" : ""));
        }
        return table.append("tau: tokens a step; predicted: speed-up over the target alone, tau / (g c + w(g)), reading the prompt aside\n").toString();
    }

    private static String numbers(double[] values) {
        StringBuilder line = new StringBuilder();
        for (double value : values) {
            line.append(line.isEmpty() ? "" : " ").append(Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%.2f", value));
        }
        return line.toString();
    }

    /** Four significant digits. */
    private static String number(double value) {
        return Double.isFinite(value) ? new java.math.BigDecimal(value).round(new java.math.MathContext(4)).toPlainString() : "-";
    }
}
