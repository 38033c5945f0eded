package adaspec.soak;

import adaspec.common.InputException;
import adaspec.decode.DraftSampleMethod;
import adaspec.decode.FinishReason;
import adaspec.decode.Sampling;
import adaspec.decode.Speculation;
import adaspec.engine.DefaultAssets;
import adaspec.engine.Engine;
import adaspec.engine.EngineOptions;
import adaspec.engine.EngineSession;
import adaspec.engine.Generation;
import adaspec.engine.GenerationSettings;
import adaspec.ops.Verification;
import adaspec.tensor.DType;
import adaspec.text.Dataset;
import adaspec.text.Prompt;
import adaspec.train.Checkpoints;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

/**
 * Work of every kind that an engine does, drawn at random, on the default models. Any number of threads ask for pieces of it at once. One engine
 * lives as long as the load; others are opened with other options, used by several threads, and closed, also while they are used.
 */
final class Load implements AutoCloseable {
    /** What is counted. */
    enum Count {
        TEXTS, TOKENS, CANCELLED, EVALUATIONS, ENGINES, REFUSALS, CLOSED_IN_USE
    }

    /** What a listener throws that has had enough. */
    private static final class Enough extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private static final int PASSING_ENGINES = 2;
    private static final int KINDS = 20;
    private static final List<String> STOPS = List.of("\n", "####", ".", " the ", "$<<", "is: ");
    private static final DType[] PRECISIONS = {null, null, DType.F32, DType.F16, DType.BF16};

    private final DefaultAssets assets;
    private final Path folder;
    private final int threads;
    private final Path damaged;
    private final List<Prompt> prompts;
    private final Engine lasting;
    private final AtomicReferenceArray<Engine> passing = new AtomicReferenceArray<>(PASSING_ENGINES);
    private final AtomicInteger pieces = new AtomicInteger();
    private final AtomicLongArray counts = new AtomicLongArray(Count.values().length);

    /**
     * @param folder  for files that come and go
     * @param threads of the processor for one operation
     */
    Load(Path folder, int threads) throws IOException {
        this.folder = Files.createDirectories(folder);
        this.threads = threads;
        this.assets = DefaultAssets.open(folder.resolve("assets"));
        this.lasting = Engine.open(assets.target(), assets.draft(), options(Speculation.defaults(), null));
        this.prompts = Dataset.read(List.of(assets.evalFile()), null, lasting.requireTokenizer(), OptionalInt.empty(), Integer.MAX_VALUE).samples()
                .stream().map(sample -> sample.evaluationPrompt(lasting.requireTokenizer())).toList();
        // Its session without the draft, which lasts too, is made by the first evaluation with times: not in the middle of the measurements.
        lasting.evaluate(List.of(prompts.getFirst().ids(), prompts.get(1).ids()), GenerationSettings.of(Sampling.greedy(2)), 2, true, done -> {});
        this.damaged = Files.createDirectories(folder.resolve("damaged"));
        for (String file : List.of("config.json", "tokenizer.json")) {
            Files.write(damaged.resolve(file), Files.readAllBytes(assets.draft().resolve(file)));
        }
        byte[] weights = Files.readAllBytes(assets.draft().resolve("model.safetensors"));
        Files.write(damaged.resolve("model.safetensors"), Arrays.copyOf(weights, weights.length - 1));
    }

    Engine lasting() {
        return lasting;
    }

    List<Prompt> prompts() {
        return prompts;
    }

    long[] counts() {
        long[] now = new long[counts.length()];
        Arrays.setAll(now, counts::get);
        return now;
    }

    private void count(Count what, long more) {
        counts.addAndGet(what.ordinal(), more);
    }

    /** The models once more, with the options of the lasting engine. */
    Engine reopened() {
        count(Count.ENGINES, 1);
        return Engine.open(assets.target(), assets.draft(), options(Speculation.defaults(), null));
    }

    /** Closes what is not to last. */
    void rest() {
        for (int i = 0; i < PASSING_ENGINES; i++) {
            close(passing.getAndSet(i, null));
        }
    }

    /** Does one piece of work. What it throws was not to be expected. */
    void piece(RandomGenerator random) throws IOException {
        int begun = pieces.getAndIncrement();
        // The first are one of each kind, spread out, so that even a short run has them all.
        switch (begun < KINDS ? 7 * begun % KINDS : random.nextInt(KINDS)) {
            case 0, 1, 2, 3, 4, 5, 6 -> onAny(random, engine -> text(engine, random));
            case 7, 8, 9, 10 -> onAny(random, engine -> ids(engine, random));
            case 11, 12 -> onAny(random, engine -> conversation(engine, random));
            case 13, 14 -> onAny(random, engine -> batch(engine, random));
            case 15, 16 -> evaluation(random);
            case 17, 18 -> close(passing.getAndSet(random.nextInt(PASSING_ENGINES), opened(random)));
            default -> refusal(random);
        }
    }

