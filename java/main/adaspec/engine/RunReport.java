package adaspec.engine;

import adaspec.common.Version;
import adaspec.eval.Acceptance;
import adaspec.model.Architecture;
import adaspec.model.Model;
import adaspec.report.Report;
import adaspec.train.Loss;
import adaspec.train.Selection;
import adaspec.train.Trainer;
import adaspec.train.TrainingOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Gathers what report.html tells about a distillation. */
final class RunReport {
    /**
     * What was run.
     *
     * @param training  of the reference or DistillSpec stage
     * @param selective of the selective stage, with its compensation
     * @param reference a model that was given, or null
     */
    record Setting(
            Method method,
            Loss loss,
            Selection selection,
            TrainingOptions training,
            TrainingOptions selective,
            Model target,
            Model draft,
            Model reference,
            TrainingData data,
            Backend backend) {}

    private RunReport() {}

    /**
     * Writes report.html; its curves are those of the folder's metrics.jsonl.
     *
     * @param acceptances by the names of {@link Distiller}
     * @param filters     what the selection saw; empty for DistillSpec
     */
    static void write(
            Path output, Setting setting, List<Trainer.Outcome> outcomes, Map<String, Acceptance> acceptances, List<Report.Filter> filters) {
        String method = setting.method == Method.ADASPEC ? "AdaSPEC" : "DistillSpec";
        List<Report.Stage> stages = outcomes.stream()
                .map(o -> new Report.Stage(o.stage(), o.steps(), o.tokens(), o.seconds(), o.tokensPerSecond()))
                .toList();
        List<Report.Draft> drafts = new ArrayList<>();
        acceptances.forEach((name, acceptance) -> drafts.add(new Report.Draft(name.equals(Distiller.DRAFT) ? method : name, acceptance)));
        new Report("Distillation with " + method + ": " + output.getFileName(), entries(setting), stages, drafts, filters)
                .write(output.resolve("report.html"), output.resolve("metrics.jsonl"));
    }

    private static List<Report.Entry> entries(Setting s) {
        List<Report.Entry> entries = new ArrayList<>();
        boolean selects = s.method == Method.ADASPEC;
        add(entries, "method", s.method);
        if (selects) {
            add(entries, "selection", s.selection.rule());
            add(entries, "k", s.selection.share());
            add(entries, "selection-scope", s.selection.scope());
        }
        add(entries, "loss", s.loss);
        addTraining(entries, selects ? "reference stage" : "stage", s.training);
        if (selects) {
            addTraining(entries, "selective stage", s.selective);
        }
        add(entries, "loss-normalizer", s.training.normalizer());
        add(entries, "seed", s.training.seed());
        add(entries, "precision", s.training.precision().torchName());
        add(entries, "target", describe(s.target));
        add(entries, "draft", describe(s.draft));
        add(entries, "reference", s.reference == null ? selects ? "trained by this run" : "none" : describe(s.reference));
        add(entries, "trained on", s.data.train().summary());
        add(entries, "held out", s.data.heldOut().size() == 0 ? "nothing" : s.data.heldOut().summary());
        add(entries, "device", s.backend.description());
        add(entries, "version", Version.current());
        return entries;
    }

    private static void addTraining(List<Report.Entry> entries, String stage, TrainingOptions o) {
        add(entries, stage, o.accumulation() + " x " + o.batchSize() + " samples a step, " + o.epochs() + " epochs"
                + (o.maxSteps() > 0 ? ", at most " + o.maxSteps() + " steps" : "") + "\nlearning rate " + o.learningRate() + ", weight decay "
                + o.weightDecay() + ", gradient norm " + (o.maxGradNorm() > 0 ? "clipped to " + o.maxGradNorm() : "not clipped"));
    }

    private static String describe(Model model) {
        long parameters = model.architecture().parameters().stream().mapToLong(Architecture.Parameter::size).sum();
        return model.directory() + String.format(Locale.ROOT, " (%,d parameters, %s)", parameters, model.fileType().torchName());
    }

    private static void add(List<Report.Entry> entries, String name, Object value) {
        entries.add(new Report.Entry(name, value.toString()));
    }
}
