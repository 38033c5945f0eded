package adaspec.engine;

import adaspec.common.InputException;
import adaspec.decode.Completion;
import adaspec.decode.Decoder;
import adaspec.decode.FinishReason;
import adaspec.decode.ModelProposer;
import adaspec.decode.PlainDecoder;
import adaspec.decode.Sampling;
import adaspec.decode.Session;
import adaspec.decode.SpeculativeDecoder;
import adaspec.eval.Acceptance;
import adaspec.eval.Evaluator;
import adaspec.model.Model;
import adaspec.model.Transformer;
import adaspec.tensor.Workspace;
import adaspec.text.Prompt;
import adaspec.text.TokenStream;
import adaspec.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/**
 * A target, and perhaps a draft that makes it faster without changing what it says, ready to continue text.
 *
 * <pre>{@code
 * try (var engine = Engine.open(target, draft, EngineOptions.defaults())) {
 *     engine.generate("Once upon a time", Sampling.greedy(64), token -> System.out.print(token.text()));
 * }
 * }</pre>
 *
 * <p>Safe for several threads, which take turns: a generation runs from beginning to end before the next one starts. A listener is called on
 * the thread that asked and may not call the engine. Nothing is printed. Closing twice is calm; after it every other call fails.
 */
public final class Engine implements AutoCloseable {
    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    private final EngineOptions options;
    private final Backend backend;
    private final Workspace workspace;
    private final Model targetModel;
    private final Model draftModel;
    private final Transformer target;
    private final Transformer draft;
    private final Tokenizer tokenizer;
    private final int vocabulary;
    private final int[] endTokens;
    private Session targetSession;
    private Session draftSession;
    private Decoder decoder;

    /**
     * Opens model directories.
     *
     * @param target a Hugging Face directory; its tokenizer.json is needed to continue text, not to continue ids
     * @param draft  a directory of a model with the same tokenizer; null to decode plainly
     * @throws InputException if something is missing or damaged, or the two do not share a vocabulary
     */
    public static Engine open(Path target, Path draft, EngineOptions options) {
        return new Engine(target, draft, options);
    }

    /** Opens model directories with {@link EngineOptions#defaults}. */
    public static Engine open(Path target, Path draft) {
        return open(target, draft, EngineOptions.defaults());
    }