    // ------------------------------------------------------------------------------------------------ engines

    private EngineOptions options(Speculation speculation, DType precision) {
        return new EngineOptions("cpu", threads, precision, speculation);
    }

    private Engine opened(RandomGenerator random) throws IOException {
        DraftSampleMethod method = any(random, DraftSampleMethod.values());
        Verification verification = any(random, Verification.values());
        Speculation speculation = random.nextInt(3) == 0
                ? Speculation.auto(method, verification)
                : new Speculation(1 + random.nextInt(random.nextBoolean() ? 8 : 24), method, verification);
        // The target as its own draft is the longest text that a draft can have accepted.
        Path draft = random.nextInt(8) == 0 ? null : random.nextInt(8) == 0 ? assets.target() : assets.draft();
        count(Count.ENGINES, 1);
        if (random.nextInt(10) == 0) {
            return ofFilesThatVanish(options(speculation, any(random, PRECISIONS)));
        }
        return Engine.open(assets.target(), draft, options(speculation, any(random, PRECISIONS)));
    }

    /** Unpacks the default models anew, and deletes them while they are mapped. */
    private Engine ofFilesThatVanish(EngineOptions options) throws IOException {
        Path place = Files.createTempDirectory(folder, "unpacked");
        try {
            DefaultAssets fresh = DefaultAssets.open(place);
            return Engine.open(fresh.target(), fresh.draft(), options);
        } finally {
            Checkpoints.deleteTree(place);
        }
    }

    private static void close(Engine engine) {
        if (engine != null) {
            engine.close();
        }
    }

    private void onAny(RandomGenerator random, Consumer<Engine> work) throws IOException {
        Engine engine = lasting;
        if (random.nextBoolean()) {
            int i = random.nextInt(PASSING_ENGINES);
            engine = passing.get(i);
            if (engine == null) {
                engine = opened(random);
                close(passing.getAndSet(i, engine));
            }
        }
        try {
            work.accept(engine);
        } catch (IllegalStateException e) {
            if (engine == lasting || !"the engine is closed".equals(e.getMessage())) {
                throw e;
            }
            count(Count.CLOSED_IN_USE, 1);
        } catch (Enough e) {
            count(Count.CANCELLED, 1);
        }
    }

    // ------------------------------------------------------------------------------------------------ texts

    private void text(Engine engine, RandomGenerator random) {
        Asked asked = new Asked(random);
        finish(() -> counted(engine.generate(prompt(random), asked.settings, token -> asked.heard())));
    }

    private void ids(Engine engine, RandomGenerator random) {
        Asked asked = new Asked(random);
        int[] ids = random.ints(1 + log(random, engine.positions() - 1), 1, 1000).toArray();
        finish(() -> {
            var completion = engine.generate(ids, asked.settings, id -> asked.heard());
            counted(completion.ids().length, completion.finishReason());
        });
    }

    private void conversation(Engine engine, RandomGenerator random) {
        try (EngineSession session = engine.openSession()) {
            for (int turns = 1 + random.nextInt(4); turns > 0; turns--) {
                Asked asked = new Asked(random);
                String more = prompts.get(random.nextInt(prompts.size())).text();
                String said = more.substring(0, 1 + random.nextInt(more.length()));
                // A conversation that has filled the positions is over.
                if (session.ids().length + said.length() < engine.positions()) {
                    finish(() -> counted(session.extend(said, asked.settings, token -> asked.heard())));
                }
            }
        }
    }

    private void batch(Engine engine, RandomGenerator random) {
        List<Prompt> some = some(random, 6);
        Asked asked = new Asked(random);
        // Listeners of a batch hear whole texts; what cancels is asked between tokens, on the batch's threads.
        finish(() -> engine.generateAll(some, asked.settings, 1 + random.nextInt(4), this::counted));
    }

    private void evaluation(RandomGenerator random) {
        var settings = GenerationSettings.of(sampling(random, 64)).withStop(random.nextInt(4) == 0 ? List.of(any(random, STOPS)) : List.of());
        // Times begin with seconds of warming up.
        boolean timed = random.nextInt(100) == 0;
        var acceptance = lasting.evaluate(
                some(random, 4).stream().map(Prompt::ids).toList(), settings, 1 + random.nextInt(3), timed, done -> {});
        count(Count.EVALUATIONS, 1);
        count(Count.TOKENS, acceptance.numTargetTokens());
    }

