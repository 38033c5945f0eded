package adaspec.engine;

import adaspec.common.InputException;
import adaspec.decode.Completion;
import adaspec.decode.Decoder;
import adaspec.decode.DraftLength;
import adaspec.decode.FinishReason;
import adaspec.decode.PlainDecoder;
import adaspec.decode.Sampling;
import adaspec.decode.Session;
import adaspec.decode.SpeculativeDecoder;
import adaspec.decode.TextListener;
import adaspec.model.Transformer;
import adaspec.tensor.Workspace;
import adaspec.text.Prompt;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

/**
 * One line of texts on an engine: it has caches of its own and the engine's weights. It remembers what it has read and generated, so that a prompt with
 * the same beginning is not read from its beginning, and {@link #extend} goes on where the last text ended, as a conversation does. What it says is,
 * bit for bit, what a new session would say to the same ids.
 *
 * <pre>{@code
 * try (EngineSession session = engine.openSession()) {
 *     for (String turn : turns) {
 *         Generation answer = session.extend(turn, GenerationSettings.of(Sampling.greedy(16)), token -> System.out.print(token.text()));
 *     }
 * }
 * }</pre>
 *
 * <p>One generation at a time: a call while another thread generates, or by a listener of this session, is an {@link IllegalStateException}. Any thread
 * may close it: a generation that is running ends as {@link FinishReason#CANCELLED} with what it has, and the close waits for it. Closing
 * twice is calm, closing the engine closes it, and after that every call but {@link #close} and {@link #ids} is an {@link IllegalStateException}.
 */
public final class EngineSession implements AutoCloseable {
    /** What a session is for. */
    enum Kind {
        /** Texts that go on. */
        REMEMBERING,
        /** Texts that have nothing to do with each other. */
        FORGETTING,
        /** The same without the draft, which changes nothing but the time. */
        PLAIN
    }

    private final Engine engine;
    private final LoadedModels models;
    private final EngineOptions options;
    private final Kind kind;
    private final Lane lane;
    private final DraftLength lengths; // what it has learned outlives the caches
    private final ReentrantLock turn = new ReentrantLock();
    private volatile boolean closed;
    private volatile int[] ids = {};
    private Session target;
    private Session draft;
    private Decoder decoder;

    EngineSession(Engine engine, LoadedModels models, EngineOptions options, Kind kind) {
        this.engine = engine;
        this.models = models;
        this.options = options;
        this.kind = kind;
        this.lane = new Lane(models);
        this.lengths = options.speculation().draftLength();
    }

    /** Continues {@code prompt}: {@link #generate(String, GenerationSettings, Consumer)} without stop strings. */
    public Generation generate(String prompt, Sampling sampling, Consumer<Token> listener) {
        return generate(prompt, GenerationSettings.of(sampling), listener);
    }

    /**
     * Continues {@code prompt}.
     *
     * @param listener hears every token as it is emitted, on this thread. Its texts are the beginning of the result's: what is held back at the end,
     *                 because a character is unfinished or a stop string was not, is in the result only. What it throws comes out as it is
     * @throws InputException if the target has no tokenizer, or the prompt is empty or too long
     */
    public Generation generate(String prompt, GenerationSettings settings, Consumer<Token> listener) {
        return generate(Prompt.of(prompt, models.requireTokenizer(), null, 0), settings, listener);
    }

    /** Continues an encoded prompt; otherwise as {@link #generate(String, GenerationSettings, Consumer)}. */
    public Generation generate(Prompt prompt, GenerationSettings settings, Consumer<Token> listener) {
        return exclusively(() -> text(prompt, settings, listener));
    }

    /**
     * Goes on where the last text ended: with all of {@link #ids}, then {@code more}, then what is generated. On a new session as {@link #generate}.
     *
     * @param more encoded by itself, without the tokens that the tokenizer puts around a text; may be empty if there is a text already
     */
    public Generation extend(String more, GenerationSettings settings, Consumer<Token> listener) {
        return exclusively(() -> {
            if (ids.length == 0) {
                return text(Prompt.of(more, models.requireTokenizer(), null, 0), settings, listener);
            }
            int[] added = models.requireTokenizer().encode(more, false).ids();
            return text(new Prompt(more, concat(ids, added), null, 0), settings, listener);
        });
    }

