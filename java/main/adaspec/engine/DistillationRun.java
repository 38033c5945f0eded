package adaspec.engine;

import adaspec.common.FolderLock;
import adaspec.common.InputException;
import adaspec.eval.Acceptance;
import adaspec.eval.Evaluator;
import adaspec.model.Model;
import adaspec.model.Transformer;
import adaspec.report.Report;
import adaspec.tensor.DType;
import adaspec.tensor.Workspace;
import adaspec.text.Tokenizer;
import adaspec.train.Distillation;
import adaspec.train.FrozenModels;
import adaspec.train.MicroBatch;
import adaspec.train.Selection;
import adaspec.train.Teachers;
import adaspec.train.Trainer;
import adaspec.train.TrainingOptions;
import adaspec.train.TrainingStopped;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** One run, with everything open. */
final class DistillationRun {
    private final Distiller.Builder settings;
    private final Backend backend;
    private final Workspace.Allocator memory;
    private final Workspace workspace;
    private final Model target;
    private final Model draft;
    private final Model given;
    private final int vocabulary;
    private final Transformer teacher;
    private final int maxLength;
    private final TrainingData data;
    private final List<Trainer.Outcome> outcomes = new ArrayList<>();
    private RunStart start;

    /** @param given the reference, or null: AdaSPEC trains one */
    DistillationRun(
            Distiller.Builder settings, Backend backend, Workspace.Allocator memory, Workspace workspace, Model target, Model draft, Model given) {
        this.settings = settings;
        this.backend = backend;
        this.memory = memory;
        this.workspace = workspace;
        this.target = target;
        this.draft = draft;
        this.given = given;
        Model[] models = given == null ? new Model[] {target, draft} : new Model[] {target, draft, given};
        Tokenizer tokenizer = Vocabularies.tokenizerOrNull(settings.target);
        if (tokenizer == null) {
            throw new InputException("there is no tokenizer.json in " + settings.target + "; a model directory with its tokenizer was expected");
        }
        vocabulary = Vocabularies.shared(tokenizer, models);
        teacher = frozen(target);
        maxLength = Limits.maxLength(settings.maxLength, models);
        data = TrainingData.read(
                new TrainingData.Request(settings.trainFiles, settings.evalFile, settings.format, maxLength), tokenizer, target.endTokens());
    }

    /** A model that is only asked, in the precision of the run. */
    private Transformer frozen(Model model) {
        return TeacherSource.frozen(model, settings.training.precision(), backend, memory, settings.listener);
    }

    /** Of the last stage. */
    private TrainingOptions last() {
        return settings.compensation && settings.method == Method.ADASPEC
                ? Distiller.compensated(settings.training, settings.selection.share())
                : settings.training;
    }

    /** Whether the selective stage asks the reference about each token. */
    private boolean comparesGaps() {
        return settings.method == Method.ADASPEC && settings.selection.asksReference();
    }

    String plan() {
        data.prompts(settings.numPrompts, Limits.positions(target, draft));
        boolean compared = settings.method == Method.ADASPEC;
        DType precision = settings.training.precision();
        var memory = new MemoryPlan(precision).open("target", target, precision).open("draft", draft, DType.F32);
        if (given != null) {
            memory.open("reference", given, precision);
        } else if (compared) {
            memory.copy("reference", draft.architecture());
        }
        memory.copy("draft in training", draft.architecture()).optimizer(draft.architecture());
        if (settings.teacherCache.kind() == CachePlace.Kind.MEMORY) {
            long row = (long) target.architecture().hiddenSize() * precision.bytes() + (comparesGaps() ? Float.BYTES : 0);
            memory.cache(data.train().answerTokens() * row);
        }
        TrainingOptions last = last();
        memory.step(draft.architecture(), target.architecture(), data.plan(last), last.logitsBudget(), vocabulary, comparesGaps() ? 3 : 2);
        return RunSettings.of(settings, maxLength, backend).text() + memory.text();
    }

    Distiller.Result run() {
        var caching = new TeacherSource.Settings(
                settings.teacherCache, maxLength, settings.training, settings.listener, this::stopping, settings.output);
        try (var teachers = new TeacherSource(caching, target, teacher, vocabulary, data, workspace)) {
            return run(teachers);
        }
    }

    private Distiller.Result run(TeacherSource teachers) {
        // Before anything is trained: without prompts there would be nothing to tell at the end.
        List<int[]> prompts = data.prompts(settings.numPrompts, Limits.positions(target, draft));
        Path output = settings.output;
        RunDirectory.requireApart(output, settings.target, settings.draft, settings.reference);
        RunDirectory.requireKept(output, settings.overwrite, settings.trainFiles, settings.evalFile);
        teachers.requireRoom(comparesGaps());
        var request = new RunStart.Request(output, stages(), settings.overwrite, settings.resume, last().saveTotalLimit(), settings.arguments);
        try (FolderLock alone = RunStart.enter(request, settings.listener)) {
            return run(teachers, request, prompts);
        }
    }

