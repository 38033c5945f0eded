package adaspec.cli;

import adaspec.engine.Distiller;
import adaspec.engine.Method;
import adaspec.eval.Acceptance;
import adaspec.eval.PairedDifference;
import java.util.Locale;
import java.util.Map;

/** What a distillation gained, a draft a line. */
final class DistillTable {
    private DistillTable() {}

    /** The table, ending in a line break. */
    static String render(Distiller.Result result) {
        Map<String, Acceptance> measured = result.acceptances();
        Acceptance untrained = measured.get(Distiller.UNTRAINED);
        Acceptance reference = measured.get(Distiller.REFERENCE);
        Acceptance draft = measured.get(Distiller.DRAFT);
        String name = result.method() == Method.ADASPEC ? "AdaSPEC" : "DistillSpec";
        StringBuilder table = new StringBuilder(String.format(
                Locale.ROOT, "%-12s%8s%20s%22s%18s%10s\n", "draft", "alpha", "95 % interval", "expected acceptance", "block efficiency", "speed-up"));
        line(table, "untrained", untrained);
        if (reference != null) {
            line(table, "reference", reference);
        }
        line(table, name, draft);
        if (reference != null) {
            difference(table, "reference - untrained", reference, untrained);
            difference(table, name + " - reference", draft, reference);
        }
        difference(table, name + " - untrained", draft, untrained);
        table.append(String.format(
                Locale.ROOT,
                "%d prompts, greedy, drafts of %s a step; intervals: bootstrap over prompts\n",
                draft.prompts().size(),
                draft.speculation().describe()));
        return table.toString();
    }

    private static void line(StringBuilder table, String name, Acceptance a) {
        table.append(String.format(
                Locale.ROOT,
                "%-12s%8.4f%20s%22.4f%18.3f%10s\n",
                name,
                a.alpha(),
                String.format(Locale.ROOT, "[%.4f, %.4f]", a.alphaInterval().lo(), a.alphaInterval().hi()),
                a.expectedAcceptance(),
                a.stats().meanAcceptanceLength(),
                a.timing() == null ? "-" : String.format(Locale.ROOT, "%.2fx", a.timing().speedup())));
    }

    private static void difference(StringBuilder table, String name, Acceptance a, Acceptance b) {
        PairedDifference paired = PairedDifference.of(a, b);
        table.append(String.format(
                Locale.ROOT,
                "%-24salpha %+.4f, paired interval [%+.4f, %+.4f]\n",
                name,
                paired.difference(),
                paired.interval().lo(),
                paired.interval().hi()));
    }
}
