package adaspec.eval;

import adaspec.common.InputException;
import adaspec.decode.AcceptanceStats;
import adaspec.decode.Completion;
import adaspec.decode.Decoder;
import adaspec.decode.PlainDecoder;
import adaspec.decode.Sampling;
import adaspec.decode.Session;
import adaspec.decode.Speculation;
import adaspec.decode.SpeculativeDecoder;
import adaspec.decode.StepTimes;
import adaspec.decode.TextListener;
import adaspec.model.Transformer;
import adaspec.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

/**
 * Measures drafts against one target.
 *
 * <p>Every prompt is decoded speculatively and, if times are wanted, plainly as well: in turn, the order swapped from prompt to prompt, so that a
 * machine that slows down does so for both; the first prompts are decoded by each beforehand, for three seconds, and that is discarded. At
 * temperature 0 the two outputs are compared, and a difference is an error of this engine. One thread at a time.
 */
public final class Evaluator {
    /** Draft lengths up to this, or up to N where it is longer, are timed and replayed. */
    public static final int LONGEST = 16;

    private static final long WARM_UP_NANOS = 3_000_000_000L;

    /**
     * @param sampling    of the target; its seed and a prompt's index fix every draw
     * @param speculation how the draft is used
     * @param timed       whether to decode plainly too and measure times
     */
    public record Settings(Sampling sampling, Speculation speculation, boolean timed) {
        private int longest() {
            return Math.max(LONGEST, speculation.numSpeculativeTokens());
        }
    }

    /**
     * Texts that were decoded beforehand, several at once.
     *
     * @param speculative        a completion for each prompt
     * @param speculativeSeconds from the first prompt to the last token
     * @param plain              the target's own ids for each prompt; empty where no times are wanted
     * @param plainSeconds       likewise
     */
    public record Decoded(List<Completion> speculative, double speculativeSeconds, List<int[]> plain, double plainSeconds) {}

    private final String targetName;
    private final Transformer target;
    private final int[] endTokens;
    private final Workspace workspace;
    private final Supplier<Workspace.Allocator> memory;
    private Supplier<TextListener> listeners = () -> TextListener.of(token -> {});

    /**
     * @param targetName for sentences: {@code the target runs/a}
     * @param endTokens  ids that end a text
     * @param workspace  shared by both models; must outlive the evaluator
     * @param memory     makes allocators for caches, closed after each evaluation
     */
    public Evaluator(String targetName, Transformer target, int[] endTokens, Workspace workspace, Supplier<Workspace.Allocator> memory) {
        this.targetName = targetName;
        this.target = target;
        this.endTokens = endTokens.clone();
        this.workspace = workspace;
        this.memory = memory;
    }

    /** From now on a listener of its own may end each text that is decoded. */
    public Evaluator listening(Supplier<TextListener> ofEachText) {
        listeners = ofEachText;
        return this;
    }

    /**
     * Measures {@code draft}.
     *
     * @param vocabulary both laws are taken over ids 0 to vocabulary - 1 and renormalised there
     * @param prompts    token ids, at least one prompt
     * @param progress   hears how many prompts are done
     * @throws InputException if there is no prompt, one cannot be continued, or logits are not finite
     */
    public Acceptance evaluate(
            String draftName, Transformer draft, int vocabulary, List<int[]> prompts, Settings settings, IntConsumer progress) {
        return evaluate(draftName, draft, vocabulary, prompts, settings, null, progress);
    }

    /** The same for texts that were decoded beforehand with {@code settings}; null: they are decoded here, one after the other. */
    public Acceptance evaluate(
            String draftName, Transformer draft, int vocabulary, List<int[]> prompts, Settings settings, Decoded decoded, IntConsumer progress) {
        if (prompts.isEmpty()) {
            throw new InputException("there are no prompts to evaluate with; give at least one");
        }
        int longest = prompts.stream().mapToInt(p -> p.length).max().getAsInt();
        long wanted = (long) longest + settings.sampling().maxNewTokens() + settings.longest();
        try (Session targetSession = session(targetName, target, vocabulary, wanted);
                Session draftSession = session(draftName, draft, vocabulary, wanted)) {
            return new Run(targetSession, draftSession, settings).over(prompts, decoded, progress);
        }
    }

