package adaspec.engine;

import adaspec.common.InputException;
import adaspec.model.Model;
import java.util.Arrays;
import java.util.Comparator;

/** What models can hold. */
final class Limits {
    /** Tokens that a sample is cut at where nothing is asked for. */
    static final int MAX_LENGTH = 512;

    private Limits() {}

    /** The longest text that every model can hold. */
    static int positions(Model... models) {
        return Arrays.stream(models).mapToInt(m -> m.architecture().maxPositions()).min().orElseThrow();
    }

    /** The length that samples are cut at: as asked, or with 0 the default or what the models hold. */
    static int maxLength(int asked, Model... models) {
        int positions = positions(models);
        if (asked > positions) {
            Model shortest = Arrays.stream(models).min(Comparator.comparingInt(m -> m.architecture().maxPositions())).orElseThrow();
            throw new InputException("--model-max-length " + asked + " is more than the max_position_embeddings of " + shortest.directory() + ", "
                    + positions + "; at most that was expected");
        }
        return asked > 0 ? asked : Math.min(MAX_LENGTH, positions);
    }
}
