package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class InFlightTest {
    @Test
    void resultsComeInOrderAndNoMoreThanAllowedAreUnderWay() {
        for (int size : new int[] {1, 3, 50}) {
            var now = new AtomicInteger();
            var most = new AtomicInteger();
            List<Integer> results = new ArrayList<>();
            InFlight.run(size, 40, (i, cancelled) -> {
                most.accumulateAndGet(now.incrementAndGet(), Math::max);
                // The first of each four takes longest.
                sleep(i % 4 == 0 ? 8 : 1);
                now.decrementAndGet();
                return i;
            }, results::add);
            assertEquals(IntStream.range(0, 40).boxed().toList(), results);
            assertTrue(most.get() <= size && (size == 1 || most.get() > 1), most + " of " + size);
        }
        InFlight.run(4, 0, (i, cancelled) -> i, i -> {
            throw new AssertionError("there is nothing");
        });
    }

    @Test
    void theFirstFailureInOrderEndsAll() {
        var broken = new IllegalArgumentException("the third");
        List<Integer> results = new ArrayList<>();
        assertSame(broken, assertThrows(IllegalArgumentException.class, () -> InFlight.run(4, 1000, (i, cancelled) -> {
            if (i == 2) {
                sleep(20);
                throw broken;
            }
            if (i == 3) {
                throw new IllegalStateException("sooner, and after it");
            }
            awaitCancelled(i > 3, cancelled);
            return i;
        }, results::add)));
        assertEquals(List.of(0, 1), results);
    }

    @Test
    void whatTheReceiverThrowsEndsAll() {
        var full = new IllegalStateException("the disk is full");
        assertSame(full, assertThrows(IllegalStateException.class, () -> InFlight.run(2, 100, (i, cancelled) -> {
            awaitCancelled(i > 0, cancelled);
            return i;
        }, i -> {
            throw full;
        })));
    }

    @Test
    void anInterruptCancelsAndStays() throws InterruptedException {
        List<Integer> results = new ArrayList<>();
        var stayed = new boolean[1];
        Thread thread = new Thread(() -> {
            InFlight.run(2, 4, (i, cancelled) -> {
                awaitCancelled(true, cancelled);
                return i;
            }, results::add);
            stayed[0] = Thread.currentThread().isInterrupted();
        });
        thread.start();
        Thread.sleep(20);
        thread.interrupt();
        thread.join();
        assertEquals(List.of(0, 1, 2, 3), results);
        assertTrue(stayed[0]);
    }

    private static void awaitCancelled(boolean wanted, BooleanSupplier cancelled) {
        while (wanted && !cancelled.getAsBoolean()) {
            sleep(1);
        }
    }

    private static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void noneUnderWayIsNoWayToBegin() {
        assertThrows(IllegalArgumentException.class, () -> InFlight.run(0, 3, (i, cancelled) -> i, result -> {}));
    }
}
