package adaspec.train;

import java.util.EnumMap;
import java.util.Map;

/**
 * Where the time of optimiser steps goes: read at the end of each piece of work, it counts the time since it was read before. A reading costs some tens
 * of nanoseconds, so it runs always. One thread at a time.
 */
public final class PhaseClock {
    /** The pieces of a distillation step, in the order in which data meets them. */
    public enum Phase {
        TARGET_BODY("target body"),
        REFERENCE_BODY("reference body"),
        DRAFT_BODY("draft body"),
        TARGET_HEAD("target head"),
        /** The reference's logits and its KL. */
        REFERENCE_HEAD("reference head and KL"),
        DRAFT_HEAD("draft head"),
        LOSS("loss"),
        SELECTION("selection"),
        LOSS_GRADIENT("loss gradient"),
        HEAD_BACKWARD("draft head backward"),
        BODY_BACKWARD("draft body backward"),
        /** Zeroing the gradient, its norm, clipping and AdamW; the readings are those of whoever runs the optimiser. */
        OPTIMIZER("clipping and AdamW");

        private final String words;

        Phase(String words) {
            this.words = words;
        }

        @Override
        public String toString() {
            return words;
        }
    }

    private final Map<Phase, Long> nanos = new EnumMap<>(Phase.class);
    private long last = System.nanoTime();

    /** Counts the time since the last call, or since this clock was made, as {@code phase}'s. */
    public void lap(Phase phase) {
        long now = System.nanoTime();
        nanos.merge(phase, now - last, Long::sum);
        last = now;
    }

    /** Seconds counted for {@code phase} so far. */
    public double seconds(Phase phase) {
        return nanos.getOrDefault(phase, 0L) * 1e-9;
    }
}
