package adaspec.soak;

/**
 * Time that this process ran: a process that was stopped (SIGSTOP), or that had no processor, does not age. Counts ticks; what is longer than the
 * longest tick counts as one.
 */
final class RunningClock {
    static final long LONGEST_TICK_NANOS = 250_000_000L;

    private static final long SLEEP_MILLIS = 100;

    private long last;
    private long running;

    RunningClock(long nanos) {
        last = nanos;
    }

    /** A clock that a daemon thread keeps going. */
    static RunningClock start() {
        var clock = new RunningClock(System.nanoTime());
        Thread.ofPlatform().daemon().name("clock").start(() -> {
            try {
                while (true) {
                    Thread.sleep(SLEEP_MILLIS);
                    clock.tick(System.nanoTime());
                }
            } catch (InterruptedException e) {
                throw new IllegalStateException("nobody interrupts the clock", e);
            }
        });
        return clock;
    }

    synchronized void tick(long nanos) {
        running += Math.min(nanos - last, LONGEST_TICK_NANOS);
        last = nanos;
    }

    synchronized double seconds() {
        return running * 1e-9;
    }
}
