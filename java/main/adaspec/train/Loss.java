package adaspec.train;

import adaspec.ops.Divergence;
import java.util.Locale;

/** What a draft minimises at each kept answer token; p is the target's law and q the draft's, both over the shared vocabulary. */
public enum Loss {
    KL_DIV(Divergence.KL_DIV),
    RKL(Divergence.RKL),
    JSD(Divergence.JSD),
    TV(Divergence.TV),
    NLA(Divergence.NLA),
    LK_HYBRID(Divergence.LK_HYBRID),
    /** Cross entropy with the answer token itself: the target has a say only in what is measured and selected. */
    CE(null);

    private final Divergence divergence;

    Loss(Divergence divergence) {
        this.divergence = divergence;
    }

    /** The divergence of p and q that this is; for {@link #CE} the one that is measured beside it. */
    Divergence divergence() {
        return this == CE ? Divergence.KL_DIV : divergence;
    }

    /** As the command line spells it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
