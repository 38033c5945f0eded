package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.decode.FinishReason;
import adaspec.decode.Sampling;
import adaspec.tensor.DType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One engine, many threads and many texts; what is cancelled, closed and freed. */
@Timeout(120)
class EngineSessionTest {
    private static final Consumer<Token> IGNORE = token -> {};

    @TempDir
    private static Path models;

    private static Path target;
    private static Path relative;

    @BeforeAll
    static void write() {
        target = ModelDirectories.write(models.resolve("target"), 2, 1, DType.BF16);
        relative = ModelDirectories.write(models.resolve("relative"), 2, 1, DType.BF16, 0.05, 256);
    }

    private static Engine open() {
        return Engine.builder().target(target).draft(relative).threads(2).numSpeculativeTokens(3).open();
    }

    private static GenerationSettings sampled(int index) {
        return GenerationSettings.of(new Sampling(40, 0.9, 7)).withIndex(index);
    }

    // ------------------------------------------------------------------------------------------------ threads

    @Test
    void manyThreadsGetWhatOneThreadGets() throws Exception {
        try (Engine engine = open(); ExecutorService threads = Executors.newFixedThreadPool(8)) {
            List<int[]> expected = new ArrayList<>();
            List<Callable<int[]>> tasks = new ArrayList<>();
            for (int i = 0; i < 48; i++) {
                String prompt = "prompt " + "x".repeat(i % 30) + i;
                GenerationSettings settings = i % 3 == 0 ? GenerationSettings.of(Sampling.greedy(30)) : sampled(i);
                expected.add(engine.generate(prompt, settings, IGNORE).ids());
                tasks.add(() -> engine.generate(prompt, settings, IGNORE).ids());
            }
            for (int round = 0; round < 3; round++) {
                List<Future<int[]>> actual = threads.invokeAll(tasks);
                for (int i = 0; i < tasks.size(); i++) {
                    assertArrayEquals(expected.get(i), actual.get(i).get(), "prompt " + i);
                }
            }
        }
    }

    /** A generation goes on while another one is held up by its listener: nobody waits for a turn. */
    @Test
    void generationsDoNotWaitForEachOther() throws Exception {
        try (Engine engine = open(); ExecutorService threads = Executors.newFixedThreadPool(1)) {
            var both = new CountDownLatch(2);
            Future<Generation> other = threads.submit(() -> engine.generate("Tom", Sampling.greedy(5), token -> meet(both)));
            assertEquals(5, engine.generate("Tim", Sampling.greedy(5), token -> meet(both)).ids().length);
            assertEquals(5, other.get().ids().length);
        }
    }