    /** A text that may end by an interrupt, which must not reach what comes after. */
    private static void finish(Runnable work) {
        try {
            work.run();
        } finally {
            Thread.interrupted();
        }
    }

    private void counted(Generation generation) {
        counted(generation.ids().length, generation.finishReason());
    }

    private void counted(int tokens, FinishReason reason) {
        count(Count.TEXTS, 1);
        count(Count.TOKENS, tokens);
        count(Count.CANCELLED, reason == FinishReason.CANCELLED ? 1 : 0);
    }

    /** What one text is asked with, and how it is broken off: mostly not at all. */
    private final class Asked {
        private final GenerationSettings settings;
        private final AtomicBoolean cancelled = new AtomicBoolean();
        private final int how;
        private int left;

        Asked(RandomGenerator random) {
            how = random.nextInt(12);
            left = 1 + random.nextInt(40);
            long deadline = System.nanoTime() + random.nextLong(200_000_000);
            var all = GenerationSettings.of(sampling(random, 256)).withIndex(random.nextInt(1000))
                    .cancelledWhen(() -> cancelled.get() || how == 0 && System.nanoTime() > deadline);
            settings = random.nextInt(3) > 0 ? all : all.withStop(any(random, STOPS), Integer.toString(random.nextInt(100)));
        }

        void heard() {
            if (--left == 0) {
                switch (how) {
                    case 1, 2 -> cancelled.set(true);
                    case 3 -> Thread.currentThread().interrupt();
                    case 4 -> throw new Enough();
                    default -> { }
                }
            }
        }
    }

    // ------------------------------------------------------------------------------------------------ refusals

    private void refusal(RandomGenerator random) {
        Runnable wrong = switch (random.nextInt(5)) {
            case 0 -> () -> lasting.generate("", GenerationSettings.of(Sampling.greedy(4)), token -> {});
            case 1 -> () -> lasting.generate(new int[lasting.positions() + 1], GenerationSettings.of(Sampling.greedy(4)), id -> {});
            case 2 -> () -> lasting.evaluate(List.of(), Sampling.greedy(4), false, done -> {});
            case 3 -> () -> Engine.open(assets.target(), damaged, options(Speculation.defaults(), any(random, PRECISIONS))).close();
            default -> () -> Engine.open(assets.target(), folder.resolve("nowhere"), options(Speculation.defaults(), null)).close();
        };
        try {
            wrong.run();
        } catch (InputException e) {
            count(Count.REFUSALS, 1);
            return;
        }
        throw new IllegalStateException("what had to be refused was not");
    }

    // ------------------------------------------------------------------------------------------------ draws

    private static Sampling sampling(RandomGenerator random, int mostTokens) {
        int tokens = log(random, mostTokens);
        if (random.nextInt(5) < 2) {
            return Sampling.greedy(tokens);
        }
        int topK = random.nextBoolean() ? 0 : 1 + random.nextInt(100);
        double topP = random.nextBoolean() ? 1 : 0.1 + 0.9 * random.nextDouble();
        return new Sampling(tokens, 0.2 + 1.5 * random.nextDouble(), topK, topP, random.nextLong());
    }

    /** 0 to {@code most}, small numbers as likely as large ones. */
    private static int log(RandomGenerator random, int most) {
        return (int) Math.exp(random.nextDouble() * Math.log(most + 1.0)) - (random.nextInt(8) == 0 ? 1 : 0);
    }

    /** One to three prompts, cut off anywhere. */
    private String prompt(RandomGenerator random) {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(3); i >= 0; i--) {
            text.append(prompts.get(random.nextInt(prompts.size())).text());
        }
        return text.substring(0, 1 + random.nextInt(Math.min(text.length(), 2 * lasting.positions())));
    }

    private List<Prompt> some(RandomGenerator random, int most) {
        List<Prompt> some = new ArrayList<>();
        for (int i = random.nextInt(most); i >= 0; i--) {
            some.add(prompts.get(random.nextInt(prompts.size())));
        }
        return some;
    }

    @SafeVarargs
    private static <T> T any(RandomGenerator random, T... values) {
        return values[random.nextInt(values.length)];
    }

    private static <T> T any(RandomGenerator random, List<T> values) {
        return values.get(random.nextInt(values.size()));
    }

    @Override
    public void close() {
        rest();
        lasting.close();
    }
}
