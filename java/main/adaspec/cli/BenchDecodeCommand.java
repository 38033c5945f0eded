package adaspec.cli;

import adaspec.bench.DecodingBenchmark;
import adaspec.bench.DecodingReport;
import adaspec.bench.Measurement;
import adaspec.bench.ModelSource;
import adaspec.bench.PythiaShape;
import adaspec.common.UsageException;
import adaspec.engine.Backend;
import adaspec.tensor.DType;
import java.nio.file.Path;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measuring decoding. */
@picocli.CommandLine.Command(
        name = "decode",
        description = {"Decoding on random models or your own: plain, a prompt's reading, and speculation, each beside its bound.",
                "Decodes after a text of random ids, one text at a time, greedily: plain tokens per second beside what reading weights and cache"
                        + " allows, the reading of a prompt beside large matrix products, and speculation beside what its parts predict.",
                "Drafted tokens are accepted at a given rate, so what is decoded then is not the target's text; `eval` measures acceptance."},
        footerHeading = Command.EXAMPLE,
        footer = "  " + Command.RUN + " bench decode --shape 160m-31m --synthetic-acceptance 0.8")
public final class BenchDecodeCommand extends Command {
    private static final int TARGET_SEED = 1;
    private static final int DRAFT_SEED = 2;
    private static final int MOST_TOKENS = 1 << 20;

    @Option(names = "--shape", paramLabel = "NAME",
            description = "Random models of Pythia's shapes: 31m, 70m, 160m, 410m, 1b, 1.4b, or tiny and tiny-draft, alone as the target or two with a"
                    + " hyphen, target and draft: 410m-70m. Default: 160m, without --target.")
    private String shape;

    @Option(names = "--target", paramLabel = "DIR", description = "A target of your own instead.")
    private Path target;

    @Option(names = "--draft", paramLabel = "DIR", description = "A draft for it.")
    private Path draft;

    @Option(names = "--synthetic-acceptance", paramLabel = "R",
            description = "Probability that a drafted token is accepted, whatever the models say: not lossless. Needed with a draft, and only then.")
    private Double acceptance;

    @Option(names = "--num-speculative-tokens", paramLabel = "N", defaultValue = "5",
            description = "Tokens the draft proposes in a step. Default: ${DEFAULT-VALUE}.")
    private int draftLength;

    @Option(names = "--context", paramLabel = "N", defaultValue = "128", description = "Tokens before the new ones. Default: ${DEFAULT-VALUE}.")
    private int context;

    @Option(names = "--max-new-tokens", paramLabel = "N", defaultValue = "128", description = "Tokens decoded. Default: ${DEFAULT-VALUE}.")
    private int newTokens;

    @Option(names = "--prefill", paramLabel = "N", defaultValue = "512",
            description = "Tokens of the prompt whose reading is timed. Default: ${DEFAULT-VALUE}.")
    private int prefill;

    @Option(names = "--repetitions", paramLabel = "N", defaultValue = "3",
            description = "Of everything, after one that is not kept. Default: ${DEFAULT-VALUE}.")
    private int repetitions;

    @Option(names = "--output-json", paramLabel = "F", description = "Where the measurements go as a JSON list; - is standard output.")
    private Path outputJson;

    @Mixin
    private DeviceOptions devices;

    @Override
    public Integer call() {
        requireWritable(outputJson);
        DecodingBenchmark.Settings settings = settings();
        try (Backend backend = Backend.open(devices.device(), devices.threads())) {
            backend.notes().forEach(log()::println);
            DecodingReport report = new DecodingBenchmark(settings, backend, log()::println).run();
            BenchCommand.write(report.lines(), Measurement.toJson(report.measurements()), outputJson, out());
        }
        return Main.OK;
    }

    private DecodingBenchmark.Settings settings() {
        check(draft == null || target != null, "--draft is given without --target; give both, or --shape");
        check(shape == null || target == null, "--shape and --target are both given; one of them was expected");
        ModelSource[] models = target == null ? random(shape == null ? "160m" : shape) : directories();
        check(models[1] == null || acceptance != null,
                "there is a draft but no --synthetic-acceptance; a rate from 0 to 1 was expected, since on random ids no acceptance means anything");
        check(models[1] != null || acceptance == null, "--synthetic-acceptance " + acceptance + " is given without a draft; give one, as in 410m-70m");
        check(acceptance == null || acceptance >= 0 && acceptance <= 1,
                "--synthetic-acceptance " + acceptance + " is out of range; a rate from 0 to 1 was expected");
        inRange("--num-speculative-tokens", draftLength, 1024);
        inRange("--context", context, MOST_TOKENS);
        inRange("--max-new-tokens", newTokens, MOST_TOKENS);
        inRange("--prefill", prefill, MOST_TOKENS);
        inRange("--repetitions", repetitions, 1000);
        return new DecodingBenchmark.Settings(
                models[0], models[1], context, newTokens, draftLength, acceptance == null ? 0 : acceptance, prefill, repetitions);
    }

    /** The target and the draft, which may be null. */
    private ModelSource[] directories() {
        DType type = devices.precision().orElse(null);
        return new ModelSource[] {new ModelSource.Directory(target, type), draft == null ? null : new ModelSource.Directory(draft, type)};
    }

    private ModelSource[] random(String names) {
        DType type = devices.precision().orElse(DType.BF16);
        PythiaShape whole = PythiaShape.named(names);
        if (whole != null) {
            return new ModelSource[] {new ModelSource.Random(whole, type, TARGET_SEED), null};
        }
        int hyphen = names.indexOf('-');
        PythiaShape first = hyphen < 0 ? null : PythiaShape.named(names.substring(0, hyphen));
        PythiaShape second = first == null ? null : PythiaShape.named(names.substring(hyphen + 1));
        if (second == null) {
            throw new UsageException("--shape " + names + " is unknown; one of " + String.join(", ", PythiaShape.names())
                    + ", or two of them with a hyphen, was expected");
        }
        return new ModelSource[] {new ModelSource.Random(first, type, TARGET_SEED), new ModelSource.Random(second, type, DRAFT_SEED)};
    }

    private static void inRange(String option, int value, int most) {
        check(value >= 1 && value <= most, option + " " + value + " is out of range; 1 to " + most + " was expected");
    }
}