    private static void meet(CountDownLatch latch) {
        latch.countDown();
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aSessionServesOneThreadAtATime() throws Exception {
        try (Engine engine = open();
                EngineSession session = engine.openSession();
                ExecutorService threads = Executors.newFixedThreadPool(1)) {
            var sentences = new ArrayList<String>();
            Generation generation = session.generate("Tom", Sampling.greedy(2), token -> {
                sentences.add(assertThrows(IllegalStateException.class, () -> session.generate("Tim", Sampling.greedy(2), IGNORE)).getMessage());
                Future<Generation> elsewhere = threads.submit(() -> session.generate("Tim", Sampling.greedy(2), IGNORE));
                sentences.add(assertThrows(ExecutionException.class, elsewhere::get).getCause().getMessage());
                assertEquals(3, engine.generate("Tim", Sampling.greedy(3), IGNORE).ids().length, "the engine itself has more sessions");
            });
            assertEquals(2, generation.ids().length);
            assertTrue(sentences.get(0).contains("a listener cannot use the session"), sentences.get(0));
            assertTrue(sentences.get(1).contains("generates on another thread"), sentences.get(1));
        }
    }

    // ------------------------------------------------------------------------------------------------ texts that go on

    @Test
    void aConversationSaysWhatANewSessionSaysToTheSameIds() {
        try (Engine engine = open(); EngineSession talk = engine.openSession()) {
            Generation first = talk.generate("Tom has", sampled(1), IGNORE);
            int[] ids = concat("Tom has".chars().toArray(), first.ids());
            assertArrayEquals(ids, talk.ids());
            // Short, so that the positions suffice; the second asks for caches that are larger than the first's.
            for (String more : List.of(" 3", "", " apples")) {
                int[] prompt = concat(talk.ids(), more.chars().toArray());
                GenerationSettings settings = GenerationSettings.of(new Sampling(8, 0.9, 2)).withIndex(more.length());
                Generation next = talk.extend(more, settings, IGNORE);
                assertArrayEquals(engine.generate(prompt, settings, id -> {}).ids(), next.ids(), more);
                assertEquals(more, next.prompt());
                assertArrayEquals(concat(prompt, next.ids()), talk.ids());
            }
        }
        try (Engine engine = open(); EngineSession talk = engine.openSession()) {
            assertArrayEquals(
                    engine.generate("Tom", sampled(0), IGNORE).ids(), talk.extend("Tom", sampled(0), IGNORE).ids(), "a new session has no text yet");
        }
    }

    /** What was read is not read again: with a prompt of which all but one token is known, no chunk is read before the first token. */
    @Test
    void aKnownBeginningIsNotReadAgain() {
        try (Engine engine = open(); EngineSession talk = engine.openSession()) {
            String prompt = "x".repeat(80);
            var asked = new int[1];
            GenerationSettings counting = GenerationSettings.of(Sampling.greedy(1)).cancelledWhen(() -> {
                asked[0]++;
                return false;
            });
            Generation first = talk.generate(prompt, counting, IGNORE);
            int whole = asked[0];
            asked[0] = 0;
            assertArrayEquals(first.ids(), talk.generate(prompt, counting, IGNORE).ids());
            assertEquals(whole - 4, asked[0], "two chunks of the target and two of the draft");
            asked[0] = 0;
            assertArrayEquals(first.ids(), engine.generate(prompt, counting, IGNORE).ids());
            assertEquals(whole, asked[0], "what the engine lends knows no other text");
            asked[0] = 0;
            engine.generate(prompt, counting, IGNORE);
            assertEquals(whole, asked[0], "nor when it is lent again");
        }
    }

    // ------------------------------------------------------------------------------------------------ cancelling

    @Test
    void aListenerCancelsAndKeepsWhatItHas() {
        try (Engine engine = open(); EngineSession session = engine.openSession()) {
            int[] free = session.generate("Tom", sampled(0), IGNORE).ids();
            for (int n = 1; n < free.length; n++) {
                var enough = new AtomicBoolean();
                int wanted = n;
                var heard = new ArrayList<Integer>();
                Generation cut = session.generate("Tom", sampled(0).cancelledWhen(enough::get), token -> {
                    heard.add(token.id());
                    enough.set(heard.size() == wanted);
                });
                assertEquals(FinishReason.CANCELLED, cut.finishReason());
                assertEquals("cancelled", cut.toJson().get("finish_reason").asText());
                assertArrayEquals(Arrays.copyOf(free, n), cut.ids());
                assertEquals(engine.requireTokenizer().decode(cut.ids()), cut.text());
            }
            assertArrayEquals(free, session.generate("Tom", sampled(0), IGNORE).ids());
        }
    }

    @Test
    void anotherThreadCancels() throws Exception {
        try (Engine engine = open(); ExecutorService threads = Executors.newFixedThreadPool(1)) {
            var stop = new AtomicBoolean();
            var running = new CountDownLatch(1);
            var settings = GenerationSettings.of(Sampling.greedy(90)).cancelledWhen(stop::get);
            Future<Generation> cut = threads.submit(() -> engine.generate("Tom", settings, token -> {
                running.countDown();
                awaitTrue(stop);
            }));
            running.await();
            stop.set(true);
            assertEquals(FinishReason.CANCELLED, cut.get().finishReason());
            assertEquals(1, cut.get().ids().length);
        }
    }

    private static void awaitTrue(AtomicBoolean flag) {
        while (!flag.get()) {
            Thread.onSpinWait();
        }
    }

    @Test
    void anInterruptCancelsAndStays() throws Exception {
        try (Engine engine = open()) {
            Generation[] cut = new Generation[2];
            var stayed = new AtomicBoolean();
            Thread thread = new Thread(() -> {
                cut[0] = engine.generate("Tom", Sampling.greedy(90), token -> Thread.currentThread().interrupt());
                cut[1] = engine.generate("Tom", Sampling.greedy(90), IGNORE);
                stayed.set(Thread.currentThread().isInterrupted());
            });
            thread.start();
            thread.join();
            assertEquals(FinishReason.CANCELLED, cut[0].finishReason());
            assertEquals(1, cut[0].ids().length);
            assertEquals(FinishReason.CANCELLED, cut[1].finishReason());
            assertEquals(0, cut[1].ids().length);
            assertTrue(stayed.get());
        }
    }

    @Test
    void whatAListenerThrowsComesOutAndTheTextStays() {
        try (Engine engine = open(); EngineSession session = engine.openSession()) {
            session.generate("Tom", Sampling.greedy(4), IGNORE);
            int[] before = session.ids();
            var broken = new IllegalStateException("the window is closed");
            assertSame(broken, assertThrows(IllegalStateException.class, () -> session.generate("Tim", Sampling.greedy(9), token -> {
                throw broken;
            })));
            assertArrayEquals(before, session.ids());
            assertArrayEquals(
                    engine.generate("Tom and", sampled(2), IGNORE).ids(), session.generate("Tom and", sampled(2), IGNORE).ids(), "and it can be used on");
        }
    }

    // ------------------------------------------------------------------------------------------------ closing

    @Test
    void closingEndsWhatRunsAndWaitsForIt() throws Exception {
        for (boolean whole : new boolean[] {true, false}) {
            Engine engine = open();
            EngineSession session = engine.openSession();
            var running = new CountDownLatch(2);
            var release = new AtomicBoolean();
            try (ExecutorService threads = Executors.newFixedThreadPool(3)) {
                Consumer<Token> slow = token -> {
                    running.countDown();
                    awaitTrue(release);
                };
                Future<Generation> lent = threads.submit(() -> engine.generate("Tom", Sampling.greedy(90), slow));
                Future<Generation> own = threads.submit(() -> session.generate("Tim", Sampling.greedy(90), slow));
                running.await();
                Future<?> closing = threads.submit(whole ? engine::close : session::close);
                Thread.sleep(50);
                assertFalse(closing.isDone(), "it waits for what runs");
                if (whole) {
                    assertThrows(IllegalStateException.class, () -> engine.generate("Tam", Sampling.greedy(1), IGNORE), "nothing new begins");
                }
                release.set(true);
                closing.get();
                assertEquals(FinishReason.CANCELLED, own.get().finishReason());
                assertEquals(1, own.get().ids().length);
                assertEquals(whole ? 1 : 90, lent.get().ids().length, "closing a session is nothing to others");
            }
            String sentence = assertThrows(IllegalStateException.class, () -> session.generate("Tim", Sampling.greedy(1), IGNORE)).getMessage();
            assertEquals(whole ? "the engine is closed" : "the session is closed", sentence);
            session.close();
            engine.close();
            engine.close();
            assertEquals(0, engine.bytesHeld());
            assertThrows(IllegalStateException.class, engine::openSession);
            assertThrows(IllegalStateException.class, () -> engine.evaluate(List.of(new int[] {1}), Sampling.greedy(1), false, done -> {}));
        }
    }

    @Test
    void aListenerCannotCloseWhatItListensTo() {
        try (Engine engine = open(); EngineSession session = engine.openSession()) {
            var sentences = new ArrayList<String>();
            session.generate("Tom", Sampling.greedy(1), token -> {
                sentences.add(assertThrows(IllegalStateException.class, engine::close).getMessage());
                sentences.add(assertThrows(IllegalStateException.class, session::close).getMessage());
            });
            assertTrue(sentences.stream().allMatch(s -> s.startsWith("a listener cannot close the ")), sentences.toString());
            assertEquals(1, session.generate("Tom", Sampling.greedy(1), IGNORE).ids().length, "both are as they were");
        }
    }

    /** Threads that generate, open and close sessions while the engine is closed: each ends with a text or the sentence, and no memory is left. */
    @Test
    void nothingIsLeftHoweverItIsClosed() throws Exception {
        for (int round = 0; round < 12; round++) {
            Engine engine = open();
            try (ExecutorService threads = Executors.newFixedThreadPool(6)) {
                List<Future<Boolean>> workers = new ArrayList<>();
                for (int i = 0; i < 6; i++) {
                    boolean own = i % 2 == 0;
                    workers.add(threads.submit(() -> worksUntilClosed(engine, own)));
                }
                Thread.sleep(5L * round);
                assertTrue(round == 0 || engine.bytesHeld() > 0);
                engine.close();
                for (Future<Boolean> worker : workers) {
                    assertTrue(worker.get());
                }
            }
            assertEquals(0, engine.bytesHeld());
        }
        // The counts are the engine's own; the system's list of mappings is not.
        assertFalse(Files.readString(Path.of("/proc/self/maps")).contains(models.toString()), "a model file is still mapped");
    }

    private static boolean worksUntilClosed(Engine engine, boolean own) {
        while (true) {
            try (EngineSession session = own ? engine.openSession() : null) {
                Generation generation = own
                        ? session.generate("Tom", Sampling.greedy(20), IGNORE)
                        : engine.generate("Tom", Sampling.greedy(20), IGNORE);
                if (generation.finishReason() == FinishReason.LENGTH && generation.ids().length != 20) {
                    return false;
                }
            } catch (IllegalStateException e) {
                return e.getMessage().equals("the engine is closed") || e.getMessage().equals("the session is closed");
            }
        }
    }

    /** Sessions that are closed, and lent ones beyond what is kept, give their memory back while the engine stays open. */
    @Test
    void sessionsGiveTheirMemoryBack() throws Exception {
        try (Engine engine = open()) {
            engine.generate("Tom", Sampling.greedy(3), IGNORE);
            long before = engine.bytesHeld();
            for (int i = 0; i < 20; i++) {
                try (EngineSession session = engine.openSession()) {
                    session.generate("Tom", Sampling.greedy(3), IGNORE);
                    session.generate("x".repeat(80), Sampling.greedy(3), IGNORE);
                    assertTrue(engine.bytesHeld() > before);
                }
                assertEquals(before, engine.bytesHeld());
            }
        }
    }

    private static int[] concat(int[] a, int[] b) {
        int[] all = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        return all;
    }
}
