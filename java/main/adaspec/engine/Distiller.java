package adaspec.engine;

import adaspec.common.InputException;
import adaspec.common.UsageException;
import adaspec.decode.DraftSampleMethod;
import adaspec.decode.Sampling;
import adaspec.eval.Acceptance;
import adaspec.eval.Evaluator;
import adaspec.model.Model;
import adaspec.model.Transformer;
import adaspec.report.Report;
import adaspec.tensor.DType;
import adaspec.tensor.Workspace;
import adaspec.text.DatasetFormat;
import adaspec.text.Tokenizer;
import adaspec.train.Distillation;
import adaspec.train.Loss;
import adaspec.train.FrozenModels;
import adaspec.train.MicroBatch;
import adaspec.train.Selection;
import adaspec.train.Teachers;
import adaspec.train.Trainer;
import adaspec.train.TrainingOptions;
import adaspec.train.TrainingStopped;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Distills a draft from a target and measures what was gained.
 *
 * <pre>{@code
 * Distiller distiller = Distiller.builder()
 *         .target(target)
 *         .draft(draft)
 *         .trainFile(trainFile)
 *         .output(output)
 *         .listener(progress)
 *         .stop(() -> System.nanoTime() > deadline)
 *         .build();
 * Distiller.Result result = distiller.run();
 * }</pre>
 *
 * <p>AdaSPEC has two stages, each from the draft as given: the reference learns from every answer token; the selective stage learns from the tokens
 * whose gap to the reference is in the top k. DistillSpec is the first of them alone. The result is left in the output folder: the draft,
 * {@code reference/}, checkpoints, metrics.jsonl, all_results.json, report.html. A distiller may be run by one thread at a time; it has no state
 * between runs.
 */
public final class Distiller {
    /** The drafts that are measured, by their names in all_results.json. */
    public static final String UNTRAINED = "untrained";

    public static final String REFERENCE = "reference";
    public static final String DRAFT = "draft";

    /**
     * @param stages      in the order they ran
     * @param acceptances by {@link #UNTRAINED}, {@link #REFERENCE} (absent for DistillSpec) and {@link #DRAFT}
     */
    public record Result(Path output, Method method, List<Trainer.Outcome> stages, Map<String, Acceptance> acceptances) {}

    private final Builder settings;

    private final StopRequest stop;

    private Distiller(Builder settings) {
        this.settings = settings;
        this.stop = new StopRequest(settings.stop);
        settings.stop = stop;
    }

    public static Builder builder() {
        return new Builder();
    }

    /**
     * The training of the selective stage: with compensation, batches of round(B / k) and E / k epochs, so that about as many tokens bear a loss as
     * without selection, in a step and in all.
     */
    public static TrainingOptions compensated(TrainingOptions options, double k) {
        double batch = options.batchSize() / k;
        if (batch > Integer.MAX_VALUE) {
            throw new UsageException("k = " + k + " with its compensation asks for batches of " + batch + " samples, more than " + Integer.MAX_VALUE
                    + "; give a larger k, or --k-compensation off");
        }
        return options.but().batchSize((int) Math.round(batch)).epochs(options.epochs() / k).build();
    }

    /** Runs on the best device here with all its cores; otherwise as {@link #run(Backend)}. */
    public Result run() {
        try (Backend backend = Backend.open()) {
            return run(backend);
        }
    }

    /** Whether the run in {@code output} has come to its end. */
    public static boolean isComplete(Path output) {
        return Files.exists(output.resolve("all_results.json")) && Files.exists(output.resolve("report.html"));
    }

    /**
     * Runs the stages and the evaluation, on the calling thread. An interrupt of that thread is a request to stop; it is still interrupted
     * afterwards.
     *
     * @throws InputException  if something given cannot be used, a file cannot be written, or the loss is not finite
     * @throws TrainingStopped if the run was asked to stop; a checkpoint is there
     */
    public Result run(Backend backend) {
        return with(backend, Run::run);
    }

    /**
     * What {@link #run} would do: its settings as in config.yaml, and below them, as comments, an estimate of its memory. Nothing is written.
     *
     * @throws InputException if something given cannot be used
     */
    public String plan(Backend backend) {
        return with(backend, Run::plan);
    }

    private <T> T with(Backend backend, Function<Run, T> job) {
        try (var memory = backend.newAllocator();
                var workspace = backend.newWorkspace();
                Model target = Model.open(settings.target, settings.training.precision(), memory);
                Model draft = Model.open(settings.draft, DType.F32, memory);
                Model given = settings.reference == null ? null : Model.open(settings.reference, settings.training.precision(), memory)) {
            return job.apply(new Run(backend, memory, workspace, target, draft, given));
        } finally {
            stop.giveBack();
        }
    }

    /** One run, with everything open. */
    private final class Run {
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