    private Engine(Path targetDirectory, Path draftDirectory, EngineOptions options) {
        this.options = options;
        try {
            backend = opened(Backend.open(options.device(), options.threads()));
            var memory = opened(backend.newAllocator());
            workspace = opened(backend.newWorkspace());
            targetModel = opened(Model.open(targetDirectory, options.precision(), memory));
            target = new Transformer(backend.ops(), targetModel.weights(), memory);
            tokenizer = Vocabularies.tokenizerOrNull(targetDirectory);
            endTokens = targetModel.endTokens();
            if (draftDirectory == null) {
                draftModel = null;
                draft = null;
                vocabulary = Vocabularies.shared(targetModel);
            } else {
                draftModel = opened(Model.open(draftDirectory, options.precision(), memory));
                draft = new Transformer(backend.ops(), draftModel.weights(), memory);
                vocabulary = Vocabularies.shared(targetModel, draftModel);
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private <T extends AutoCloseable> T opened(T resource) {
        open.push(resource);
        return resource;
    }

    /** Continues {@code prompt}, the first of its kind: {@link #generate(String, Sampling, int, Consumer)} with index 0. */
    public Generation generate(String prompt, Sampling sampling, Consumer<Token> listener) {
        return generate(prompt, sampling, 0, listener);
    }

    /**
     * Continues {@code prompt}.
     *
     * @param index    enters the random numbers: equal prompts of different index are sampled differently
     * @param listener hears every token as it is emitted. A character that stays unfinished at the end is in the result's text only
     * @throws InputException if the target has no tokenizer, or the prompt is empty or too long
     */
    public synchronized Generation generate(String prompt, Sampling sampling, int index, Consumer<Token> listener) {
        return generate(Prompt.of(prompt, requireTokenizer(), null, 0), sampling, index, listener);
    }

    /** Continues an encoded prompt; otherwise as {@link #generate(String, Sampling, int, Consumer)}. */
    public synchronized Generation generate(Prompt prompt, Sampling sampling, int index, Consumer<Token> listener) {
        TokenStream stream = requireTokenizer().stream();
        StringBuilder text = new StringBuilder();
        long started = System.nanoTime();
        Completion completion = decode(prompt.ids(), sampling, index, id -> {
            String piece = isEnd(id) ? "" : stream.push(id);
            text.append(piece);
            listener.accept(new Token(id, piece));
        });
        double seconds = (System.nanoTime() - started) * 1e-9;
        text.append(stream.flush());
        return new Generation(prompt.text(), text.toString(), completion.ids(), completion.finishReason(), completion.stats(), seconds);
    }

    /**
     * Continues token ids, without a tokenizer.
     *
     * @return what was emitted; an end token is the last, and the reason is then {@link FinishReason#STOP}
     */
    public synchronized Completion generate(int[] prompt, Sampling sampling, int index, IntConsumer listener) {
        return decode(prompt, sampling, index, listener);
    }

    private Completion decode(int[] prompt, Sampling sampling, int index, IntConsumer listener) {
        requireOpen();
        prepare((long) prompt.length + sampling.maxNewTokens() + options.numSpeculativeTokens());
        return decoder.decode(prompt, sampling, index, listener);
    }

    /** Makes sure that the sessions can hold {@code wanted} ids, or as many as the models can. */
    private void prepare(long wanted) {
        int capacity = capacity(target, wanted);
        if (targetSession != null && targetSession.capacity() >= capacity) {
            return;
        }
        closeSessions();
        // Some room to grow, so that prompts of growing length do not make a new cache each.
        targetSession = session(name("target", targetModel), target, capacity(target, wanted * 3 / 2));
        if (draft == null) {
            decoder = new PlainDecoder(targetSession, endTokens);
        } else {
            draftSession = session(name("draft", draftModel), draft, capacity(draft, wanted * 3 / 2));
            var proposer = new ModelProposer(draftSession, options.draftSampleMethod());
            decoder = new SpeculativeDecoder(targetSession, proposer, options.numSpeculativeTokens(), endTokens);
        }
    }

    private static int capacity(Transformer model, long wanted) {
        return (int) Math.max(1, Math.min(wanted, model.architecture().maxPositions()));
    }

    private Session session(String name, Transformer model, int capacity) {
        return new Session(name, model, vocabulary, capacity, workspace, backend.newAllocator());
    }

    private static String name(String role, Model model) {
        return "the " + role + " " + model.directory();
    }

    /**
     * Measures how well the draft serves the target; see {@link Evaluator}.
     *
     * @param prompts  token ids
     * @param timed    whether to decode plainly too and measure times
     * @param progress hears how many prompts are done
     * @throws InputException if the engine has no draft, there are no prompts, or one cannot be continued
     */
    public synchronized Acceptance evaluate(List<int[]> prompts, Sampling sampling, boolean timed, IntConsumer progress) {
        requireOpen();
        if (draft == null) {
            throw new InputException("there is no draft to evaluate; open the engine with one");
        }
        closeSessions();
        var evaluator = new Evaluator(name("target", targetModel), target, endTokens, workspace, backend::newAllocator);
        var settings = new Evaluator.Settings(sampling, options.numSpeculativeTokens(), options.draftSampleMethod(), timed);
        return evaluator.evaluate(name("draft", draftModel), draft, vocabulary, prompts, settings, progress);
    }

    /** The target's tokenizer. @throws InputException if it has none */
    public Tokenizer requireTokenizer() {
        if (tokenizer == null) {
            throw new InputException("there is no tokenizer.json in " + targetModel.directory() + "; put the model's tokenizer there");
        }
        return tokenizer;
    }

    /** Positions of the target: prompt and continuation together have no more tokens. */
    public int positions() {
        return target.architecture().maxPositions();
    }

    /** What runs where, in words. */
    public String description() {
        String draftText = draft == null ? "" : ", draft " + draftModel.directory() + " proposing " + options.numSpeculativeTokens() + " tokens";
        return "target " + targetModel.directory() + " (" + target.weightType() + ")" + draftText + ", on " + backend.description();
    }

    private boolean isEnd(int id) {
        return Arrays.stream(endTokens).anyMatch(end -> end == id);
    }

    private void requireOpen() {
        if (open.isEmpty()) {
            throw new IllegalStateException("the engine is closed");
        }
    }

    private void closeSessions() {
        for (Session session : new Session[] {targetSession, draftSession}) {
            if (session != null) {
                session.close();
            }
        }
        targetSession = null;
        draftSession = null;
        decoder = null;
    }

    @Override
    public synchronized void close() {
        closeSessions();
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
