package adaspec.cli;

import adaspec.common.AtomicFile;
import adaspec.decode.Speculation;
import adaspec.engine.Engine;
import adaspec.engine.EngineOptions;
import adaspec.eval.Losslessness;
import adaspec.eval.LosslessnessCheck;
import adaspec.tensor.DType;
import adaspec.text.Prompt;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Proves that speculation leaves the target's output alone. */
@picocli.CommandLine.Command(
        name = "verify-lossless",
        description = {"Checks on this machine that speculation does not change the target's output.",
                "Greedy ids against plain ones at several draft lengths, the acceptance of a target that drafts for itself (1), and sampled"
                        + " texts against their exact law, with stated power.",
                "Exit code 1 if anything differs."},
        footerHeading = Command.EXAMPLE,
        footer = "  " + Command.RUN + " verify-lossless --target runs/target --draft runs/draft --prompt-file prompts.jsonl \\%n    --output-json lossless.json")
public class VerifyLosslessCommand extends Command {
    private static final int FEWEST_DRAWS = 20_000;
    private static final List<String> PROMPTS = List.of(
            "Tom has 3 apples and buys 4 more. How many apples does he have?", "Once upon a time", "def fibonacci(n):", "The capital of France is");

    @Option(names = "--target", paramLabel = "DIR", required = true, description = "The target's model directory.")
    private Path target;

    @Option(names = "--draft", paramLabel = "DIR", required = true, description = "The draft's model directory.")
    private Path draft;

    @Option(names = "--prompt-file", paramLabel = "F", description = "Prompts, a JSON object {\"prompt\"} a line. Default: four short ones.")
    private Path promptFile;

    @Option(names = "--draws", paramLabel = "N", defaultValue = "" + FEWEST_DRAWS,
            description = "Texts sampled, after the prompt that leaves most open: the more, the smaller a deviation is found. "
                    + "Default: ${DEFAULT-VALUE}, the fewest.")
    private int draws;

    @Option(names = "--output-json", paramLabel = "O",
            description = "Write the result as JSON to this file; - for standard output in place of the table.")
    private String outputJson;

    @Mixin
    private DeviceOptions devices;

    @Override
    public Integer call() {
        check(draws >= FEWEST_DRAWS, "--draws " + draws + " is out of range; " + FEWEST_DRAWS + " or more was expected");
        Path output = outputJson == null ? null : Path.of(outputJson);
        requireApart(output, promptFile, target, draft);
        requireWritable(output);
        var options = new EngineOptions(devices.device(), devices.threads(), devices.precision().orElse(DType.F32), Speculation.defaults());
        try (Engine engine = Engine.open(target, draft, options)) {
            List<Prompt> prompts = promptFile != null ? Prompts.read(promptFile, engine)
                    : Stream.of(PROMPTS.toArray(String[]::new)).map(text -> Prompt.of(text, engine.requireTokenizer(), null, 0)).toList();
            prompts.forEach(prompt -> Prompts.requireFits(prompt, engine));
            engine.notes().forEach(log()::println);
            log().println(engine.description());
            Losslessness found = engine.verifyLossless(prompts.stream().map(Prompt::ids).toList(), draws, decoders(), log()::println);
            String json = found.toJson().toPrettyString() + "\n";
            out().print("-".equals(outputJson) ? json : render(found));
            if (outputJson != null && !"-".equals(outputJson)) {
                AtomicFile.writeString(Path.of(outputJson), json);
            }
            return found.holds() ? Main.OK : Main.FAILED;
        }
    }

    /** What is checked. */
    LosslessnessCheck.Decoders decoders() {
        return LosslessnessCheck.OWN;
    }

    private static String render(Losslessness found) {
        return String.format(Locale.ROOT, """
                greedy           %d of %d prompts differ from plain decoding, 6 ways to draft each (expected: 0)
                self acceptance  %s of the tokens that a target drafts for itself are accepted (expected: 1.0)
                sampling         p-value %.3g over %d draws (expected: at least %.0e)
                                 a law that is %.3f or more away in total variation would have been found with probability %.2f
                %s
                """, found.mismatched(), found.prompts(), found.selfAcceptance(), found.pValue(), found.draws(), Losslessness.LEAST_P_VALUE,
                found.detectableDistance(), Losslessness.POWER,
                found.holds() ? "Speculation does not change the target's output." : "SPECULATION CHANGES THE TARGET'S OUTPUT.");
    }
}
