package adaspec.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.model.Transformer;
import adaspec.ops.Verification;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.Arrays;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Acceptance over texts of 2,000 tokens. A draft's cache that lost count would not change the output, only let acceptance decay; so it is compared,
 * in blocks of 250 positions, with what it must be: given the text so far a judged token stands with probability sum_v min(p_v, q_v), from the laws
 * that both models give when they read the finished text in one go.
 */
class AcceptanceDriftTest {
    private static final int VOCABULARY = 41;
    private static final int TOKENS = 2000;
    private static final int BLOCK = 250;
    private static final int DRAFT = 4;
    private static final int[] PROMPT = TinyModels.prompt(5, VOCABULARY, 3);

    private static TinyModels models() {
        return new TinyModels(TestBackends.all().getLast());
    }

    /** Attends sharply, so that a law depends on more than the last id. */
    private static Transformer target(TinyModels models) {
        Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, PROMPT.length + TOKENS), 8);
        model.weights().tensors().forEach((name, tensor) -> {
            if (name.endsWith("qkv.weight")) {
                for (long i = 0; i < tensor.size(); i++) {
                    tensor.set(i, 3 * tensor.get(i));
                }
            }
        });
        return model;
    }

    @ParameterizedTest
    @EnumSource(Verification.class)
    void aTargetThatDraftsForItselfIsAcceptedThroughout(Verification verification) {
        try (var models = models()) {
            Transformer model = target(models);
            Session target = models.session("the target", model);
            var proposer = new ModelProposer(models.session("itself", model), DraftSampleMethod.PROBABILISTIC);
            var decoder = new SpeculativeDecoder(target, proposer, 5, verification, new int[0]);
            for (Sampling sampling : new Sampling[] {
                Sampling.greedy(TOKENS), new Sampling(TOKENS, 1, 2), new Sampling(TOKENS, 1.3, 10, 0.9, 2)
            }) {
                Completion completion = decoder.decode(PROMPT, sampling, 0, token -> {});
                assertEquals(TOKENS, completion.ids().length);
                assertEquals(1.0, completion.stats().draftAcceptanceRate(), sampling.toString());
                assertEquals(0, completion.stats().rejections());
            }
        }
    }

    @Test
    void acceptanceIsWhatTheLawsSayInEveryBlock() {
        double[] deviations = deviations(false);
        assertEquals(TOKENS / BLOCK, deviations.length);
        for (double deviation : deviations) {
            // Eight blocks: one beyond 4 standard deviations comes once in 2,000 seeds, and this one is fixed.
            assertTrue(Math.abs(deviation) < 4, "deviations of the blocks: " + Arrays.toString(deviations));
        }
    }

    @Test
    void aCacheThatLosesCountIsCaught() {
        double[] deviations = deviations(true);
        assertTrue(Arrays.stream(deviations).allMatch(d -> d < -4), "deviations of the blocks: " + Arrays.toString(deviations));
    }

    /** What verification judged at each position: it is asked for the verdicts, in the order of rounds. */
    private static final class Witness implements Judge {
        private final Judge judge;
        final double[] judged = new double[PROMPT.length + TOKENS + 8];
        final double[] accepted = new double[judged.length];

        Witness(Judge judge) {
            this.judge = judge;
        }

        @Override
        public Verdict verify(Tensor targetLogits, Proposal proposal, Sampling sampling, int sequence, long position, Workspace.Step step) {
            Verdict verdict = judge.verify(targetLogits, proposal, sampling, sequence, position, step);
            for (int i = 0; i < proposal.length() && i <= verdict.accepted(); i++) {
                judged[(int) position + i]++;
                accepted[(int) position + i] += i < verdict.accepted() ? 1 : 0;
            }
            return verdict;
        }
    }

    /** Of each block: (accepted - expected) / standard deviation, summed over texts. */
    private static double[] deviations(boolean losesCount) {
        double[] excess = new double[TOKENS / BLOCK];
        double[] variance = new double[excess.length];
        try (var models = models()) {
            Transformer model = target(models);
            Transformer relative = models.noisy(model, 0.02, 9);
            Session target = models.session("the target", model);
            Session draft = models.session("the draft", relative);
            Sampling sampling = new Sampling(TOKENS, 1, 4);
            for (int sequence = 0; sequence < 3; sequence++) {
                ModelProposer honest = new ModelProposer(draft, DraftSampleMethod.PROBABILISTIC);
                Proposer proposer = losesCount ? new LosesCount(honest) : honest;
                var witness = new Witness(new Verifier(models.ops(), Verification.TOKEN));
                var decoder = new SpeculativeDecoder(target, proposer, DraftLength.fixed(DRAFT), new int[0], witness, System::nanoTime);
                int[] ids = decoder.decode(PROMPT, sampling, sequence, token -> {}).ids();
                double[] acceptance = acceptance(models, target, draft, ids, sampling);
                for (int t = 0; t < TOKENS; t++) {
                    int position = PROMPT.length + t;
                    excess[t / BLOCK] += witness.accepted[position] - witness.judged[position] * acceptance[t];
                    variance[t / BLOCK] += witness.judged[position] * acceptance[t] * (1 - acceptance[t]);
                }
            }
        }
        double[] deviations = new double[excess.length];
        Arrays.setAll(deviations, b -> excess[b] / Math.sqrt(variance[b]));
        return deviations;
    }

    /** sum_v min(p_v, q_v) at every position of the text, both models reading it anew. */
    private static double[] acceptance(TinyModels models, Session target, Session draft, int[] ids, Sampling sampling) {
        int[] read = Arrays.copyOf(PROMPT, PROMPT.length + ids.length - 1);
        System.arraycopy(ids, 0, read, PROMPT.length, ids.length - 1);
        double[] acceptance = new double[ids.length];
        try (var step = models.workspace().begin()) {
            double[][][] laws = new double[2][][];
            for (Session session : new Session[] {target, draft}) {
                Tensor rows = step.f32(ids.length, VOCABULARY);
                session.rewind(0);
                session.advance(read, rows);
                laws[session == target ? 0 : 1] = TestLaw.ofRows(rows, sampling);
            }
            for (int t = 0; t < ids.length; t++) {
                for (int v = 0; v < VOCABULARY; v++) {
                    acceptance[t] += Math.min(laws[0][t][v], laws[1][t][v]);
                }
            }
        }
        return acceptance;
    }

    /** The classical mistake: a draft that was accepted whole has not read its own last token, and here never does. */
    private static final class LosesCount implements Proposer {
        private final Proposer honest;
        private final int[] seen = new int[PROMPT.length + TOKENS];
        private int length;
        private int committedLength;

        LosesCount(Proposer honest) {
            this.honest = honest;
        }

        @Override
        public void begin(int[] prompt) {
            honest.begin(prompt);
            System.arraycopy(prompt, 0, seen, 0, prompt.length);
            length = prompt.length;
            committedLength = prompt.length;
        }

        @Override
        public void read(int[] committed, BooleanSupplier goesOn) {
            boolean acceptedWhole = committed.length - committedLength == DRAFT + 1;
            for (int i = committedLength; i < committed.length; i++) {
                if (!acceptedWhole || i != committedLength + DRAFT - 1) {
                    seen[length++] = committed[i];
                }
            }
            committedLength = committed.length;
            honest.read(Arrays.copyOf(seen, length), goesOn);
        }

        @Override
        public Proposal propose(int[] committed, int count, DraftLength lengths, Sampling sampling, int sequence, Workspace.Step step) {
            return honest.propose(Arrays.copyOf(seen, length), count, lengths, sampling, sequence, step);
        }

        @Override
        public void rewind(int to) {
            honest.rewind(to - committedLength + length);
        }
    }
}
