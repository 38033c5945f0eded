package adaspec.engine;

import adaspec.common.InputException;
import adaspec.decode.Completion;
import adaspec.decode.Sampling;
import adaspec.engine.EngineSession.Kind;
import adaspec.eval.Acceptance;
import adaspec.eval.Evaluator;
import adaspec.eval.Losslessness;
import adaspec.eval.LosslessnessCheck;
import adaspec.text.Prompt;
import adaspec.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

/**
 * A target, and perhaps a draft that makes it faster without changing what it says, loaded and ready to continue text.
 *
 * <pre>{@code
 * try (Engine engine = Engine.builder().target(target).draft(draft).numSpeculativeTokens(4).open()) {
 *     GenerationSettings settings = GenerationSettings.of(Sampling.greedy(64)).withStop("\n\n", "Question:");
 *     try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
 *         List<Future<Generation>> answers = new ArrayList<>();
 *         for (String prompt : prompts) {
 *             answers.add(threads.submit(() -> engine.generate(prompt, settings, token -> {})));
 *         }
 *     }
 * }
 * }</pre>
 *
 * <p>Safe for any number of threads, which do not wait for each other: each generation has caches and memory for steps of its own and shares the
 * weights. What a prompt is answered does not depend on what else runs. {@code generate} lends a session for one text; a text that goes on, a
 * conversation, is an {@link EngineSession}. Where texts end and how a generation is cancelled: {@link GenerationSettings}. A listener is called on the
 * thread that asked. Nothing is printed.
 *
 * <p>Any thread may close the engine, but no listener of its generations. The close ends those that run, as
 * {@link adaspec.decode.FinishReason#CANCELLED} with what they have, waits for them (and for evaluations, which run to their end) and frees all
 * memory. Closing twice is calm; after it every generation, session and evaluation is refused with an {@link IllegalStateException}.
 */
public final class Engine implements AutoCloseable {
    /** Idle sessions beyond this many are closed: about as many as can be of use at once. */
    private static final int MOST_IDLE = Runtime.getRuntime().availableProcessors();

    private final EngineOptions options;
    private final LoadedModels models;
    private final Set<EngineSession> sessions = ConcurrentHashMap.newKeySet();
    /** Sessions to lend, of each kind the one used last first. */
    private final Map<Kind, Deque<EngineSession>> idle =
            Map.of(Kind.FORGETTING, new ConcurrentLinkedDeque<>(), Kind.PLAIN, new ConcurrentLinkedDeque<>());

    /** Whoever uses the models reads; the close writes. */
    private final ReentrantReadWriteLock use = new ReentrantReadWriteLock();

    private volatile boolean closed;

    /**
     * Opens model directories.
     *
     * @param target a Hugging Face directory; its tokenizer.json is needed to continue text, not to continue ids
     * @param draft  a directory of a model with the same tokenizer; null to decode plainly
     * @throws InputException if something is missing or damaged, or the two do not share a vocabulary
     */
    public static Engine open(Path target, Path draft, EngineOptions options) {
        return new Engine(Objects.requireNonNull(target, "target"), draft, Objects.requireNonNull(options, "options"));
    }

    /** Opens model directories with {@link EngineOptions#defaults}. */
    public static Engine open(Path target, Path draft) {
        return open(target, draft, EngineOptions.defaults());
    }

    /** The same, option by option. */
    public static EngineBuilder builder() {
        return new EngineBuilder();
    }

    private Engine(Path target, Path draft, EngineOptions options) {
        this.options = options;
        this.models = new LoadedModels(target, draft, options);
    }

    /** A session of its own, for texts that go on. Close it when it is not needed any more; its caches are as large as its longest text. */
    public EngineSession openSession() {
        return whileOpen(() -> newSession(Kind.REMEMBERING));
    }

    private EngineSession newSession(Kind kind) {
        var session = new EngineSession(this, models, options, kind);
        sessions.add(session);
        return session;
    }

    void forget(EngineSession session) {
        sessions.remove(session);
    }

    /** Continues {@code prompt}: {@link EngineSession#generate(String, Sampling, Consumer)} in a session that knows no other text. */
    public Generation generate(String prompt, Sampling sampling, Consumer<Token> listener) {
        return generate(prompt, GenerationSettings.of(sampling), listener);
    }

    /** Continues {@code prompt}: {@link EngineSession#generate(String, GenerationSettings, Consumer)} in a session that knows no other text. */
    public Generation generate(String prompt, GenerationSettings settings, Consumer<Token> listener) {
        return lending(Kind.FORGETTING, session -> session.generate(prompt, settings, listener));
    }

