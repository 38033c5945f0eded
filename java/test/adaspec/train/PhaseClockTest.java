package adaspec.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.device.Device;
import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.ops.ReferenceOps;
import adaspec.tensor.Workspace;
import adaspec.train.PhaseClock.Phase;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Time is counted where it is spent. */
class PhaseClockTest {
    private static final long SLEEP_MILLIS = 30;
    private static final int VOCABULARY = 21;

    /** Makes one operation slow; its phase must hold that time, whichever way the step goes through the heads. */
    @ParameterizedTest
    @CsvSource({
        "select, SELECTION, MICRO_BATCH", "select, SELECTION, BATCH",
        "distillBackward, LOSS_GRADIENT, MICRO_BATCH", "distillBackward, LOSS_GRADIENT, BATCH",
        "scatterAddRows, HEAD_BACKWARD, MICRO_BATCH", "scatterAddRows, HEAD_BACKWARD, BATCH",
        "embeddingBackward, BODY_BACKWARD, MICRO_BATCH", "embeddingBackward, BODY_BACKWARD, BATCH",
    })
    void aSlowOperationShowsInItsPhase(String operation, Phase phase, Selection.Scope scope) {
        for (long rowsOfAChunk : new long[] {2, 1000}) {
            long start = System.nanoTime();
            PhaseClock clock = clockOf(slow(new ReferenceOps(), operation), scope, new LogitsBudget(16L * VOCABULARY * rowsOfAChunk));
            double elapsed = (System.nanoTime() - start) * 1e-9;
            assertTrue(clock.seconds(phase) >= SLEEP_MILLIS * 1e-3, operation + " slept, yet " + phase + " took " + clock.seconds(phase) + " s");
            double sum = Arrays.stream(Phase.values()).mapToDouble(clock::seconds).sum();
            assertTrue(sum <= elapsed, "phases of " + sum + " s in " + elapsed + " s");
            for (Phase other : Phase.values()) {
                // The optimiser is not the loss's business.
                assertEquals(other != Phase.OPTIMIZER, clock.seconds(other) > 0, other.toString());
            }
        }
    }

    private static PhaseClock clockOf(Ops ops, Selection.Scope scope, LogitsBudget budget) {
        try (Device device = Device.open("reference", 1);
                var allocator = device.newAllocator();
                var workspace = new Workspace(device.newAllocator())) {
            var target = new Transformer(ops, TinyModels.random(TinyModels.architecture(24, 8, 2, false), 1, allocator), allocator);
            var draft = new Transformer(ops, TinyModels.random(TinyModels.architecture(23, 16, 1, true), 2, allocator), allocator);
            var reference = new Transformer(ops, TinyModels.random(TinyModels.architecture(23, 16, 1, true), 3, allocator), allocator);
            Weights gradient = Weights.zeros(draft.architecture(), allocator);
            var tally = new Tally();
            var batches = List.of(TinyModels.batch(3, VOCABULARY, 6), TinyModels.batch(4, VOCABULARY, 7));
            new Distillation(new FrozenModels(target, reference, VOCABULARY, workspace), draft, new Selection(0.4, scope), budget, workspace)
                    .accumulate(1, batches, 1f, gradient, tally);
            return tally.clock();
        }
    }

    /** {@code ops}, of which the operation called {@code name} sleeps first. */
    private static Ops slow(Ops ops, String name) {
        return (Ops) Proxy.newProxyInstance(Ops.class.getClassLoader(), new Class<?>[] {Ops.class}, (self, method, arguments) -> {
            if (method.getName().equals(name)) {
                Thread.sleep(SLEEP_MILLIS);
            }
            try {
                return method.invoke(ops, arguments);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        });
    }
}
