package adaspec.soak;

/** Keeps the process to a share of one core: whoever is about to work waits until the share allows it. */
final class Throttle {
    /** Processor seconds that may be saved up: a process that was starved must not make up for all of it at once. */
    static final double MOST_SAVED = 2;

    private final double share;
    private double lastTime;
    private double lastUsed;
    private double saved = MOST_SAVED;

    /** @param share of one core; 1 or more: no limit */
    Throttle(double share) {
        this.share = share;
    }

    /**
     * Whether work may begin.
     *
     * @param time seconds that the process ran
     * @param used seconds of processors that it used
     */
    synchronized boolean allows(double time, double used) {
        saved = Math.min(MOST_SAVED, saved + share * (time - lastTime) - (used - lastUsed));
        lastTime = time;
        lastUsed = used;
        return share >= 1 || saved > 0;
    }
}
