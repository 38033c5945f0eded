package adaspec.bench;

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
import adaspec.decode.StepTimes;
import adaspec.decode.TextListener;
import adaspec.engine.Backend;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import adaspec.train.PeakMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * Decoding one text at a time, greedy, after a text of random ids: plainly, and with a draft whose tokens are accepted at a rate that is given. By the
 * code that {@code generate} runs. What can be compared is measured in turn, so that a machine that slows down does so for all of it.
 */
public final class DecodingBenchmark {
    /**
     * What is measured.
     *
     * @param draft       null: decode plainly only
     * @param context     tokens of the text, at least 1
     * @param newTokens   tokens decoded after it, at least 1
     * @param draftLength tokens drafted in a step
     * @param acceptance  probability that a drafted token that is judged is accepted
     * @param prefill     tokens of the text whose reading is timed
     * @param repetitions of everything, after one that is not kept
     */
    public record Settings(
            ModelSource target, ModelSource draft, int context, int newTokens, int draftLength, double acceptance, int prefill, int repetitions) {
        /** In words. */
        @Override
        public String toString() {
            String models = target + (draft == null ? "" : ", draft " + draft + ", " + draftLength + " tokens accepted at " + acceptance);
            return models + ", " + newTokens + " tokens after " + context;
        }
    }

    /**
     * What was measured, an entry of each list a repetition.
     *
     * @param readRates          bytes a second of reading on end, the faster of just before and just after decoding plainly
     * @param plainSeconds       of decoding all new tokens, the text before them already read
     * @param speculativeSeconds likewise with the draft; empty without
     * @param steps              what single steps take; empty without a draft
     * @param counts             of the draft's tokens, all repetitions together; null without a draft
     * @param prefillSeconds     of reading a text and asking for the law after it
     * @param peakBytes          the most memory this process had resident, 0 where the system does not say
     */
    record Measured(
            DecodingFloors floors, List<Double> readRates, List<Double> plainSeconds, List<Double> speculativeSeconds, List<StepTimes> steps, AcceptanceStats counts,
            List<Double> prefillSeconds, long peakBytes, Peaks peaks) {}

    private static final int[] NO_END = {};
    /** The index of what is decoded first and not kept. */
    private static final int WARM_UP = -1;
    /** How long reading is timed before and after each plain decoding. */
    private static final double READING_SECONDS = 0.3;
    private static final TextListener NOBODY = TextListener.of(token -> {});

    private final Settings settings;
    private final Backend backend;
    private final Consumer<String> progress;

    /** @param progress told what is done, a line each */
    public DecodingBenchmark(Settings settings, Backend backend, Consumer<String> progress) {
        this.settings = settings;
        this.backend = backend;
        this.progress = progress;
    }

    /** Makes or opens the models, decodes and measures. @throws InputException if a model has too few positions */
    public DecodingReport run() {
        try (var memory = backend.newAllocator();
                var target = settings.target.open(backend, memory);
                var draft = settings.draft == null ? null : settings.draft.open(backend, memory);
                var workspace = backend.newWorkspace()) {
            int vocabulary = target.model().architecture().vocabSize();
            if (draft != null) {
                vocabulary = Math.min(vocabulary, draft.model().architecture().vocabSize());
            }
            try (Session targetSession = session("the target", target, vocabulary, workspace);
                    Session draftSession = draft == null ? null : session("the draft", draft, vocabulary, workspace)) {
                Measured measured = new Run(targetSession, draftSession).measure();
                return new DecodingReport(settings, target.model().weightType(), backend.description(), measured);
            }
        }
    }

    private Session session(String role, ModelSource.Opened opened, int vocabulary, Workspace workspace) {
        int wanted = Math.max(settings.context + settings.newTokens + settings.draftLength, settings.prefill);
        int positions = opened.model().architecture().maxPositions();
        if (wanted > positions) {
            throw new InputException(role + " has " + positions + " positions; at least " + wanted + " were expected: shorten the context");
        }
        return new Session(role, opened.model(), vocabulary, wanted, workspace, backend.newAllocator());
    }

