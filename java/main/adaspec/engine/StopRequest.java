package adaspec.engine;

import java.util.function.BooleanSupplier;

/**
 * Whether a run should stop: because it was told to, or because its thread was interrupted, as an executor does that is shut down. An interrupted
 * thread cannot write files, so the interrupt is taken when it is seen, the last checkpoint is written, and the interrupt is given back at the end.
 */
final class StopRequest implements BooleanSupplier {
    private final BooleanSupplier told;
    private boolean interrupted;

    StopRequest(BooleanSupplier told) {
        this.told = told;
    }

    @Override
    public boolean getAsBoolean() {
        interrupted |= Thread.interrupted();
        return interrupted || told.getAsBoolean();
    }

    /** At the end of a run: the thread is as interrupted as it would be without this. */
    void giveBack() {
        if (interrupted) {
            interrupted = false;
            Thread.currentThread().interrupt();
        }
    }
}