        Run(Backend backend, Workspace.Allocator memory, Workspace workspace, Model target, Model draft, Model given) {
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
            vocabulary = Vocabularies.shared(models);
            for (Model model : models) {
                model.weights().requireFinite(model.directory().toString());
            }
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
                    ? compensated(settings.training, settings.selection.share())
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

        Result run() {
            var caching = new TeacherSource.Settings(
                    settings.teacherCache, maxLength, settings.training, settings.listener, settings.stop, settings.output);
            try (var teachers = new TeacherSource(caching, target, teacher, vocabulary, data, workspace)) {
                return run(teachers);
            }
        }

        private Result run(TeacherSource teachers) {
            RunListener listener = settings.listener;
            // Before anything is trained: without prompts there would be nothing to tell at the end.
            List<int[]> prompts = data.prompts(settings.numPrompts, Limits.positions(target, draft));
            TrainingOptions selective = last();
            boolean comparing = comparesGaps();
            Path output = settings.output;
            RunDirectory.requireApart(output, settings.target, settings.draft, settings.reference);
            teachers.requireRoom(comparing);
            var request = new RunStart.Request(output, stages(), settings.overwrite, settings.resume, settings.arguments);
            start = RunStart.begin(request, runSettings(teachers), backend, listener);
            data.introduction().forEach(listener::note);
            teachers.announce(comparing);

            var stages = new StageRunner(backend, output, start.determining(), listener, settings.stop);
            Path companion = StageRunner.companion(settings.draft, settings.target);
            Map<String, Transformer> drafts = new LinkedHashMap<>();
            drafts.put(UNTRAINED, new Transformer(backend.ops(), draft.weights(), memory));
            Transformer reference = null;
            if (settings.method == Method.ADASPEC) {
                Path trainedReference = output.resolve("reference");
                if (given != null) {
                    reference = frozen(given);
                    drafts.put(REFERENCE, reference);
                } else {
                    StageRunner.Result trained =
                            stage(stages, "reference", trainedReference, companion, settings.training, teachers::withoutReference, Selection.ALL);
                    reference = trained.frozen();
                    drafts.put(REFERENCE, trained.model());
                }
                Transformer frozen = reference;
                Supplier<Teachers> asked = comparing
                        ? () -> teachers.withReference(frozen, given != null ? settings.reference : trainedReference)
                        : teachers::withoutReference;
                drafts.put(DRAFT, stage(stages, "selective", output, companion, selective, asked, settings.selection).model());
            } else {
                StageRunner.Result trained =
                        stage(stages, "distillspec", output, companion, settings.training, teachers::withoutReference, Selection.ALL);
                drafts.put(DRAFT, trained.model());
            }
            Map<String, Acceptance> acceptances = evaluate(drafts, prompts);
            double k = settings.method == Method.ADASPEC ? settings.selection.share() : 1;
            RunResults.write(output, settings.method, k, settings.training.seed(), outcomes, acceptances);
            writeReport(selective, reference, drafts, acceptances);
            return new Result(output, settings.method, List.copyOf(outcomes), acceptances);
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
                    if (settings.stop.getAsBoolean()) {
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
                filters.add(view.of("in the first batch of the selective stage", drafts.get(UNTRAINED)));
                filters.add(view.of("in the same batch with the trained draft", drafts.get(DRAFT)));
            }
            var setting = new RunReport.Setting(
                    settings.method, settings.loss, settings.selection, settings.training, selective, target, draft, given, data, backend);
            RunReport.write(settings.output, setting, outcomes, acceptances, filters);
        }
    }

    /** Settings of a run; target, draft, trainFiles and output must be given. */
    public static final class Builder {
        Path target;
        Path draft;
        Path reference;
        Method method = Method.ADASPEC;
        List<Path> trainFiles = List.of();
        Path evalFile;
        DatasetFormat format;
        int maxLength;
        Selection selection = new Selection(0.4, Selection.Scope.MICRO_BATCH);
        Loss loss = Loss.KL_DIV;
        boolean compensation = true;
        TrainingOptions training = TrainingOptions.builder().build();
        int numPrompts = 100;
        Evaluator.Settings evaluation =
                new Evaluator.Settings(Sampling.greedy(Sampling.DEFAULT_MAX_NEW_TOKENS), 5, DraftSampleMethod.PROBABILISTIC, true);
        CachePlace teacherCache = CachePlace.OFF;
        Path output;
        boolean overwrite;
        ResumeFrom resume;
        List<String> arguments = List.of();
        RunListener listener = RunListener.NONE;
        BooleanSupplier stop = () -> false;

        private Builder() {}

        /** Model directory of the target, with its tokenizer. */
        public Builder target(Path value) {
            target = value;
            return this;
        }

        /** Model directory that every stage starts from. */
        public Builder draft(Path value) {
            draft = value;
            return this;
        }

        /** A reference that is trained already, or null: AdaSPEC trains one. */
        public Builder reference(Path value) {
            reference = value;
            return this;
        }

        /** By default {@link Method#ADASPEC}. */
        public Builder method(Method value) {
            method = Objects.requireNonNull(value, "method");
            return this;
        }

