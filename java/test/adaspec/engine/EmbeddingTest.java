package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.UsageException;
import adaspec.decode.Sampling;
import adaspec.decode.Speculation;
import adaspec.eval.Evaluator;
import adaspec.model.Model;
import adaspec.tensor.DType;
import adaspec.train.TrainingOptions;
import adaspec.train.TrainingStopped;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a program relies on that runs distillations of its own: silence, cancellation from another thread, a history in memory. */
class EmbeddingTest {
    @TempDir
    private static Path models;

    @TempDir
    private Path folder;

    @BeforeAll
    static void write() throws IOException {
        ModelDirectories.write(models.resolve("target"), 2, 1, DType.F32);
        ModelDirectories.write(models.resolve("draft"), 1, 2, DType.F32);
        ModelDirectories.writeSums(models.resolve("train.jsonl"));
    }

    private Distiller.Builder builder(String output) {
        return Distiller.builder()
                .target(models.resolve("target"))
                .draft(models.resolve("draft"))
                .trainFile(models.resolve("train.jsonl"))
                .training(TrainingOptions.builder().batchSize(4).maxSteps(4).loggingSteps(1).evalSteps(2).build())
                .evaluation(new Evaluator.Settings(Sampling.greedy(8), Speculation.of(3), false))
                .output(folder.resolve(output));
    }

    private static Distiller.Result run(Distiller distiller) {
        try (Backend backend = Backend.open("reference", 1)) {
            return distiller.run(backend);
        }
    }

    @Test
    void nothingIsPrintedAndTheHistoryHasItAll() {
        var printed = new ByteArrayOutputStream();
        PrintStream out = System.out;
        PrintStream err = System.err;
        var history = new RunHistory();
        Distiller.Result result;
        try (var stream = new PrintStream(printed, true)) {
            System.setOut(stream);
            System.setErr(stream);
            result = run(builder("run").listener(history).build());
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
        assertEquals("", printed.toString());
        assertEquals(8, history.progress().size());
        assertEquals(List.of(1L, 2L, 3L, 4L, 1L, 2L, 3L, 4L), history.progress().stream().map(p -> p.step()).toList());
        assertEquals(List.of("reference", "reference", "selective", "selective"), history.heldOut().stream().map(RunHistory.HeldOut::stage).toList());
        assertEquals(result.stages().getLast().expectedAcceptance(), history.heldOut().getLast().expectedAcceptance());
        assertEquals(result.acceptances(), history.acceptances());
        assertTrue(history.checkpoints().contains(folder.resolve("run/checkpoint-4")), history.checkpoints()::toString);
        assertTrue(history.notes().getFirst().contains("results go to"), history.notes()::toString);
        assertThrows(UnsupportedOperationException.class, () -> history.progress().clear());
    }

    @Test
    void anInterruptedThreadStopsWithACheckpointAndStaysInterrupted() throws InterruptedException {
        var thrown = new AtomicReference<Throwable>();
        var interrupted = new AtomicReference<Boolean>();
        Thread worker = new Thread(() -> {
            try {
                run(builder("run").listener(new RunListener() {
                    @Override
                    public void progressed(Progress step) {
                        if (step.stage().equals("selective") && step.step() == 2) {
                            // What Future.cancel and ExecutorService.shutdownNow do.
                            Thread.currentThread().interrupt();
                        }
                    }
                }).build());
            } catch (RuntimeException e) {
                thrown.set(e);
            }
            interrupted.set(Thread.currentThread().isInterrupted());
        });
        worker.start();
        worker.join();
        TrainingStopped stopped = (TrainingStopped) thrown.get();
        assertEquals(folder.resolve("run/checkpoint-2"), stopped.checkpoint());
        assertTrue(interrupted.get());
        try (var memory = adaspec.TestBackends.allocator();
                Model checkpoint = Model.open(stopped.checkpoint(), DType.F32, memory)) {
            checkpoint.weights().requireFinite("the checkpoint");
        }
    }

    @Test
    void aDistillerRunsAgainAfterItWasInterrupted() {
        var first = new AtomicBoolean(true);
        Distiller distiller = builder("run").overwrite(true).listener(new RunListener() {
            @Override
            public void progressed(Progress step) {
                if (first.getAndSet(false)) {
                    Thread.currentThread().interrupt();
                }
            }
        }).build();
        assertThrows(TrainingStopped.class, () -> run(distiller));
        assertTrue(Thread.interrupted());
        assertEquals(2, run(distiller).stages().size());
        assertFalse(Thread.currentThread().isInterrupted());
    }

    @Test
    void whatAListenerThrowsComesOutAsItIs() {
        var broken = new IllegalStateException("the window is closed");
        RuntimeException thrown = assertThrows(IllegalStateException.class, () -> run(builder("run").listener(new RunListener() {
            @Override
            public void progressed(Progress step) {
                throw broken;
            }
        }).build()));
        assertSame(broken, thrown);
    }

    @Test
    void whatIsMissingIsSaidBeforeAnythingRuns() {
        assertThrows(UsageException.class, () -> Distiller.builder().target(folder).build());
        assertEquals("listener", assertThrows(NullPointerException.class, () -> builder("run").listener(null)).getMessage());
        assertEquals("stop", assertThrows(NullPointerException.class, () -> builder("run").stop(null)).getMessage());
    }
}
