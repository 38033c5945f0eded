package adaspec.engine;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.model.Model;
import adaspec.text.Tokenizer;
import adaspec.text.TokenizerComparison;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;

/** The ids that models have in common. */
final class Vocabularies {
    private static final String FILE = "tokenizer.json";

    private Vocabularies() {}

    /** The tokenizer in a model directory, or null if there is none. */
    static Tokenizer tokenizerOrNull(Path directory) {
        return Files.exists(directory.resolve(FILE)) ? Tokenizer.load(directory) : null;
    }

    /** {@link #shared(Tokenizer, Model...)} with the tokenizer of the first model. */
    static int shared(Model... models) {
        return shared(tokenizerOrNull(models[0].directory()), models);
    }

    /**
     * How many ids all {@code models} share: those of their tokenizer, or all rows of the smallest head where no tokenizer is beside any. Rows beyond
     * are padding, of which each model may have its own number.
     *
     * @param tokenizer of the first model, or null if it has none
     * @throws InputException if tokenizers differ, naming the first differing tokens, or a head is smaller than the tokenizer
     */
    static int shared(Tokenizer tokenizer, Model... models) {
        Model smallest = Arrays.stream(models).min(Comparator.comparingInt(m -> m.architecture().vocabSize())).orElseThrow();
        Tokenizer known = tokenizer;
        Model owner = models[0];
        for (Model model : Arrays.asList(models).subList(1, models.length)) {
            if (known == null) {
                known = tokenizerOrNull(model.directory());
                owner = model;
            } else if (!sameFile(owner.directory(), model.directory())) {
                requireSame(owner, known, model, tokenizerOrNull(model.directory()));
            }
        }
        int rows = smallest.architecture().vocabSize();
        if (known != null && known.size() > rows) {
            throw new InputException("the tokenizer of " + owner.directory() + " has " + known.size() + " tokens, but the vocab_size of "
                    + smallest.directory() + " is " + rows + "; models of this tokenizer were expected");
        }
        return known == null ? rows : known.size();
    }

    private static void requireSame(Model owner, Tokenizer known, Model model, Tokenizer other) {
        String difference = other == null ? null : TokenizerComparison.firstDifference(known, other);
        if (difference != null) {
            throw new InputException(owner.directory() + " and " + model.directory() + " do not share a vocabulary: " + difference
                    + "; models with the same tokenizer were expected");
        }
    }

    /** Whether the tokenizers are the same byte for byte, so that none needs to be read and compared. */
    private static boolean sameFile(Path directory, Path other) {
        Path file = other.resolve(FILE);
        try {
            return Files.exists(file) && Files.mismatch(directory.resolve(FILE), file) < 0;
        } catch (IOException e) {
            throw new InputException("cannot read " + file + ": " + AtomicFile.reason(e), e);
        }
    }
}