    /**
     * The same counts without decoding: what speculation would count on the target's own greedy texts, from one reading of them by both models
     * ({@link DraftLengthReplay}). Nothing is timed.
     *
     * @param texts what the target wrote after each prompt, ends of text included
     * @throws InputException if a text is not what the target writes
     */
    public Acceptance read(
            String draftName,
            Transformer draft,
            int vocabulary,
            List<int[]> prompts,
            List<int[]> texts,
            Speculation speculation,
            IntConsumer progress) {
        if (prompts.isEmpty() || prompts.size() != texts.size() || speculation.auto()) {
            throw new IllegalArgumentException(prompts.size() + " prompts, " + texts.size() + " texts, drafts of " + speculation.describe());
        }
        int limit = texts.stream().mapToInt(t -> t.length).max().getAsInt();
        var settings = new Settings(Sampling.greedy(Math.max(1, limit)), speculation, false);
        int longest = prompts.stream().mapToInt(p -> p.length).max().getAsInt();
        long wanted = (long) longest + settings.sampling().maxNewTokens() + settings.longest();
        try (Session targetSession = session(targetName, target, vocabulary, wanted);
                Session draftSession = session(draftName, draft, vocabulary, wanted)) {
            return new Run(targetSession, draftSession, settings).overTexts(prompts, texts, progress);
        }
    }

    private Session session(String name, Transformer model, int vocabulary, long wanted) {
        int capacity = Math.clamp(wanted, 1, model.architecture().maxPositions());
        return new Session(name, model, vocabulary, capacity, workspace, memory.get());
    }

    /** One evaluation. */
    private final class Run {
        private final Session targetSession;
        private final Session draftSession;
        private final Settings settings;
        private final Decoder plain;
        private final Decoder speculative;
        private final List<Acceptance.PromptCounts> counts = new ArrayList<>();
        private final SecondReading reading;
        private final DraftLengthReplay replay; // null where the text is not greedy
        private final AcceptanceStats stats;
        private long plainTokens;
        private double plainSeconds;
        private long speculativeTokens;
        private double speculativeSeconds;

        Run(Session targetSession, Session draftSession, Settings settings) {
            this.targetSession = targetSession;
            this.draftSession = draftSession;
            this.settings = settings;
            this.plain = new PlainDecoder(targetSession, endTokens);
            this.speculative = SpeculativeDecoder.of(targetSession, draftSession, settings.speculation(), settings.speculation().draftLength(), endTokens);
            this.stats = new AcceptanceStats(settings.speculation().numSpeculativeTokens());
            this.reading = new SecondReading(targetSession, draftSession);
            this.replay = settings.sampling().isGreedy()
                    ? new DraftLengthReplay(settings.longest(), targetSession.capacity(), draftSession.capacity())
                    : null;
        }

        Acceptance over(List<int[]> prompts, Decoded decoded, IntConsumer progress) {
            if (decoded != null) {
                speculativeSeconds = decoded.speculativeSeconds();
                plainSeconds = decoded.plainSeconds();
            } else if (settings.timed()) {
                warmUp(prompts);
            }
            int[] emitted = {};
            for (int i = 0; i < prompts.size(); i++) {
                if (decoded == null) {
                    emitted = prompt(prompts.get(i), i);
                } else {
                    int[] plainIds = settings.timed() ? decoded.plain().get(i) : null;
                    emitted = judge(prompts.get(i), i, decoded.speculative().get(i), plainIds);
                }
                progress.accept(i + 1);
            }
            return result(settings.timed() ? timing(prompts.getLast(), emitted) : null);
        }

        private Acceptance result(Timing timing) {
            List<AcceptanceStats> replayed = replay == null ? List.of() : replay.stats();
            return Acceptance.of(speculativeTokens, settings.sampling(), settings.speculation(), stats, counts, reading.expectedAcceptance(), replayed, timing);
        }

