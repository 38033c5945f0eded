package adaspec.engine;

import adaspec.common.InputException;
import adaspec.common.UsageException;
import adaspec.decode.Sampling;
import adaspec.decode.Speculation;
import adaspec.eval.Acceptance;
import adaspec.eval.Evaluator;
import adaspec.model.Model;
import adaspec.tensor.DType;
import adaspec.text.DatasetFormat;
import adaspec.train.Loss;
import adaspec.train.Selection;
import adaspec.train.Trainer;
import adaspec.train.TrainingOptions;
import adaspec.train.TrainingStopped;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

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
        return with(backend, DistillationRun::run);
    }

    /**
     * What {@link #run} would do: its settings as in config.yaml, and below them, as comments, an estimate of its memory. Nothing is written.
     *
     * @throws InputException if something given cannot be used
     */
    public String plan(Backend backend) {
        return with(backend, DistillationRun::plan);
    }

    private <T> T with(Backend backend, Function<DistillationRun, T> job) {
        try (var memory = backend.newAllocator();
                var workspace = backend.newWorkspace();
                Model target = Model.open(settings.target, settings.training.precision(), memory);
                Model draft = Model.open(settings.draft, DType.F32, memory);
                Model given = settings.reference == null ? null : Model.open(settings.reference, settings.training.precision(), memory)) {
            return job.apply(new DistillationRun(settings, backend, memory, workspace, target, draft, given));
        } finally {
            stop.giveBack();
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
                new Evaluator.Settings(Sampling.greedy(Sampling.DEFAULT_MAX_NEW_TOKENS), Speculation.defaults(), true);
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
