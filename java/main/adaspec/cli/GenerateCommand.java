package adaspec.cli;

import adaspec.common.AtomicFile;
import adaspec.decode.AcceptanceStats;
import adaspec.engine.Engine;
import adaspec.engine.EngineOptions;
import adaspec.engine.Generation;
import adaspec.engine.GenerationSettings;
import adaspec.text.Prompt;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Continues prompts. */
@picocli.CommandLine.Command(
        name = "generate",
        description = {"Continues prompts with the target; with a draft faster, without changing the output. Streams the text.",
                "A text ends (finish_reason stop) with an end token, which is in the ids and not in the text, or before a --stop string; else (length)"
                        + " after --max-new-tokens tokens, 0 of them allowed, or where prompt and continuation fill the target's positions. A prompt that"
                        + " is empty or longer than the positions is an error.",
                "With --output-json one JSON object a prompt: prompt, text, ids, finish_reason, metrics."},
        footerHeading = Command.EXAMPLE,
        footer = "  " + Command.RUN + " generate --target runs/target --draft runs/draft --prompt \"Tom has 3 apples.\" --max-new-tokens 64")
public final class GenerateCommand extends Command {
    /** Where prompts come from: exactly one of the two. */
    static final class Source {
        @Option(names = "--prompt", paramLabel = "S", required = true, description = "The text to continue.")
        private String prompt;

        @Option(names = "--prompt-file", paramLabel = "F", required = true, description = "Prompts to continue, a JSON object {\"prompt\"} a line.")
        private Path promptFile;
    }

    @Option(names = "--target", paramLabel = "DIR", required = true, description = "The target's model directory.")
    private Path target;

    @Option(names = "--draft", paramLabel = "DIR", description = "The draft's model directory; without one the target decodes alone.")
    private Path draft;

    @ArgGroup(multiplicity = "1")
    private Source source;

    @Mixin
    private DecodingOptions decoding;

    @Mixin
    private GenerationOptions generations;

    @Option(names = "--output-json", paramLabel = "F", order = 110,
            description = "Write JSON lines to this file; - for standard output, and then no text is streamed.")
    private String outputJson;

    @Mixin
    private DeviceOptions devices;

    private boolean readerGone;

    @Override
    public Integer call() {
        if (draft == null) {
            for (String name : List.of(DecodingOptions.NUM_SPECULATIVE_TOKENS, DecodingOptions.VERIFICATION, DecodingOptions.DRAFT_SAMPLE_METHOD)) {
                check(!given(name), name + " is given without --draft; give the draft's model directory, or leave the option out");
            }
        }
        GenerationSettings settings = GenerationSettings.of(decoding.sampling()).withStop(generations.stop());
        decoding.notes(this::given).forEach(log()::println);
        Path output = outputJson == null ? null : Path.of(outputJson);
        requireApart(output, source.promptFile, target, draft);
        requireWritable(output);
        EngineOptions options = decoding.engine(devices, source.promptFile == null ? 1 : generations.inFlight(source.promptFile));
        try (Engine engine = Engine.open(target, draft, options)) {
            List<Prompt> prompts = prompts(engine);
            engine.notes().forEach(log()::println);
            log().println(engine.description());
            if (outputJson == null || outputJson.equals("-")) {
                generate(engine, prompts, settings, line -> out().println(line));
            } else {
                AtomicFile.write(Path.of(outputJson), channel -> {
                    try {
                        generate(engine, prompts, settings, line -> {
                            AtomicFile.writeFully(channel, ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8)));
                        });
                    } catch (UncheckedIOException e) {
                        throw e.getCause();
                    }
                });
            }
        }
        return Main.OK;
    }

    private List<Prompt> prompts(Engine engine) {
        if (source.promptFile != null) {
            return Prompts.read(source.promptFile, engine);
        }
        return List.of(Prompts.requireFits(Prompt.of(source.prompt, engine.requireTokenizer(), null, 0), engine));
    }

    /** Takes a line of JSON. */
    private interface LineSink {
        void line(String json) throws IOException;
    }

    private void generate(Engine engine, List<Prompt> prompts, GenerationSettings settings, LineSink json) {
        var total = new Totals();
        if (generations.batchSize() == 1) {
            for (int i = 0; i < prompts.size(); i++) {
                done(streamed(engine, prompts.get(i), settings.withIndex(i)), json, total);
            }
        } else {
            engine.generateAll(prompts, settings, generations.batchSize(), generation -> {
                if (streaming()) {
                    show(generation.text() + System.lineSeparator());
                }
                done(generation, json, total);
            });
        }
        log().println(total.line());
    }

    private boolean streaming() {
        return !"-".equals(outputJson);
    }

    /** Prints the text as it comes. */
    private Generation streamed(Engine engine, Prompt prompt, GenerationSettings settings) {
        if (!streaming()) {
            return engine.generate(prompt, settings, token -> {});
        }
        var printed = new StringBuilder();
        Generation generation = engine.generate(prompt, settings, token -> {
            if (!token.text().isEmpty()) {
                show(token.text());
                printed.append(token.text());
            }
        });
        show(generation.text().substring(printed.length()) + System.lineSeparator());
        return generation;
    }

    /** Prints a piece of a text. A reader who has had enough ends the command only if no file was asked for. */
    private void show(String text) {
        if (readerGone) {
            return;
        }
        try {
            out().print(text);
            out().flush();
        } catch (StandardOutput.ClosedException e) {
            if (outputJson == null) {
                throw e;
            }
            readerGone = true;
        }
    }

    private void done(Generation generation, LineSink json, Totals total) {
        if (outputJson != null) {
            try {
                json.line(generation.toJson().toString());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        if (!streaming()) {
            out().flush();
        }
        total.add(generation);
    }

    /** What all generations took together. */
    private static final class Totals {
        private final long started = System.nanoTime();
        private AcceptanceStats stats;
        private long tokens;

        void add(Generation generation) {
            tokens += generation.ids().length;
            if (stats == null) {
                stats = new AcceptanceStats(generation.stats().numSpeculativeTokens());
            }
            stats.add(generation.stats());
        }

        String line() {
            double seconds = (System.nanoTime() - started) * 1e-9;
            String line = String.format(Locale.ROOT, "%s in %.2f s, %.1f tokens/s", count(tokens, "token"), seconds, tokens / seconds);
            if (stats != null && stats.steps() > 0) {
                line += String.format(
                        Locale.ROOT,
                        "; alpha %.3f, %d of %d drafted tokens accepted, %.2f tokens a step",
                        stats.alpha(), stats.acceptedTokens(), stats.draftTokens(), stats.meanAcceptanceLength());
            }
            return line;
        }
    }
}
