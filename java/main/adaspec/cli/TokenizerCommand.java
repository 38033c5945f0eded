package adaspec.cli;

import adaspec.common.InputException;
import adaspec.common.UsageException;
import adaspec.text.BpeTrainer;
import adaspec.text.TrainedBpe;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Making tokenizers. */
@picocli.CommandLine.Command(
        name = "tokenizer",
        description = "Makes a tokenizer.",
        subcommands = TokenizerCommand.Train.class,
        footerHeading = Command.EXAMPLE,
        footer = "  " + Command.RUN + " tokenizer train --files train.jsonl --vocab-size 1024 --output tokenizer")
public final class TokenizerCommand extends Command {
    @Override
    public Integer call() {
        throw new UsageException("a command is missing after `tokenizer`; there is `train`");
    }

    /** Learns a vocabulary from text. */
    @picocli.CommandLine.Command(
            name = "train",
            description = {"Learns a byte-level BPE vocabulary and writes tokenizer.json and tokenizer_config.json (Hugging Face).",
                    "<|endoftext|> has id 0; every digit is a token of its own.", DeviceOptions.UNUSED},
            footerHeading = Command.EXAMPLE,
            footer = "  " + Command.RUN + " tokenizer train --files train.jsonl --vocab-size 1024 --output tokenizer")
    public static final class Train extends Command {
        @Option(names = "--files", paramLabel = "F", arity = "1..*", required = true,
                description = "UTF-8 files. Of one that ends in .jsonl all string values are trained on, of any other the whole text.")
        private List<Path> files;

        @Option(names = "--vocab-size", paramLabel = "N", required = true,
                description = "Tokens, <|endoftext|> and the 256 bytes included; fewer if no more pairs occur twice.")
        private int vocabularySize;

        @Option(names = "--output", paramLabel = "DIR", required = true, description = "The folder to write to; without a tokenizer.json yet.")
        private Path output;

        @Mixin
        private DeviceOptions devices;

        @Override
        public Integer call() {
            devices.requireValid();
            check(vocabularySize >= BpeTrainer.LEAST_VOCABULARY && vocabularySize <= BpeTrainer.LARGEST_VOCABULARY,
                    "--vocab-size is " + vocabularySize + "; " + BpeTrainer.LEAST_VOCABULARY + " to " + BpeTrainer.LARGEST_VOCABULARY
                            + " was expected");
            if (Files.exists(output.resolve("tokenizer.json"))) {
                throw new InputException(output.resolve("tokenizer.json") + " exists; choose another --output, since models may depend on it");
            }
            BpeTrainer trainer = new BpeTrainer();
            files.forEach(trainer::addFile);
            log().println("training on " + trainer.summary());
            TrainedBpe trained = trainer.train(vocabularySize);
            trained.write(output);
            int size = trained.tokens().size();
            log().println("wrote " + output + ": " + size + " tokens"
                    + (size < vocabularySize ? ", fewer than asked for, since no other pair occurs twice" : ""));
            return Main.OK;
        }
    }
}
