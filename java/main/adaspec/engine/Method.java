package adaspec.engine;

import java.util.Locale;

/** How a draft is distilled. */
public enum Method {
    /** A reference is trained first; then the draft learns from the tokens with the largest gap to it. */
    ADASPEC,
    /** The draft learns from every answer token. */
    DISTILLSPEC;

    /** As the command line and all_results.json spell it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