    /** The measuring itself. */
    private final class Run {
        private final Session target;
        private final Session draft;
        private final Sampling sampling = Sampling.greedy(settings.newTokens);
        private final int[] text;
        private final Decoder plain;
        private final Decoder speculative;
        private final AcceptanceStats counts = new AcceptanceStats(settings.draftLength);
        private final List<Double> readRates = new ArrayList<>();
        private final List<Double> plainSeconds = new ArrayList<>();
        private final List<Double> speculativeSeconds = new ArrayList<>();
        private final List<StepTimes> steps = new ArrayList<>();
        private final List<Double> prefillSeconds = new ArrayList<>();

        Run(Session target, Session draft) {
            this.target = target;
            this.draft = draft;
            text = new SplittableRandom(1).ints(Math.max(settings.context, settings.prefill), 0, target.vocabulary()).toArray();
            plain = new PlainDecoder(target, NO_END);
            speculative = draft == null ? null : SpeculativeDecoder.withSyntheticAcceptance(
                    target, new ModelProposer(draft, DraftSampleMethod.GREEDY), settings.draftLength, settings.acceptance);
            // A text is read once; what is timed is decoding alone.
            target.rememberText();
            if (draft != null) {
                draft.rememberText();
            }
        }

        Measured measure() {
            Peaks peaks = peaks();
            time(plain, WARM_UP);
            if (draft != null) {
                time(speculative, WARM_UP);
            }
            for (int i = 0; i < settings.repetitions; i++) {
                repetition(i);
            }
            return new Measured(
                    DecodingFloors.of(target.model().weights()), readRates, plainSeconds, speculativeSeconds, steps, draft == null ? null : counts,
                    prefillSeconds, PeakMemory.bytes(), peaks.best(peaks()));
        }

        private Peaks peaks() {
            try (var lent = backend.newAllocator()) {
                return Peaks.measure(backend.ops(), lent);
            }
        }

        private double readRate() {
            try (var lent = backend.newAllocator()) {
                return Peaks.sustainedReading(backend.ops(), lent, READING_SECONDS);
            }
        }

        private void repetition(int index) {
            prefillSeconds.add(prefill());
            double before = readRate();
            plainSeconds.add(time(plain, index));
            readRates.add(Math.max(before, readRate()));
            String said = String.format(Locale.ROOT, "repetition %d of %d: plain %.1f tokens/s", index + 1, settings.repetitions,
                    settings.newTokens / plainSeconds.getLast());
            if (draft != null) {
                speculativeSeconds.add(time(speculative, index));
                int[] read = Arrays.copyOf(text, settings.context);
                steps.add(StepTimes.measure(target, draft, DraftSampleMethod.GREEDY, read, settings.draftLength, sampling));
                said += String.format(Locale.ROOT, ", speculative %.1f tokens/s", settings.newTokens / speculativeSeconds.getLast());
            }
            progress.accept(said);
        }

        private double prefill() {
            int[] read = Arrays.copyOf(text, settings.prefill);
            target.rewind(0);
            try (var step = target.workspace().begin()) {
                Tensor law = step.f32(1, target.vocabulary());
                long start = System.nanoTime();
                target.advance(read, law);
                return (System.nanoTime() - start) * 1e-9;
            }
        }

        /** Seconds of decoding after the text, which the first decoding with a model reads and later ones remember. */
        private double time(Decoder decoder, int index) {
            int[] read = Arrays.copyOf(text, settings.context);
            if (target.length() < read.length - 1) {
                target.advance(Arrays.copyOfRange(read, target.length(), read.length - 1));
            }
            long start = System.nanoTime();
            Completion completion = decoder.decode(read, sampling, index, NOBODY);
            double seconds = (System.nanoTime() - start) * 1e-9;
            if (completion.ids().length != settings.newTokens) {
                throw new IllegalStateException(completion.ids().length + " tokens instead of " + settings.newTokens);
            }
            if (decoder == speculative && index != WARM_UP) {
                counts.add(completion.stats());
            }
            return seconds;
        }
    }
}
