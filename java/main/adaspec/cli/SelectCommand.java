package adaspec.cli;

import adaspec.engine.Backend;
import adaspec.engine.SelectionInspection;
import adaspec.train.Selection;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The filter made visible. */
@picocli.CommandLine.Command(
        name = "select",
        description = {"The filter made visible: for each predicted token the KL of draft and reference to the target, their gap, and kept or not.",
                "Writes one JSON object a line: ids, kl_draft, kl_ref, gap, kept; entry i is about the prediction of ids[i+1]."},
        footerHeading = Command.EXAMPLE,
        footer = {"  " + Command.RUN + " select --target runs/target --draft runs/draft --reference runs/reference \\",
                "    --token-ids-file ids.jsonl --k 0.4 --selection-scope batch --output selected.jsonl"})
public final class SelectCommand extends Command {
    /** The groups that a threshold can be taken over here. */
    enum Scope {
        BATCH,
        SEQUENCE;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Option(names = "--target", paramLabel = "DIR", required = true, description = "The target's model directory.")
    private Path target;

    @Option(names = "--draft", paramLabel = "DIR", required = true, description = "The draft's model directory.")
    private Path draft;

    @Option(names = "--reference", paramLabel = "DIR", required = true, description = "The reference's model directory.")
    private Path reference;

    @Option(names = "--token-ids-file", paramLabel = "F", required = true, description = "One JSON array of token ids a line.")
    private Path tokenIdsFile;

    @Option(names = "--loss-start-file", paramLabel = "S",
            description = "One integer s of at least 1 a line: the predictions of ids[s] and later count, earlier ones are null. Default: 1.")
    private Path lossStartFile;

    @Option(names = "--k", paramLabel = "K", defaultValue = "0.4",
            description = "Share of the tokens to keep, above 0 to 1. Default: ${DEFAULT-VALUE}.")
    private double k;

    @Option(names = "--selection-scope", paramLabel = "SCOPE", defaultValue = "batch",
            description = "Tokens that are ranked together: batch (the whole file) or sequence (a line). Default: ${DEFAULT-VALUE}.")
    private Scope scope;

    @Option(names = "--output", paramLabel = "O", required = true, description = "The file to write; - for standard output.")
    private Path output;

    @Mixin
    private DeviceOptions deviceOptions;

    @Override
    public Integer call() {
        check(k > 0 && k <= 1, "--k " + k + " is out of range; a number above 0 and at most 1 was expected");
        requireApart(output, tokenIdsFile, lossStartFile, target, draft, reference);
        TrainingFlags.requireF32(deviceOptions);
        var selection = new Selection(k, scope == Scope.BATCH ? Selection.Scope.BATCH : Selection.Scope.SEQUENCE);
        try (Backend backend = Backend.open(deviceOptions.device(), deviceOptions.threads())) {
            SelectionInspection.run(
                    new SelectionInspection.Request(target, draft, reference, tokenIdsFile, lossStartFile, selection), backend, place(output));
        }
        return Main.OK;
    }
}
