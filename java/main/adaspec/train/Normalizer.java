package adaspec.train;

import java.util.Locale;

/** What the sum of the kept tokens' losses is divided by. */
public enum Normalizer {
    /** The answer tokens of the whole optimiser step, kept or not: as published. */
    ALL,
    /** The kept tokens of the whole optimiser step: AdaSPEC's equation 10. */
    SELECTED;

    /** As the command line spells it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
