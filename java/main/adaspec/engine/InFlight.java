package adaspec.engine;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** Pieces of work of which several are under way at once, each on a thread of its own, and whose results come in order. */
final class InFlight {
    /** One piece of work. */
    interface Work<R> {
        /** @param cancelled becomes true when the result is not wanted any more */
        R of(int index, BooleanSupplier cancelled);
    }

    private InFlight() {}

    /**
     * Does pieces 0 to {@code count} - 1 and hands on their results in this order, on the calling thread. What a piece or {@code results} throws, the
     * first in order, ends all and comes out as it is. An interrupt cancels what is left, whose results still come, and stays.
     *
     * @param size most pieces under way at once
     */
    static <R> void run(int size, int count, Work<R> work, Consumer<R> results) {
        if (size < 1) {
            throw new IllegalArgumentException(size + " pieces of work under way at once; at least 1 was expected");
        }
        var cancelled = new AtomicBoolean();
        try (ExecutorService threads = Executors.newFixedThreadPool(Math.max(1, Math.min(size, count)))) {
            Deque<Future<R>> under = new ArrayDeque<>();
            try {
                for (int i = 0; i < count; i++) {
                    if (under.size() == 2L * size) {
                        // Some wait ahead, so that a long piece does not leave the others' threads idle, and results do not pile up.
                        results.accept(result(under.poll(), cancelled));
                    }
                    int index = i;
                    under.add(threads.submit(() -> work.of(index, cancelled::get)));
                }
                while (!under.isEmpty()) {
                    results.accept(result(under.poll(), cancelled));
                }
            } finally {
                cancelled.set(true);
            }
        }
    }

    private static <R> R result(Future<R> future, AtomicBoolean cancelled) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return future.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                    cancelled.set(true);
                }
            }
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException cause -> throw cause;
                case Error cause -> throw cause;
                default -> throw new IllegalStateException(e.getCause());
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
