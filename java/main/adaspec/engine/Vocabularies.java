package adaspec.engine;

import adaspec.common.InputException;
import adaspec.model.Model;
import adaspec.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;

/** The ids that models have in common. */
final class Vocabularies {
    private Vocabularies() {}

    /** The tokenizer in a model directory, or null if there is none. */
    static Tokenizer tokenizerOrNull(Path directory) {
        return Files.exists(directory.resolve("tokenizer.json")) ? Tokenizer.load(directory) : null;
    }

    /**
     * How many ids all {@code models} share: those of the tokenizer of the first, or all rows of the smallest head where no tokenizer is beside it.
     *
     * @throws InputException if tokenizers differ, naming the first differing token, or a head is smaller than the tokenizer
     */
    static int shared(Model... models) {
        Tokenizer tokenizer = tokenizerOrNull(models[0].directory());
        int smallest = Arrays.stream(models).mapToInt(m -> m.architecture().vocabSize()).min().orElseThrow();
        if (tokenizer == null) {
            return smallest;
        }
        for (Model model : models) {
            Tokenizer other = model == models[0] ? null : tokenizerOrNull(model.directory());
            String difference = other == null ? null : tokenizer.firstDifference(other);
            if (difference != null) {
                throw new InputException(models[0].directory() + " and " + model.directory() + " do not share a vocabulary: " + difference
                        + "; models with the same tokenizer were expected");
            }
        }
        if (tokenizer.size() > smallest) {
            Model model = Arrays.stream(models).min(Comparator.comparingInt(m -> m.architecture().vocabSize())).orElseThrow();
            throw new InputException("the tokenizer of " + models[0].directory() + " has " + tokenizer.size() + " tokens, but the vocab_size of "
                    + model.directory() + " is " + smallest + "; models of this tokenizer were expected");
        }
        return tokenizer.size();
    }
}
