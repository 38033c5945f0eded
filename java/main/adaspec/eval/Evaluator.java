package adaspec.eval;

import adaspec.common.InputException;
import adaspec.decode.AcceptanceStats;
import adaspec.decode.Completion;
import adaspec.decode.Decoder;
import adaspec.decode.DraftSampleMethod;
import adaspec.decode.ModelProposer;
import adaspec.decode.PlainDecoder;
import adaspec.decode.Sampling;
import adaspec.decode.Session;
import adaspec.decode.SpeculativeDecoder;
import adaspec.model.Transformer;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

/**
 * Measures drafts against one target.
 *
 * <p>Every prompt is decoded speculatively and, if times are wanted, plainly as well: in turn, the order swapped from prompt to prompt, so that a
 * machine that slows down does so for both; the first prompt is decoded once by each beforehand and that is discarded. At temperature 0 the two
 * outputs are compared, and a difference is an error of this engine. One thread at a time.
 */
public final class Evaluator {
    private static final int STEP_REPETITIONS = 25;

    /**
     * @param sampling             of the target; its seed and a prompt's index fix every draw
     * @param numSpeculativeTokens N, tokens drafted in a step
     * @param draftSampleMethod    how the draft draws
     * @param timed                whether to decode plainly too and measure times
     */
    public record Settings(Sampling sampling, int numSpeculativeTokens, DraftSampleMethod draftSampleMethod, boolean timed) {}

    private final String targetName;
    private final Transformer target;
    private final int[] endTokens;
    private final Workspace workspace;
    private final Supplier<Workspace.Allocator> memory;

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
        if (prompts.isEmpty()) {
            throw new InputException("there are no prompts to evaluate with; give at least one");
        }
        int longest = prompts.stream().mapToInt(p -> p.length).max().getAsInt();
        long wanted = (long) longest + settings.sampling().maxNewTokens() + settings.numSpeculativeTokens();
        try (Session targetSession = session(targetName, target, vocabulary, wanted);
                Session draftSession = session(draftName, draft, vocabulary, wanted)) {
            return new Run(targetSession, draftSession, settings).over(prompts, progress);
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
        private final ExpectedAcceptance expected = new ExpectedAcceptance();
        private final AcceptanceStats stats;
        private long plainTokens;
        private long plainNanos;
        private long speculativeTokens;
        private long speculativeNanos;

        Run(Session targetSession, Session draftSession, Settings settings) {
            this.targetSession = targetSession;
            this.draftSession = draftSession;
            this.settings = settings;
            this.plain = new PlainDecoder(targetSession, endTokens);
            this.speculative = new SpeculativeDecoder(
                    targetSession,
                    new ModelProposer(draftSession, settings.draftSampleMethod()),
                    settings.numSpeculativeTokens(),
                    endTokens);
            this.stats = new AcceptanceStats(settings.numSpeculativeTokens());
        }

        Acceptance over(List<int[]> prompts, IntConsumer progress) {
            if (settings.timed()) {
                decode(plain, prompts.getFirst(), 0);
                decode(speculative, prompts.getFirst(), 0);
            }
            for (int i = 0; i < prompts.size(); i++) {
                prompt(prompts.get(i), i);
                progress.accept(i + 1);
            }
            Timing timing = settings.timed() ? timing(prompts.getLast()) : null;
            return Acceptance.of(speculativeTokens, settings.sampling(), stats, counts, expected.mean(), timing);
        }

        private void prompt(int[] prompt, int index) {
            int[] plainIds = null;
            if (settings.timed() && index % 2 == 0) {
                plainIds = plainly(prompt, index);
            }
            long started = System.nanoTime();
            Completion completion = decode(speculative, prompt, index);
            speculativeNanos += System.nanoTime() - started;
            speculativeTokens += completion.ids().length;
            if (settings.timed() && index % 2 == 1) {
                plainIds = plainly(prompt, index);
            }
            if (plainIds != null && settings.sampling().isGreedy() && !Arrays.equals(plainIds, completion.ids())) {
                throw new IllegalStateException("greedy speculative decoding of prompt " + index + " differs from plain greedy decoding at token "
                        + Arrays.mismatch(plainIds, completion.ids()));
            }
            stats.add(completion.stats());
            counts.add(new Acceptance.PromptCounts(completion.stats().acceptedTokens(), completion.stats().rejections()));
            expected.add(targetSession, draftSession, prompt, completion.ids());
        }

        private int[] plainly(int[] prompt, int index) {
            long started = System.nanoTime();
            int[] ids = decode(plain, prompt, index).ids();
            plainNanos += System.nanoTime() - started;
            plainTokens += ids.length;
            return ids;
        }

        private Completion decode(Decoder decoder, int[] prompt, int index) {
            return decoder.decode(prompt, settings.sampling(), index, token -> {});
        }

        private Timing timing(int[] prompt) {
            double[] draftSteps = new double[STEP_REPETITIONS];
            double[] targetSteps = new double[STEP_REPETITIONS];
            // One more round than is kept: the first one warms up.
            for (int i = -1; i < STEP_REPETITIONS; i++) {
                double draftStep = stepSeconds(draftSession, prompt);
                double targetStep = stepSeconds(targetSession, prompt);
                if (i >= 0) {
                    draftSteps[i] = draftStep;
                    targetSteps[i] = targetStep;
                }
            }
            return new Timing(
                    plainTokens, plainNanos * 1e-9, speculativeTokens, speculativeNanos * 1e-9, median(draftSteps), median(targetSteps));
        }

        /** Time of one token through a model at the end of {@code prompt}, head included. */
        private double stepSeconds(Session session, int[] prompt) {
            int before = Math.min(prompt.length - 1, session.capacity() - 1);
            if (session.length() < before) {
                session.rewind(0);
                session.advance(Arrays.copyOf(prompt, before));
            }
            session.rewind(before);
            try (var step = workspace.begin()) {
                Tensor law = step.f32(1, session.vocabulary());
                long started = System.nanoTime();
                session.advance(new int[] {prompt[before]}, law);
                return (System.nanoTime() - started) * 1e-9;
            }
        }
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