    /** Continues an encoded prompt: {@link EngineSession#generate(Prompt, GenerationSettings, Consumer)} in a session that knows no other text. */
    public Generation generate(Prompt prompt, GenerationSettings settings, Consumer<Token> listener) {
        return lending(Kind.FORGETTING, session -> session.generate(prompt, settings, listener));
    }

    /**
     * Continues many prompts, up to {@code inFlight} of them at once, each on a thread and in a session of its own. Prompt i has the index of
     * {@code settings} plus i.
     *
     * @param results hears them whole and in the order of the prompts, on this thread
     */
    public void generateAll(List<Prompt> prompts, GenerationSettings settings, int inFlight, Consumer<Generation> results) {
        InFlight.run(inFlight, prompts.size(), (i, cancelled) -> generate(prompts.get(i), numbered(settings, i, cancelled), token -> {}), results);
    }

    private static GenerationSettings numbered(GenerationSettings settings, int i, BooleanSupplier cancelled) {
        return settings.withIndex(settings.index() + i).cancelledWhen(() -> cancelled.getAsBoolean() || settings.cancelled().getAsBoolean());
    }

    /** Continues token ids: {@link EngineSession#generate(int[], GenerationSettings, IntConsumer)} in a session that knows no other text. */
    public Completion generate(int[] prompt, GenerationSettings settings, IntConsumer listener) {
        return lending(Kind.FORGETTING, session -> session.generate(prompt, settings, listener));
    }

    private <T> T lending(Kind kind, Function<EngineSession, T> work) {
        return whileOpen(() -> {
            Deque<EngineSession> rest = idle.get(kind);
            EngineSession lent = rest.poll();
            EngineSession session = lent == null ? newSession(kind) : lent;
            try {
                return work.apply(session);
            } finally {
                if (rest.size() < MOST_IDLE) {
                    rest.push(session);
                } else {
                    session.close();
                }
            }
        });
    }

    /** Measures how well the draft serves the target: {@link #evaluate(List, GenerationSettings, int, boolean, IntConsumer)} one prompt at a time. */
    public Acceptance evaluate(List<int[]> prompts, Sampling sampling, boolean timed, IntConsumer progress) {
        return evaluate(prompts, GenerationSettings.of(sampling), 1, timed, progress);
    }

    /**
     * Measures how well the draft serves the target; see {@link Evaluator}. Times mean something only while nothing else runs.
     *
     * @param inFlight prompts that are decoded at once. With 1 every prompt is decoded both ways in turn; with more all are decoded plainly, then all
     *                 speculatively, and the speeds are those of all that are in flight together. What is counted does not depend on it
     * @param prompts  token ids
     * @param timed    whether to decode plainly too and measure times
     * @param progress hears how many prompts are done
     * @throws InputException if the engine has no draft, there are no prompts, or one cannot be continued
     */
    public Acceptance evaluate(List<int[]> prompts, GenerationSettings settings, int inFlight, boolean timed, IntConsumer progress) {
        return whileOpen(() -> {
            if (models.draft() == null) {
                throw new InputException("there is no draft to evaluate; open the engine with one");
            }
            try (var lane = new Lane(models)) {
                var evaluator = new Evaluator(models.targetName(), lane.target(), models.endTokens(), lane.workspace(), lane::newAllocator)
                        .listening(() -> models.idListener(settings, settings.cancelled(), id -> {}));
                var evaluation = new Evaluator.Settings(settings.sampling(), options.speculation(), timed);
                Evaluator.Decoded decoded = inFlight == 1 ? null : decoded(prompts, settings, inFlight, timed);
                return evaluator.evaluate(models.draftName(), lane.draft(), models.vocabulary(), prompts, evaluation, decoded, progress);
            }
        });
    }

    /**
     * The counts of {@link #evaluate(List, Sampling, boolean, IntConsumer)} under greedy decoding, from texts that the target has written already: both
     * models read them once, nothing is decoded and nothing timed; see {@link Evaluator#read}.
     *
     * @param prompts token ids
     * @param texts   the target's own ids after each prompt, ends of text included
     * @throws InputException if the engine has no draft or drafts as many tokens as pay, there are no prompts, or a text is not the target's
     */
    public Acceptance evaluateTexts(List<int[]> prompts, List<int[]> texts, IntConsumer progress) {
        return whileOpen(() -> {
            if (models.draft() == null) {
                throw new InputException("there is no draft to evaluate; open the engine with one");
            }
            if (options.speculation().auto()) {
                throw new InputException("how many tokens auto drafts is not known before they are decoded; give a number");
            }
            try (var lane = new Lane(models)) {
                return new Evaluator(models.targetName(), lane.target(), models.endTokens(), lane.workspace(), lane::newAllocator)
                        .read(models.draftName(), lane.draft(), models.vocabulary(), prompts, texts, options.speculation(), progress);
            }
        });
    }

