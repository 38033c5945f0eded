package adaspec.decode;

import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.model.Transformer;
import adaspec.ops.Ops;
import adaspec.ops.Verification;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.Arrays;
import java.util.function.BooleanSupplier;
import org.apache.commons.math3.distribution.ChiSquaredDistribution;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Texts that decoders write over vocabularies of 1,000 and 50,304 ids, beside the target's law in float64.
 *
 * <p>At every position the ids are sorted into bins by log(p / q), the direction in which a fault of verification moves mass; a bin's expected count
 * is the sum over positions of its mass under the target, given the text before. The sum of (observed - expected)^2 / expected is then at most
 * chi-square distributed: the covariance of a sum of unlike multinomials is below that of one multinomial of their mean.
 */
class LargeVocabularyLawTest {
    private static final double SURE = 1e-9; // a fault's p-value must be below
    private static final double PLAUSIBLE = 1e-3; // ours must be above; seeds are fixed, so this does not flicker
    private static final int BINS = 25;
    private static final int POSITIONS = 256;

    private static Ops ops() {
        return TestBackends.all().getLast();
    }

    private enum Fault {
        NONE,
        WRONG_Q,
        OTHER_TEMPERATURE,
        LEFTOVER_NOT_SCALED,
        STOP_AT_FIRST_FAILURE
    }

    @ParameterizedTest
    @CsvSource({
        "TOKEN, 1, 0, 1", "BLOCK, 1, 0, 1", "TOKEN, 1.2, 40, 1", "BLOCK, 1.2, 40, 1", "TOKEN, 0.8, 0, 0.9", "BLOCK, 0.8, 0, 0.9",
        "TOKEN, 1.1, 200, 0.8", "BLOCK, 1.1, 200, 0.8"
    })
    void textsOverAThousandIdsHaveTheTargetsLaw(Verification verification, double temperature, int topK, double topP) {
        double p = pValue(1000, new Sampling(200, temperature, topK, topP, 9), 40, verification, Fault.NONE);
        assertTrue(p > PLAUSIBLE, "p-value " + p);
    }

    @ParameterizedTest
    @EnumSource(Fault.class)
    void everyFaultShows(Fault fault) {
        Sampling sampling = new Sampling(200, 1, 9);
        for (Verification verification : Verification.values()) {
            boolean harmless = fault == Fault.NONE
                    || verification == Verification.TOKEN && (fault == Fault.LEFTOVER_NOT_SCALED || fault == Fault.STOP_AT_FIRST_FAILURE);
            // A leftover without its scale moves little mass: it matters only where a token was accepted that alone would not have been.
            boolean faint = fault == Fault.LEFTOVER_NOT_SCALED && !harmless;
            double p = pValue(1000, sampling, faint ? 600 : 60, verification, fault);
            assertTrue(harmless ? p > PLAUSIBLE : p < SURE, fault + " in " + verification + ": p-value " + p);
        }
    }

    @ParameterizedTest
    @EnumSource(Verification.class)
    void textsOverFiftyThousandIdsHaveTheTargetsLaw(Verification verification) {
        Sampling plain = new Sampling(200, 1, 9);
        Sampling warped = new Sampling(200, 1, 1000, 0.95, 9);
        for (Sampling sampling : new Sampling[] {plain, warped}) {
            double p = pValue(50304, sampling, 5, verification, Fault.NONE);
            assertTrue(p > PLAUSIBLE, sampling + ": p-value " + p);
        }
        double p = pValue(50304, plain, 10, verification, Fault.OTHER_TEMPERATURE);
        assertTrue(p < SURE, "another temperature on the draft: p-value " + p);
    }

    private static double pValue(int vocabulary, Sampling sampling, int texts, Verification verification, Fault fault) {
        try (var models = new TinyModels(ops())) {
            Transformer model = models.random(TinyModels.architecture(vocabulary, 1, 8, POSITIONS), 21);
            Transformer relative = models.noisy(model, 0.16, 22);
            Session target = models.session("the target", model);
            Session draft = models.session("the draft", relative);
            Decoder decoder = decoder(models, target, draft, verification, fault);
            double[] expected = new double[BINS];
            double[] observed = new double[BINS];
            AcceptanceStats stats = new AcceptanceStats(4);
            for (int sequence = 0; sequence < texts; sequence++) {
                int[] prompt = TinyModels.prompt(3, vocabulary, sequence);
                Completion completion = decoder.decode(prompt, sampling, sequence, token -> {});
                stats.add(completion.stats());
                count(models, target, draft, prompt, completion.ids(), sampling, expected, observed);
            }
            assertTrue(stats.alpha() > 0.15 && stats.alpha() < 0.95, "acceptances and rejections both occur: " + stats.alpha());
            return chiSquare(expected, observed);
        }
    }