    /**
     * Continues token ids; without stop strings no tokenizer is needed.
     *
     * @return what was emitted; an end token, or the token that completed a stop string, is the last, and the reason is then
     *     {@link FinishReason#STOP}
     */
    public Completion generate(int[] prompt, GenerationSettings settings, IntConsumer listener) {
        return exclusively(() -> decode(prompt.clone(), settings, models.idListener(settings, cancelled(settings), listener)));
    }

    /** The last text, prompt and continuation, also when the session is closed; empty before the first. A generation that throws leaves it as it was. */
    public int[] ids() {
        return ids.clone();
    }

    private Generation text(Prompt prompt, GenerationSettings settings, Consumer<Token> listener) {
        TextBuilder text = models.textBuilder(settings, cancelled(settings), listener);
        long started = System.nanoTime();
        Completion completion = decode(prompt.ids(), settings, text);
        double seconds = (System.nanoTime() - started) * 1e-9;
        String all = text.finish();
        FinishReason reason = text.stopped() ? FinishReason.STOP : completion.finishReason();
        return new Generation(prompt.text(), all, completion.ids(), reason, completion.stats(), seconds);
    }

    private BooleanSupplier cancelled(GenerationSettings settings) {
        return () -> closed || engine.isClosed() || Thread.currentThread().isInterrupted() || settings.cancelled().getAsBoolean();
    }

    private Completion decode(int[] prompt, GenerationSettings settings, TextListener listener) {
        models.requireUnchanged();
        prepare((long) prompt.length + settings.sampling().maxNewTokens() + options.speculation().numSpeculativeTokens());
        Completion completion = decoder.decode(prompt, settings.sampling(), settings.index(), listener);
        models.requireUnchanged();
        ids = concat(prompt, completion.ids());
        return completion;
    }

    /** Makes sure that the caches can hold {@code wanted} ids, or as many as the models can. */
    private void prepare(long wanted) {
        if (target != null && target.capacity() >= capacity(lane.target(), wanted)) {
            return;
        }
        // From the second time on some room to grow, so that texts of growing length do not make new caches each, which have all to read again.
        long room = target == null ? wanted : wanted * 3 / 2;
        closeCaches();
        try {
            target = session(models.targetName(), lane.target(), room);
            if (lane.draft() == null || kind == Kind.PLAIN) {
                decoder = new PlainDecoder(target, models.endTokens());
            } else {
                draft = session(models.draftName(), lane.draft(), room);
                decoder = SpeculativeDecoder.of(target, draft, options.speculation(), lengths, models.endTokens());
            }
        } catch (RuntimeException | Error e) {
            // Memory for one of the two and not for the other: half a pair would be taken for a whole one by the next text.
            closeCaches();
            throw e;
        }
    }

    private Session session(String name, Transformer model, long wanted) {
        Workspace.Allocator memory = lane.newAllocator();
        try {
            var session = new Session(name, model, models.vocabulary(), capacity(model, wanted), lane.workspace(), memory);
            if (kind == Kind.REMEMBERING) {
                session.rememberText();
            }
            return session;
        } catch (RuntimeException | Error e) {
            memory.close();
            throw e;
        }
    }

    private static int capacity(Transformer model, long wanted) {
        return (int) Math.max(1, Math.min(wanted, model.architecture().maxPositions()));
    }

    private void closeCaches() {
        for (Session session : new Session[] {target, draft}) {
            if (session != null) {
                session.close();
            }
        }
        target = null;
        draft = null;
        decoder = null;
    }

    /** Runs {@code work} while nothing of this session or of its engine can be closed. */
    private <T> T exclusively(Supplier<T> work) {
        return engine.whileOpen(() -> {
            if (!turn.tryLock()) {
                throw new IllegalStateException("this session generates on another thread; give each thread a session of its own");
            }
            try {
                if (turn.getHoldCount() > 1) {
                    throw new IllegalStateException("a listener cannot use the session that it listens to");
                }
                if (closed) {
                    throw new IllegalStateException("the session is closed");
                }
                return work.get();
            } finally {
                turn.unlock();
            }
        });
    }

    /** @throws IllegalStateException if called by a listener of this session */
    @Override
    public void close() {
        if (turn.isHeldByCurrentThread()) {
            throw new IllegalStateException("a listener cannot close the session that it listens to; cancel the generation and close the session after it");
        }
        closed = true;
        turn.lock();
        try {
            target = null;
            draft = null;
            decoder = null;
            lane.close();
        } finally {
            turn.unlock();
        }
        engine.forget(this);
    }

    private static int[] concat(int[] a, int[] b) {
        int[] all = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        return all;
    }
}
