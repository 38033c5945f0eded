package adaspec.engine;

import java.util.ArrayDeque;
import java.util.Deque;

/** What was opened one after the other, to be closed in the opposite order. Closing twice is calm. */
final class Resources implements AutoCloseable {
    private final Deque<AutoCloseable> open = new ArrayDeque<>();

    <T extends AutoCloseable> T add(T resource) {
        open.push(resource);
        return resource;
    }

    @Override
    public void close() {
        while (!open.isEmpty()) {
            try {
                open.pop().close();
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IllegalStateException("cannot close", e);
            }
        }
    }
}