    private static Decoder decoder(TinyModels models, Session target, Session draft, Verification verification, Fault fault) {
        var proposer = new ModelProposer(draft, DraftSampleMethod.PROBABILISTIC);
        return switch (fault) {
            case NONE -> new SpeculativeDecoder(target, proposer, 4, verification, new int[0]);
            case WRONG_Q, OTHER_TEMPERATURE ->
                new SpeculativeDecoder(target, new FaultyProposer(proposer, fault), 4, verification, new int[0]);
            case LEFTOVER_NOT_SCALED, STOP_AT_FIRST_FAILURE ->
                new SpeculativeDecoder(
                        target, proposer, DraftLength.fixed(4), new int[0],
                        new FaultyJudge(verification, FaultyJudge.Fault.valueOf(fault.name()), 5), System::nanoTime);
        };
    }

    /** Says that it drew from an even law, or draws at half the temperature. */
    private record FaultyProposer(Proposer honest, Fault fault) implements Proposer {
        @Override
        public void begin(int[] prompt) {
            honest.begin(prompt);
        }

        @Override
        public int unread(int length) {
            return honest.unread(length);
        }

        @Override
        public void read(int[] committed, BooleanSupplier goesOn) {
            honest.read(committed, goesOn);
        }

        @Override
        public Proposal propose(int[] committed, int count, DraftLength lengths, Sampling sampling, int sequence, Workspace.Step step) {
            if (fault == Fault.OTHER_TEMPERATURE) {
                return honest.propose(committed, count, lengths, new Sampling(1, sampling.temperature() / 2, sampling.seed()), sequence, step);
            }
            Proposal proposal = honest.propose(committed, count, lengths, sampling, sequence, step);
            Tensor even = step.f32(proposal.length(), proposal.logits().columns());
            even.zero();
            return new Proposal(proposal.tokens(), even);
        }

        @Override
        public void rewind(int length) {
            honest.rewind(length);
        }
    }

    /** Adds the ids of one text to their bins, and the bins' masses under the target. */
    private static void count(
            TinyModels models, Session target, Session draft, int[] prompt, int[] ids, Sampling sampling, double[] expected, double[] observed) {
        int[] read = Arrays.copyOf(prompt, prompt.length + ids.length - 1);
        System.arraycopy(ids, 0, read, prompt.length, ids.length - 1);
        try (var step = models.workspace().begin()) {
            Tensor targetRows = step.f32(ids.length, target.vocabulary());
            Tensor draftRows = step.f32(ids.length, target.vocabulary());
            target.rewind(0);
            target.advance(read, targetRows);
            draft.rewind(0);
            draft.advance(read, draftRows);
            for (int t = 0; t < ids.length; t++) {
                double[] p = TestLaw.of(targetRows.rows(t, t + 1).toFloats(), sampling);
                double[] q = TestLaw.of(draftRows.rows(t, t + 1).toFloats(), sampling);
                assertTrue(p[ids[t]] > 0, "an id that the target gives nothing was emitted");
                for (int v = 0; v < p.length; v++) {
                    if (p[v] > 0) {
                        expected[bin(p[v], q[v])] += p[v];
                    }
                }
                observed[bin(p[ids[t]], q[ids[t]])]++;
            }
        }
    }

    private static int bin(double p, double q) {
        return q == 0 ? BINS - 1 : Math.clamp((int) Math.floor(4 * Math.log(p / q) + BINS / 2.0), 0, BINS - 1);
    }

    /** Bins expected fewer than 8 times are put together. */
    private static double chiSquare(double[] expected, double[] observed) {
        double statistic = 0;
        double restExpected = 0;
        double restObserved = 0;
        int cells = 0;
        for (int i = 0; i < BINS; i++) {
            if (expected[i] >= 8) {
                statistic += Math.pow(observed[i] - expected[i], 2) / expected[i];
                cells++;
            } else {
                restExpected += expected[i];
                restObserved += observed[i];
            }
        }
        if (restExpected > 1) {
            statistic += Math.pow(restObserved - restExpected, 2) / restExpected;
            cells++;
        }
        assertTrue(cells >= 6, "a test with " + cells + " cells says little");
        return 1 - new ChiSquaredDistribution(cells - 1).cumulativeProbability(statistic);
    }
}