        Acceptance overTexts(List<int[]> prompts, List<int[]> texts, IntConsumer progress) {
            for (int i = 0; i < prompts.size(); i++) {
                int[] prompt = prompts.get(i);
                int[] ids = texts.get(i);
                var counted = new AcceptanceStats(stats.numSpeculativeTokens());
                readAgain(prompt, ids, agrees -> {
                    replay.count(counted, prompt.length, ids.length, agrees);
                    return counted;
                });
                if (ids.length == 0 || reading.strange() >= 0) {
                    throw new InputException("text " + (i + 1) + " is not what " + targetName + " writes greedily: "
                            + (ids.length == 0 ? "it has no tokens" : "its token " + reading.strange() + " (from 0) is another"));
                }
                progress.accept(i + 1);
            }
            return result(null);
        }

        /** Decodes prompts both ways for a while, at most each once: code that is not compiled yet would be timed else. */
        private void warmUp(List<int[]> prompts) {
            long started = System.nanoTime();
            for (int i = 0; i == 0 || i < prompts.size() && System.nanoTime() - started < WARM_UP_NANOS; i++) {
                decode(plain, prompts.get(i), i);
                decode(speculative, prompts.get(i), i);
            }
        }

        /** Returns what was emitted. */
        private int[] prompt(int[] prompt, int index) {
            int[] plainIds = null;
            if (settings.timed() && index % 2 == 0) {
                plainIds = plainly(prompt, index);
            }
            long started = System.nanoTime();
            Completion completion = decode(speculative, prompt, index);
            speculativeSeconds += (System.nanoTime() - started) * 1e-9;
            if (settings.timed() && index % 2 == 1) {
                plainIds = plainly(prompt, index);
            }
            return judge(prompt, index, completion, plainIds);
        }

        /** @param plainIds null where the target did not decode alone */
        private int[] judge(int[] prompt, int index, Completion completion, int[] plainIds) {
            plainTokens += plainIds == null ? 0 : plainIds.length;
            if (plainIds != null && settings.sampling().isGreedy() && !Arrays.equals(plainIds, completion.ids())) {
                throw new IllegalStateException("greedy speculative decoding of prompt " + index + " differs from plain greedy decoding at token "
                        + Arrays.mismatch(plainIds, completion.ids()));
            }
            readAgain(prompt, completion.ids(), agrees -> completion.stats());
            return completion.ids();
        }

        /** Counts a text. @param counting what verification counted of it, given where the draft's argmax is the text's token */
        private void readAgain(int[] prompt, int[] ids, Function<BitSet, AcceptanceStats> counting) {
            double sum = reading.sum();
            long positions = reading.positions();
            BitSet agrees = reading.read(prompt, ids);
            if (replay != null) {
                if (agrees.length() == ids.length && ids.length > 0) {
                    reading.readOn(agrees, ids[ids.length - 1], ids.length, ids.length + replay.longest() - 1);
                }
                replay.add(prompt.length, ids.length, agrees);
            }
            AcceptanceStats counted = counting.apply(agrees);
            stats.add(counted);
            speculativeTokens += ids.length;
            counts.add(Acceptance.PromptCounts.of(ids.length, counted, reading.positions() - positions, reading.sum() - sum));
        }

        private int[] plainly(int[] prompt, int index) {
            long started = System.nanoTime();
            int[] ids = decode(plain, prompt, index).ids();
            plainSeconds += (System.nanoTime() - started) * 1e-9;
            return ids;
        }

        private Completion decode(Decoder decoder, int[] prompt, int index) {
            return decoder.decode(prompt, settings.sampling(), index, listeners.get());
        }

        /** Single steps are timed in the middle of a text. */
        private Timing timing(int[] prompt, int[] emitted) {
            int[] text = Arrays.copyOf(prompt, prompt.length + emitted.length / 2);
            System.arraycopy(emitted, 0, text, prompt.length, emitted.length / 2);
            StepTimes steps = StepTimes.measure(
                    targetSession, draftSession, settings.speculation().draftSampleMethod(), text, settings.longest(), settings.sampling());
            return new Timing(plainTokens, plainSeconds, speculativeTokens, speculativeSeconds, steps);
        }
    }
}