        /** One file of training samples; see {@link #trainFiles}. */
        public Builder trainFile(Path value) {
            return trainFiles(List.of(value));
        }

        /** Training samples, a JSON object a line. */
        public Builder trainFiles(List<Path> value) {
            trainFiles = List.copyOf(value);
            return this;
        }

        /** Held-out samples; null: a share of the training samples, chosen by a hash of their text. */
        public Builder evalFile(Path value) {
            evalFile = value;
            return this;
        }

        /** Null: found out from each file. */
        public Builder format(DatasetFormat value) {
            format = value;
            return this;
        }

        /** Tokens that samples are cut at; 0: 512, or what the models hold if that is less. */
        public Builder maxLength(int value) {
            maxLength = value;
            return this;
        }

        /**
         * The tokens that the selective stage learns from: by default the top 0.4 of the gaps of each micro-batch. Whatever the rule, AdaSPEC trains
         * its reference, which the result is compared with; rules that do not compare with it token by token never ask it in training.
         */
        public Builder selection(Selection value) {
            selection = Objects.requireNonNull(value, "selection");
            return this;
        }

        /** What every stage minimises, by default KL(p || q). */
        public Builder loss(Loss value) {
            loss = Objects.requireNonNull(value, "loss");
            return this;
        }

        /** Whether the selective stage runs {@link Distiller#compensated}. */
        public Builder compensation(boolean value) {
            compensation = value;
            return this;
        }

        /** Of the reference or DistillSpec stage; the selective stage's follows from it. By default that of the command line. */
        public Builder training(TrainingOptions value) {
            training = Objects.requireNonNull(value, "training");
            return this;
        }

        /** The most held-out prompts that are decoded, by default 100. */
        public Builder numPrompts(int value) {
            numPrompts = value;
            return this;
        }

        /** How held-out prompts are decoded. By default greedily, 256 tokens at most, five drafted a step, with times measured. */
        public Builder evaluation(Evaluator.Settings value) {
            evaluation = Objects.requireNonNull(value, "evaluation");
            return this;
        }

        /** Where what the frozen models say is remembered; they run at every step if nowhere. Held-out samples are never cached. */
        public Builder teacherCache(CachePlace value) {
            teacherCache = value;
            return this;
        }

        /** The run's folder: new or empty, unless {@link #overwrite} is set. */
        public Builder output(Path value) {
            output = value;
            return this;
        }

        /** Whether the folder may have an earlier run in it, which is cleared away. */
        public Builder overwrite(boolean value) {
            overwrite = value;
            return this;
        }

        /** Take the run in the output folder up from one of its checkpoints; null: the run is new. */
        public Builder resume(ResumeFrom value) {
            resume = value;
            return this;
        }

        /** The command line, for train_command.txt. */
        public Builder arguments(List<String> value) {
            arguments = List.copyOf(value);
            return this;
        }

        /** Told how the run goes. By default nobody is; {@link RunHistory} keeps it in memory. */
        public Builder listener(RunListener value) {
            listener = Objects.requireNonNull(value, "listener");
            return this;
        }

        /** Asked between steps and between prompts whether to stop, on the thread that runs; it may be told by another. By default: never. */
        public Builder stop(BooleanSupplier value) {
            stop = Objects.requireNonNull(value, "stop");
            return this;
        }

        /** @throws UsageException if something that is needed was not given, or settings contradict each other */
        public Distiller build() {
            if (target == null || draft == null || output == null || trainFiles.isEmpty()) {
                throw new UsageException("a target, a draft, training files and an output folder are needed");
            }
            if (method == Method.DISTILLSPEC && reference != null) {
                throw new UsageException("--reference belongs to --method adaspec; DistillSpec has no reference");
            }
            if (method == Method.DISTILLSPEC && selection.rule() != Selection.Rule.GAP && selection.rule() != Selection.Rule.ALL) {
                throw new UsageException(
                        "--selection " + selection.rule() + " belongs to --method adaspec; DistillSpec learns from every token");
            }
            if (numPrompts < 1) {
                throw new UsageException("--num-prompts " + numPrompts + " is out of range; a whole number of at least 1 was expected");
            }
            Builder copy = new Builder();
            copy.target = target;
            copy.draft = draft;
            copy.reference = reference;
            copy.method = method;
            copy.trainFiles = trainFiles;
            copy.evalFile = evalFile;
            copy.format = format;
            copy.maxLength = maxLength;
            copy.selection = selection;
            copy.loss = loss;
            copy.compensation = compensation;
            copy.training = training;
            copy.numPrompts = numPrompts;
            copy.evaluation = evaluation;
            copy.teacherCache = teacherCache;
            copy.output = output;
            copy.overwrite = overwrite;
            copy.resume = resume;
            copy.arguments = arguments;
            copy.listener = listener;
            copy.stop = stop;
            return new Distiller(copy);
        }
    }
}
