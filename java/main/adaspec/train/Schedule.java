package adaspec.train;

import adaspec.common.UsageException;
import java.util.Locale;

/**
 * The learning rate of a step as a share of the highest one, with the formulas of transformers' {@code get_scheduler}.
 *
 * <p>Over the first ceil(warmupRatio * steps) steps the rate rises from 0; then it stays, falls to 0 in a line, or falls to 0 along half a cosine.
 * As there, the first step of a warm-up has the rate 0, and the rate 0 at the other end belongs to the step after the last.
 *
 * @param warmupRatio share of the steps, 0 to 1
 */
public record Schedule(Kind kind, double warmupRatio) {
    /** What comes after the warm-up. */
    public enum Kind {
        CONSTANT,
        LINEAR,
        COSINE;

        /** As the command line spells it. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** The same rate at every step. */
    public static final Schedule CONSTANT = new Schedule(Kind.CONSTANT, 0);

    public Schedule {
        if (!(warmupRatio >= 0 && warmupRatio <= 1)) {
            throw new UsageException("--warmup-ratio " + warmupRatio + " is out of range; a number from 0 to 1 was expected");
        }
    }

    /** Steps of the warm-up. */
    public long warmupSteps(long totalSteps) {
        return (long) Math.ceil(totalSteps * warmupRatio);
    }

    /** What the learning rate is multiplied by at optimiser step {@code step}, counted from 1, of {@code totalSteps}. */
    public double factor(long step, long totalSteps) {
        long done = step - 1;
        long warmup = warmupSteps(totalSteps);
        if (done < warmup) {
            return (double) done / warmup;
        }
        double progress = (double) (done - warmup) / Math.max(1, totalSteps - warmup);
        return switch (kind) {
            case CONSTANT -> 1;
            case LINEAR -> Math.max(0, (double) (totalSteps - done) / Math.max(1, totalSteps - warmup));
            // StrictMath: the same bits from every machine and compiler.
            case COSINE -> Math.max(0, 0.5 * (1 + StrictMath.cos(Math.PI * progress)));
        };
    }

    @Override
    public String toString() {
        return warmupRatio == 0 ? kind.toString() : kind + " after a warm-up over " + warmupRatio + " of the steps";
    }
}
