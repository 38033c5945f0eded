package adaspec.cli;

import adaspec.common.UsageException;
import adaspec.decode.Sampling;
import adaspec.decode.Speculation;
import adaspec.device.Device;
import adaspec.engine.Backend;
import adaspec.engine.CachePlace;
import adaspec.engine.DefaultAssets;
import adaspec.engine.Distiller;
import adaspec.engine.Method;
import adaspec.engine.ResumeFrom;
import adaspec.eval.Evaluator;
import adaspec.train.Loss;
import adaspec.train.Normalizer;
import adaspec.train.Selection;
import adaspec.train.TrainingStopped;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The main job: a draft that agrees with its target. */
@picocli.CommandLine.Command(
        name = "distill",
        description = {"Distills a draft from a target, then measures the acceptance of the untrained draft, the reference and the result.",
                "Without options: the target, the draft and the data that the engine brings along."},
        footerHeading = Command.EXAMPLE,
        footer = {"  " + Command.RUN + " distill --target runs/target --draft runs/draft \\",
                "    --train-file train.jsonl --output-dir runs/adaspec"})
public final class DistillCommand extends Command {
    private static final double LEARNING_RATE = 3e-4;

    /** {@code on} or {@code off}. */
    enum Switch {
        ON,
        OFF;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Finds a constant by the spelling of its toString, which has hyphens. */
    private static <T extends Enum<T>> T named(String value, T[] constants) {
        for (T constant : constants) {
            if (constant.toString().equals(value)) {
                return constant;
            }
        }
        String all = Arrays.stream(constants).map(T::toString).collect(Collectors.joining(", "));
        throw new TypeConversionException("expected one of " + all + " but was '" + value + "'");
    }

    static final class RuleConverter implements ITypeConverter<Selection.Rule> {
        @Override
        public Selection.Rule convert(String value) {
            return named(value, Selection.Rule.values());
        }
    }

    static final class ScopeConverter implements ITypeConverter<Selection.Scope> {
        @Override
        public Selection.Scope convert(String value) {
            return named(value, Selection.Scope.values());
        }
    }

    @Option(names = "--target", paramLabel = "DIR", order = 1, description = "The target's model directory, with its tokenizer.")
    private Path target;

    @Option(names = "--draft", paramLabel = "DIR", order = 2, description = "The draft's model directory: every stage starts from it.")
    private Path draft;

    @Option(names = "--reference", paramLabel = "DIR", order = 3, description = "A trained reference; its stage is skipped.")
    private Path reference;

    @Option(names = "--method", paramLabel = "M", defaultValue = "adaspec", order = 4,
            description = "adaspec (reference stage, then the tokens with the largest gap to it) or distillspec (every token)."
                    + " Default: ${DEFAULT-VALUE}.")
    private Method method;

    @Option(names = "--k", paramLabel = "K", order = 5, description = "Share of the answer tokens to learn from, above 0 to 1. Default: 0.4.")
    private Double k;

    @Option(names = "--selection", paramLabel = "RULE", defaultValue = "gap", converter = RuleConverter.class, order = 6,
            description = "Tokens to learn from: the share k with the largest gap, gap-bottom (the smallest), random, draft-loss (the largest loss),"
                    + " student-entropy (the draft's largest entropy), or all. Only gap and gap-bottom ask the reference in training; it is trained"
                    + " all the same, for the comparison at the end. Default: ${DEFAULT-VALUE}.")
    private Selection.Rule selection;

    @Option(names = "--selection-scope", paramLabel = "SCOPE", defaultValue = "micro-batch", converter = ScopeConverter.class, order = 7,
            description = "Tokens that are ranked together: micro-batch, batch (an optimiser step) or sequence. Default: ${DEFAULT-VALUE}.")
    private Selection.Scope scope;

    @Option(names = "--loss", paramLabel = "L", defaultValue = "kl_div", order = 8,
            description = "What every stage minimises, p the target's law and q the draft's: kl_div KL(p||q), rkl KL(q||p), jsd (Jensen-Shannon),"
                    + " tv (total variation), nla (-log sum min(p, q)), lk_hybrid (kl_div and tv, weighted by the acceptance), ce (cross entropy of"
                    + " the answer token). Default: ${DEFAULT-VALUE}.")
    private Loss loss;

    @Option(names = "--loss-normalizer", paramLabel = "N", defaultValue = "all", order = 9,
            description = "The sum of kept losses is divided by all answer tokens of the step, or by the selected ones. Default: ${DEFAULT-VALUE}.")
    private Normalizer normalizer;

    @Option(names = "--k-compensation", paramLabel = "S", defaultValue = "on", order = 10,
            description = "on: the selective stage runs batches of round(B/k) and E/k epochs; off: B and E. Default: ${DEFAULT-VALUE}.")
    private Switch compensation;

