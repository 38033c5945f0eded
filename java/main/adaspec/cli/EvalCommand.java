package adaspec.cli;

import adaspec.common.AtomicFile;
import adaspec.common.UsageException;
import adaspec.engine.Engine;
import adaspec.engine.EngineOptions;
import adaspec.engine.GenerationSettings;
import adaspec.eval.Acceptance;
import adaspec.eval.AcceptanceTable;
import adaspec.text.Dataset;
import adaspec.text.DatasetFormat;
import adaspec.text.Prompt;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures what a draft gains. */
@picocli.CommandLine.Command(
        name = "eval",
        description = {"Acceptance of a draft, block efficiency and speed-up over the target alone, each with its formula.",
                "Decodes every prompt plainly and speculatively in turn; intervals are bootstraps over prompts."},
        footerHeading = Command.EXAMPLE,
        footer = "  " + Command.RUN + " eval --target runs/target --draft runs/draft --eval-file test.jsonl --num-prompts 100")
public final class EvalCommand extends Command {
    /** Where prompts come from: exactly one of them. */
    static final class Source {
        @Option(names = "--eval-file", paramLabel = "F", required = true, description = "A data set, a JSON object a line; its prompts are used.")
        private Path evalFile;

        @Option(names = "--prompt-file", paramLabel = "F", required = true, description = "Prompts, a JSON object {\"prompt\"} a line.")
        private Path promptFile;

        @Option(names = "--greedy-texts", paramLabel = "F", required = true,
                description = "What `generate --output-json` wrote with the target, greedily: its texts are read once by both models instead of"
                        + " decoded. The same counts, much sooner; nothing is timed. A text that is not the target's is refused.")
        private Path greedyTexts;
    }

    @Option(names = "--target", paramLabel = "DIR", required = true, description = "The target's model directory.")
    private Path target;

    @Option(names = "--draft", paramLabel = "DIR", required = true, description = "The draft's model directory.")
    private Path draft;

    @ArgGroup(multiplicity = "1")
    private Source source;

    @Option(names = "--dataset-format", paramLabel = "NAME", defaultValue = "auto", order = 90,
            description = "Format of --eval-file: auto, gsm8k, mbpp, alpaca, prompt-completion or text. Default: ${DEFAULT-VALUE}.")
    private String datasetFormat;

    @Option(names = "--num-prompts", paramLabel = "N", order = 91, description = "Use the first N prompts. Default: all.")
    private Integer numPrompts;

    @Mixin
    private DecodingOptions decoding;

    @Mixin
    private GenerationOptions generations;

    @Option(names = "--output-json", paramLabel = "F", order = 110,
            description = "Write the result as JSON to this file; - for standard output in place of the table.")
    private String outputJson;

    @Mixin
    private DeviceOptions devices;

    @Override
    public Integer call() {
        check(numPrompts == null || numPrompts >= 1, "--num-prompts " + numPrompts + " is out of range; 1 or more was expected");
        check(source.evalFile != null || !given("--dataset-format"), "--dataset-format goes with --eval-file; a prompt file has only one format");
        Path output = outputJson == null ? null : Path.of(outputJson);
        check(source.greedyTexts == null || decoding.sampling().isGreedy(), "--greedy-texts are greedy; --temperature 0 was expected");
        check(source.greedyTexts == null || generations.stop().isEmpty(), "--stop decides while decoding, and --greedy-texts are decoded already");
        requireApart(output, source.evalFile, source.promptFile, source.greedyTexts, target, draft);
        requireWritable(output);
        DatasetFormat format = format();
        GenerationSettings settings = GenerationSettings.of(decoding.sampling()).withStop(generations.stop());
        decoding.notes(this::given).forEach(log()::println);
        EngineOptions options = decoding.engine(
                devices, Math.min(generations.batchSize(), numPrompts == null ? Integer.MAX_VALUE : numPrompts));
        try (Engine engine = Engine.open(target, draft, options)) {
            Acceptance acceptance = source.greedyTexts == null ? decoded(engine, settings, format) : read(engine);
            String json = acceptance.toJson().toPrettyString() + "\n";
            if ("-".equals(outputJson)) {
                out().print(json);
                return Main.OK;
            }
            out().print(AcceptanceTable.render(acceptance));
            if (outputJson != null) {
                AtomicFile.writeString(Path.of(outputJson), json);
            }
        }
        return Main.OK;
    }

    private Acceptance decoded(Engine engine, GenerationSettings settings, DatasetFormat format) {
        List<Prompt> all = source.promptFile != null ? Prompt.readFile(source.promptFile, engine.requireTokenizer()) : dataset(engine, format);
        List<Prompt> prompts = first(all);
        prompts.forEach(prompt -> Prompts.requireFits(prompt, engine));
        engine.notes().forEach(log()::println);
        log().println(engine.description());
        return engine.evaluate(prompts.stream().map(Prompt::ids).toList(), settings, generations.batchSize(), true, this::progress);
    }

    private Acceptance read(Engine engine) {
        List<WrittenText> texts = first(WrittenText.readFile(source.greedyTexts, engine.requireTokenizer()));
        texts.forEach(text -> Prompts.requireFits(text.prompt(), engine));
        engine.notes().forEach(log()::println);
        log().println(engine.description());
        return engine.evaluateTexts(
                texts.stream().map(text -> text.prompt().ids()).toList(), texts.stream().map(WrittenText::ids).toList(), this::progress);
    }

    private <T> List<T> first(List<T> all) {
        if (numPrompts != null && numPrompts > all.size()) {
            log().println("there are only " + all.size() + " prompts");
        }
        return all.subList(0, numPrompts == null ? all.size() : Math.min(numPrompts, all.size()));
    }

    private DatasetFormat format() {
        try {
            return DatasetFormat.named(datasetFormat);
        } catch (UsageException e) {
            throw e;
        } catch (adaspec.common.InputException e) {
            throw new UsageException("--dataset-format: " + e.getMessage());
        }
    }

    private List<Prompt> dataset(Engine engine, DatasetFormat format) {
        // Only the prompts matter, so nothing is cut here; a prompt that is too long is found below.
        Dataset dataset = Dataset.read(List.of(source.evalFile), format, engine.requireTokenizer(), OptionalInt.empty(), Integer.MAX_VALUE);
        return dataset.samples().stream().map(sample -> sample.evaluationPrompt(engine.requireTokenizer())).toList();
    }

    private void progress(int done) {
        if (verbose() || done % 10 == 0) {
            log().println(done + " prompts done");
        }
    }
}