    /**
     * Checks that speculation leaves the target's output alone; see {@link LosslessnessCheck}.
     *
     * @param prompts  token ids
     * @param draws    texts sampled
     * @param decoders make what is checked: {@link LosslessnessCheck#OWN}
     * @param progress told what is done, a line each
     */
    public Losslessness verifyLossless(List<int[]> prompts, int draws, LosslessnessCheck.Decoders decoders, Consumer<String> progress) {
        return whileOpen(() -> {
            if (models.draft() == null) {
                throw new InputException("there is no draft to check; open the engine with one");
            }
            try (var lane = new Lane(models)) {
                return new LosslessnessCheck(
                                lane.target(), lane.draft(), models.vocabulary(), models.endTokens(), lane.workspace(), lane::newAllocator, decoders)
                        .run(prompts, draws, progress);
            }
        });
    }

    private Evaluator.Decoded decoded(List<int[]> prompts, GenerationSettings settings, int inFlight, boolean timed) {
        if (timed) {
            // Code that is not compiled yet would be timed else.
            List<int[]> first = prompts.subList(0, Math.min(inFlight, prompts.size()));
            decode(Kind.PLAIN, first, settings, inFlight);
            decode(Kind.FORGETTING, first, settings, inFlight);
        }
        long started = System.nanoTime();
        List<int[]> plain = timed ? decode(Kind.PLAIN, prompts, settings, inFlight).stream().map(Completion::ids).toList() : List.of();
        long between = System.nanoTime();
        List<Completion> speculative = decode(Kind.FORGETTING, prompts, settings, inFlight);
        return new Evaluator.Decoded(speculative, (System.nanoTime() - between) * 1e-9, plain, (between - started) * 1e-9);
    }

    private List<Completion> decode(Kind kind, List<int[]> prompts, GenerationSettings settings, int inFlight) {
        List<Completion> completions = new ArrayList<>();
        InFlight.run(
                inFlight,
                prompts.size(),
                (i, cancelled) -> lending(kind, session -> session.generate(prompts.get(i), numbered(settings, i, cancelled), id -> {})),
                completions::add);
        return completions;
    }

    /** The target's tokenizer. @throws InputException if it has none */
    public Tokenizer requireTokenizer() {
        return models.requireTokenizer();
    }

    /** Positions of the target: prompt and continuation together have no more tokens. */
    public int positions() {
        return models.target().architecture().maxPositions();
    }

    /** Bytes of native memory that the engine holds beside the mapped files, ranges that are only reserved included; 0 after the close. */
    public long bytesHeld() {
        return models.backend().bytesHeld();
    }

    /** What the user should know about the device that was chosen: a line each, mostly none. */
    public List<String> notes() {
        return models.backend().notes();
    }

    /** What runs where, in words. */
    public String description() {
        String proposing = models.draft() == null ? "" : " proposing " + options.speculation().describe();
        return models.describe() + proposing + ", on " + models.backend().decodingDescription();
    }

    /** Runs {@code work} while the close has to wait. */
    <T> T whileOpen(Supplier<T> work) {
        // Not lock(), which would wait behind a close that waits for this thread's caller.
        if (closed || !use.readLock().tryLock()) {
            throw new IllegalStateException("the engine is closed");
        }
        try {
            if (closed) {
                throw new IllegalStateException("the engine is closed");
            }
            return work.get();
        } finally {
            use.readLock().unlock();
        }
    }

    boolean isClosed() {
        return closed;
    }

    /** @throws IllegalStateException if called by a listener of a generation on this engine */
    @Override
    public void close() {
        if (use.getReadHoldCount() > 0) {
            throw new IllegalStateException(
                    "a listener cannot close the engine that it listens to; cancel the generation, and close it after that");
        }
        closed = true;
        use.writeLock().lock();
        try {
            List.copyOf(sessions).forEach(EngineSession::close);
            models.close();
        } finally {
            use.writeLock().unlock();
        }
    }
}