    @Option(names = "--teacher-cache", paramLabel = "P", order = 11,
            description = "Ask target and reference about the training samples once: off, memory, or a folder that later runs use too. Default: off.")
    private String teacherCache;

    @Option(names = "--num-prompts", paramLabel = "N", order = 300, description = "Held-out prompts to evaluate with. Default: 100.")
    private Integer numPrompts;

    @Option(names = "--max-new-tokens", paramLabel = "N", order = 301, description = "Most tokens of a continuation in the evaluation. Default: 256.")
    private Integer maxNewTokens;

    @Option(names = "--num-speculative-tokens", paramLabel = "N|auto", defaultValue = "5", order = 302,
            description = "Tokens the draft proposes in a step of the evaluation; auto: as many as pay. Default: ${DEFAULT-VALUE}.")
    private String numSpeculativeTokens;

    @Mixin
    private TrainingFlags training;

    @Mixin
    private DeviceOptions devices;

    @Override
    public Integer call() {
        check((target == null) == (draft == null), "--target and --draft belong together; give both, or neither for the models that come along");
        check(target == null || !training.trainFiles().isEmpty(), "--train-file is missing");
        check(target != null || reference == null, "--reference needs --target and --draft");
        List<Path> trainFiles = training.trainFiles();
        Path evalFile = training.evalFile();
        if (target == null) {
            DefaultAssets assets = DefaultAssets.open(Device.cacheFolder());
            target = assets.target();
            draft = assets.draft();
            complete(assets.options());
            if (trainFiles.isEmpty()) {
                trainFiles = List.of(assets.trainFile());
                evalFile = evalFile == null ? assets.evalFile() : evalFile;
            }
        }
        double share = k == null ? 0.4 : k;
        check(share > 0 && share <= 1, "--k " + share + " is out of range; a number above 0 and at most 1 was expected");
        Speculation speculation = Speculation.parse(numSpeculativeTokens, Speculation.defaults().draftSampleMethod(), Speculation.defaults().verification());
        var sampling = Sampling.greedy((int) TrainingFlags.atLeastOne("--max-new-tokens", maxNewTokens == null ? 256 : maxNewTokens));
        Path output = training.outputDir();
        if (ResumeFrom.LATEST.equals(training.resume()) && Distiller.isComplete(output)) {
            log().println("the run in " + output + " is complete: there is nothing to resume");
            return Main.OK;
        }
        try (var interrupts = Interrupts.listen(log())) {
            Distiller distiller = Distiller.builder()
                    .target(target)
                    .draft(draft)
                    .reference(reference)
                    .method(method)
                    .trainFiles(trainFiles)
                    .evalFile(evalFile)
                    .format(training.datasetFormat())
                    .maxLength(training.modelMaxLength())
                    .loss(loss)
                    .selection(new Selection(selection, share, scope, training.seed()))
                    .compensation(compensation == Switch.ON)
                    .training(training.options(LEARNING_RATE).normalizer(normalizer).precision(TrainingFlags.precision(devices)).build())
                    .numPrompts((int) TrainingFlags.atLeastOne("--num-prompts", numPrompts == null ? 100 : numPrompts))
                    .evaluation(new Evaluator.Settings(sampling, speculation, true))
                    .teacherCache(CachePlace.parse(teacherCache == null ? "off" : teacherCache))
                    .output(output)
                    .overwrite(training.overwrite())
                    .resume(training.resume())
                    .arguments(typed())
                    .listener(new RunLog(log()))
                    .stop(interrupts)
                    .build();
            try (Backend backend = Backend.open(devices.device(), devices.threads())) {
                backend.notes().forEach(log()::println);
                log().println("device: " + backend.description());
                if (training.plan()) {
                    out().print(distiller.plan(backend));
                    return Main.OK;
                }
                Distiller.Result result = distiller.run(backend);
                out().print(DistillTable.render(result));
                log().println("results are in " + output);
                return Main.OK;
            }
        } catch (TrainingStopped stopped) {
            log().println("interrupted; the state is in " + stopped.checkpoint());
            return Main.INTERRUPTED;
        }
    }

    /** The options that suit the models that come along, where the user gave none. */
    private void complete(Map<String, String> options) {
        List<String> said = new ArrayList<>();
        options.forEach((name, value) -> {
            if (!given("--" + name)) {
                said.add("--" + name + " " + value);
            }
        });
        log().println("the models and data that come along" + (said.isEmpty() ? "" : ", with " + String.join(" ", said)));
        training.complete(options);
        teacherCache = teacherCache == null ? options.get("teacher-cache") : teacherCache;
        k = k == null && options.containsKey("k") ? Double.valueOf(options.get("k")) : k;
        numPrompts = numPrompts == null && options.containsKey("num-prompts") ? Integer.valueOf(options.get("num-prompts")) : numPrompts;
        maxNewTokens = maxNewTokens == null && options.containsKey("max-new-tokens") ? Integer.valueOf(options.get("max-new-tokens")) : maxNewTokens;
    }
}
