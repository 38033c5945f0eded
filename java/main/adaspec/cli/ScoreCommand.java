package adaspec.cli;

import adaspec.engine.Backend;
import adaspec.engine.Scoring;
import adaspec.tensor.DType;
import java.nio.file.Path;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Log-probabilities of given tokens. */
@picocli.CommandLine.Command(
        name = "score",
        description = {"Natural log-probabilities of given tokens under one model, in f32; every row of the head counts in the softmax.",
                "Writes one JSON object a line: ids, logprobs (the first is null), and with --top the most probable tokens after each position."},
        footerHeading = Command.EXAMPLE,
        footer = "  " + Command.RUN + " score --model runs/target --token-ids-file ids.jsonl --output scores.jsonl --top 5")
public final class ScoreCommand extends Command {
    /** What to score: exactly one of the two. */
    static final class Source {
        @Option(names = "--token-ids-file", paramLabel = "F", required = true, description = "One JSON array of token ids a line.")
        private Path tokenIdsFile;

        @Option(names = "--text-file", paramLabel = "F", required = true, description = "One JSON string a line, encoded by the model's tokenizer.")
        private Path textFile;
    }

    @Option(names = "--model", paramLabel = "DIR", required = true, description = "The model directory.")
    private Path model;

    @ArgGroup(multiplicity = "1")
    private Source source;

    @Option(names = "--output", paramLabel = "O", required = true, description = "The file to write; - for standard output.")
    private Path output;

    @Option(names = "--top", paramLabel = "N", description = "Give the N most probable tokens after each position.")
    private Integer top;

    @Mixin
    private DeviceOptions devices;

    @Override
    public Integer call() {
        check(top == null || top >= 1, "--top " + top + " is out of range; 1 or more was expected");
        requireApart(output, source.tokenIdsFile, source.textFile, model);
        DType weights = devices.precision().orElse(DType.F32);
        try (Backend backend = Backend.open(devices.device(), devices.threads())) {
            backend.notes().forEach(log()::println);
            var request = new Scoring.Request(model, source.tokenIdsFile, source.textFile, weights, top == null ? 0 : top);
            int lines = Scoring.run(request, backend, place(output), done -> {});
            log().println("wrote " + place(output) + ": " + count(lines, "line") + ", on " + backend.description());
        }
        return Main.OK;
    }
}