    private Distiller.Result run(TeacherSource teachers, RunStart.Request request, List<int[]> prompts) {
        RunListener listener = settings.listener;
        TrainingOptions selective = last();
        boolean comparing = comparesGaps();
        Path output = settings.output;
        start = RunStart.begin(request, runSettings(teachers), backend, listener);
        data.introduction().forEach(listener::note);
        teachers.announce(comparing);

        var stages = new StageRunner(backend, output, start.determining(), listener, this::stopping);
        Path companion = StageRunner.companion(settings.draft, settings.target);
        Map<String, Transformer> drafts = new LinkedHashMap<>();
        drafts.put(Distiller.UNTRAINED, new Transformer(backend.ops(), draft.weights(), memory));
        Transformer reference = null;
        if (settings.method == Method.ADASPEC) {
            Path trainedReference = output.resolve("reference");
            if (given != null) {
                reference = frozen(given);
                drafts.put(Distiller.REFERENCE, reference);
            } else {
                StageRunner.Result trained =
                        stage(stages, "reference", trainedReference, companion, settings.training, teachers::withoutReference, Selection.ALL);
                reference = trained.frozen();
                drafts.put(Distiller.REFERENCE, trained.model());
            }
            Transformer frozen = reference;
            Supplier<Teachers> asked = comparing
                    ? () -> teachers.withReference(frozen, given != null ? settings.reference : trainedReference)
                    : teachers::withoutReference;
            drafts.put(Distiller.DRAFT, stage(stages, "selective", output, companion, selective, asked, settings.selection).model());
        } else {
            StageRunner.Result trained =
                    stage(stages, "distillspec", output, companion, settings.training, teachers::withoutReference, Selection.ALL);
            drafts.put(Distiller.DRAFT, trained.model());
        }
        Map<String, Acceptance> acceptances = evaluate(drafts, prompts);
        double k = settings.method == Method.ADASPEC ? settings.selection.share() : 1;
        RunResults.write(output, settings.method, k, settings.training.seed(), outcomes, acceptances);
        writeReport(selective, reference, drafts, acceptances);
        return new Distiller.Result(output, settings.method, List.copyOf(outcomes), acceptances);
    }

    /** Asked after each step, before it is saved: what was learned from models that changed meanwhile is not. */
    private boolean stopping() {
        target.requireUnchanged();
        draft.requireUnchanged();
        if (given != null) {
            given.requireUnchanged();
        }
        return settings.stop.getAsBoolean();
    }

    /** In the order they run. */
    private List<RunStart.Stage> stages() {
        if (settings.method == Method.DISTILLSPEC) {
            return List.of(new RunStart.Stage("distillspec", settings.output));
        }
        var selective = new RunStart.Stage("selective", settings.output);
        return given != null ? List.of(selective) : List.of(new RunStart.Stage("reference", settings.output.resolve("reference")), selective);
    }

    private RunSettings runSettings(TeacherSource teachers) {
        RunSettings run = RunSettings.of(settings, maxLength, backend)
                .fact("the files of --target", RunSettings.hash(target))
                .fact("the files of --draft", RunSettings.hash(draft))
                .fact("the teacher cache", teachers.batches())
                .data(data);
        return run.fact("the reference", given == null ? "one that the run trains" : RunSettings.hash(given));
    }

    private StageRunner.Result stage(
            StageRunner stages, String name, Path folder, Path companion, TrainingOptions options, Supplier<Teachers> teachers,
            Selection selection) {
        StageRunner.Result result = stages.run(
                name,
                folder,
                draft,
                companion,
                options,
                data,
                training -> new Distillation(teachers.get(), training, settings.loss, selection, options.logitsBudget(), workspace),
                start.checkpointOf(name),
                memory);
        outcomes.add(result.outcome());
        return result;
    }

    private Map<String, Acceptance> evaluate(Map<String, Transformer> drafts, List<int[]> prompts) {
        var evaluator = new Evaluator("the target " + settings.target, teacher, target.endTokens(), workspace, backend::newAllocator);
        Map<String, Acceptance> acceptances = new LinkedHashMap<>();
        drafts.forEach((name, model) -> {
            Acceptance acceptance = evaluator.evaluate("the " + name + " draft", model, vocabulary, prompts, settings.evaluation, done -> {
                settings.listener.evaluating(name, done, prompts.size());
                if (stopping()) {
                    throw new TrainingStopped(settings.output.resolve("checkpoint-latest"));
                }
            });
            settings.listener.evaluated(name, acceptance);
            acceptances.put(name, acceptance);
        });
        return acceptances;
    }

    /** With the first batch of the selective stage as its selection saw it, and as it would see it now. */
    private void writeReport(
            TrainingOptions selective, Transformer reference, Map<String, Transformer> drafts, Map<String, Acceptance> acceptances) {
        List<Report.Filter> filters = new ArrayList<>();
        if (reference != null) {
            var models = new FrozenModels(teacher, reference, vocabulary, workspace);
            MicroBatch first = data.plan(selective).step(0).getFirst();
            var view = new FilterView(models, first, settings.loss, settings.selection, data.tokenizer(), selective.logitsBudget(), workspace);
            filters.add(view.of("in the first batch of the selective stage", drafts.get(Distiller.UNTRAINED)));
            filters.add(view.of("in the same batch with the trained draft", drafts.get(Distiller.DRAFT)));
        }
        var setting = new RunReport.Setting(
                settings.method, settings.loss, settings.selection, settings.training, selective, target, draft, given, data, backend);
        RunReport.write(settings.output, setting, outcomes, acceptances, filters);
    }
}
