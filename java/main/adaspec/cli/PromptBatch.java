package adaspec.cli;

import adaspec.engine.Engine;
import adaspec.engine.Generation;
import adaspec.engine.GenerationSettings;
import adaspec.text.Prompt;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;

/** Several prompts in flight at once, each in a session of its own; results come in the order of the prompts. */
final class PromptBatch {
    /** Takes results in order. */
    interface Sink {
        void take(Generation generation) throws IOException;
    }

    private final Engine engine;
    private final GenerationSettings settings;
    private final int size;

    PromptBatch(Engine engine, GenerationSettings settings, int size) {
        this.engine = engine;
        this.settings = settings;
        this.size = size;
    }

    /** The first failure, in the order of the prompts, ends all. */
    void generate(List<Prompt> prompts, Sink sink) throws IOException {
        var failed = new AtomicBoolean();
        try (ExecutorService threads = Executors.newFixedThreadPool(Math.max(1, Math.min(size, prompts.size())))) {
            Deque<Future<Generation>> inFlight = new ArrayDeque<>();
            try {
                for (int i = 0; i < prompts.size(); i++) {
                    if (inFlight.size() == 2 * size) {
                        // Some wait ahead, so that a long prompt does not leave the others' threads idle, and results do not pile up.
                        sink.take(result(inFlight.poll()));
                    }
                    Prompt prompt = prompts.get(i);
                    GenerationSettings own = settings.withIndex(i).cancelledWhen(failed::get);
                    inFlight.add(threads.submit(() -> engine.generate(prompt, own, token -> {})));
                }
                while (!inFlight.isEmpty()) {
                    sink.take(result(inFlight.poll()));
                }
            } finally {
                failed.set(true);
            }
        }
    }

    private static Generation result(Future<Generation> future) {
        try {
            return future.get();
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException cause -> throw cause;
                case Error cause -> throw cause;
                default -> throw new IllegalStateException(e.getCause());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while prompts are decoded", e);
        }
    }
}
