package adaspec.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.model.Transformer;
import adaspec.ops.Ops;
import adaspec.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Speculation changes the speed and nothing else. */
class SpeculativeDecoderTest {
    private static final int VOCABULARY = 31;
    private static final int POSITIONS = 64;
    private static final int[] NO_END = {};

    static List<Ops> devices() {
        return TestBackends.all();
    }

    private static Completion speculate(Session target, Session draft, int n, Sampling sampling, int[] prompt) {
        return new SpeculativeDecoder(target, new ModelProposer(draft, DraftSampleMethod.PROBABILISTIC), n, NO_END)
                .decode(prompt, sampling, 0, token -> {});
    }

    private static int[] greedy(Session target, int[] prompt, int most) {
        return new PlainDecoder(target, NO_END).decode(prompt, Sampling.greedy(most), 0, token -> {}).ids();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void greedyIdsEqualPlainGreedyIds(Ops ops) {
        long drafted = 0;
        long accepted = 0;
        for (int seed = 1; seed <= 4; seed++) {
            try (var models = new TinyModels(ops)) {
                Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, POSITIONS), seed);
                Session target = models.session("the target", model);
                List<Session> drafts = List.of(
                        models.session("a stranger", models.random(TinyModels.architecture(VOCABULARY, 1, 4, POSITIONS), 100 + seed)),
                        models.session("a relative", models.noisy(model, 0.06, seed)),
                        models.session("itself", model));
                int[] prompt = TinyModels.prompt(1 + 4 * (seed - 1), VOCABULARY, seed);
                int[] plain = greedy(target, prompt, 45);
                for (int n = 1; n <= 8; n++) {
                    for (Session draft : drafts) {
                        Completion completion = speculate(target, draft, n, Sampling.greedy(45), prompt);
                        assertArrayEquals(plain, completion.ids(), draft.name() + ", " + n + " drafted, seed " + seed);
                        if (draft.name().equals("a relative")) {
                            drafted += completion.stats().draftTokens();
                            accepted += completion.stats().acceptedTokens();
                        }
                    }
                }
            }
        }
        assertTrue(accepted > drafted / 10 && accepted < drafted * 9 / 10, accepted + " of " + drafted + " accepted: both outcomes are exercised");
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aTargetThatDraftsForItselfIsAlwaysAccepted(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, POSITIONS), 5);
            Session target = models.session("the target", model);
            Session draft = models.session("itself", model);
            for (int n = 1; n <= 8; n++) {
                for (Sampling sampling : List.of(Sampling.greedy(50), new Sampling(50, 1, n), new Sampling(50, 0.7, n), new Sampling(50, 3, n))) {
                    AcceptanceStats stats = speculate(target, draft, n, sampling, TinyModels.prompt(6, VOCABULARY, n)).stats();
                    assertEquals(1.0, stats.alpha(), n + " drafted at " + sampling);
                    assertEquals(1.0, stats.draftAcceptanceRate());
                    assertEquals(0, stats.rejections());
                    assertEquals(stats.steps(), Arrays.stream(stats.histogram()).sum());
                }
            }
        }
    }

    /** The control of the test above: a draft whose cache lost count stays lossless, and is found out by its acceptance. */
    @ParameterizedTest
    @MethodSource("devices")
    void aDraftWithAWrongCacheLosesAcceptanceOnly(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, POSITIONS), 5);
            Session target = models.session("the target", model);
            ModelProposer honest = new ModelProposer(models.session("itself", model), DraftSampleMethod.PROBABILISTIC);
            int[] prompt = TinyModels.prompt(6, VOCABULARY, 1);
            Proposer confused = new Proposer() {
                @Override
                public void begin(int[] ids) {
                    honest.begin(wrong(ids));
                }

                @Override
                public int unread(int length) {
                    return honest.unread(length);
                }

                @Override
                public void read(int[] committed, BooleanSupplier goesOn) {
                    honest.read(wrong(committed), goesOn);
                }

                @Override
                public Proposal propose(
                        int[] committed, int count, DraftLength lengths, Sampling sampling, int sequence, Workspace.Step step) {
                    return honest.propose(wrong(committed), count, lengths, sampling, sequence, step);
                }

                private int[] wrong(int[] ids) {
                    int[] wrong = ids.clone();
                    wrong[2] = (wrong[2] + 1) % VOCABULARY;
                    return wrong;
                }

                @Override
                public void rewind(int length) {
                    honest.rewind(length);
                }
            };
            Completion completion = new SpeculativeDecoder(target, confused, 4, NO_END).decode(prompt, Sampling.greedy(40), 0, token -> {});
            assertArrayEquals(greedy(target, prompt, 40), completion.ids());
            assertTrue(completion.stats().alpha() < 1, "alpha " + completion.stats().alpha());
        }
    }

    /** Knows the target's greedy text and proposes it, but for a wrong token at place {@code wrongAt} of every proposal. */
    private record Script(int[] text, int wrongAt) implements Proposer {
        @Override
        public void begin(int[] prompt) {}

        @Override
        public Proposal propose(int[] committed, int count, DraftLength lengths, Sampling sampling, int sequence, Workspace.Step step) {
            int[] tokens = Arrays.copyOfRange(text, committed.length, Math.min(committed.length + count, text.length));
            if (wrongAt < tokens.length) {
                tokens[wrongAt] = (tokens[wrongAt] + 1) % VOCABULARY;
            }
            return new Proposal(tokens, null);
        }

        @Override
        public void rewind(int length) {}
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aDraftWrongAtAGivenPlaceIsAcceptedUpToThere(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Session target = models.session("the target", models.random(TinyModels.architecture(VOCABULARY, 2, 8, POSITIONS), 6));
            int[] prompt = TinyModels.prompt(4, VOCABULARY, 6);
            int[] plain = greedy(target, prompt, 60);
            int[] text = Arrays.copyOf(prompt, prompt.length + plain.length);
            System.arraycopy(plain, 0, text, prompt.length, plain.length);
            for (int n = 1; n <= 6; n++) {
                for (int wrongAt = 0; wrongAt <= n; wrongAt++) {
                    int emitted = 3 * (wrongAt + 1);
                    Completion completion = new SpeculativeDecoder(target, new Script(text, wrongAt), n, NO_END)
                            .decode(prompt, Sampling.greedy(emitted), 0, token -> {});
                    assertArrayEquals(Arrays.copyOf(plain, emitted), completion.ids(), n + " drafted, wrong at " + wrongAt);
                    long[] expected = new long[n + 1];
                    expected[wrongAt] = 3;
                    assertArrayEquals(expected, completion.stats().histogram(), n + " drafted, wrong at " + wrongAt);
                    assertEquals(wrongAt < n ? 3 : 0, completion.stats().rejections());
                }
            }
        }
    }

    /** Where the draft's positions end, the target goes on alone: the output does not depend on the draft. */
    @ParameterizedTest
    @MethodSource("devices")
    void aDraftWithFewerPositionsStopsProposing(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, POSITIONS), 7);
            Session target = models.session("the target", model);
            for (int positions = 1; positions < 30; positions += 4) {
                Session draft = models.session("a short one", models.random(TinyModels.architecture(VOCABULARY, 1, 8, positions), 8));
                for (int promptLength : new int[] {1, positions, positions + 3}) {
                    int[] prompt = TinyModels.prompt(promptLength, VOCABULARY, 9);
                    Completion completion = speculate(target, draft, 3, Sampling.greedy(99), prompt);
                    assertArrayEquals(greedy(target, prompt, 99), completion.ids(), positions + " positions, prompt of " + promptLength);
                }
            }
        }
    }

    /** Decoding is a function of the prompt, its index and the seed: nothing is left over from the text before. */
    @ParameterizedTest
    @MethodSource("devices")
    void aDecoderForgetsTheTextBefore(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, POSITIONS), 7);
            Transformer relative = models.noisy(model, 0.06, 2);
            Sampling sampling = new Sampling(30, 0.8, 11);
            Decoder used = new SpeculativeDecoder(
                    models.session("t", model), new ModelProposer(models.session("d", relative), DraftSampleMethod.PROBABILISTIC), 3, NO_END);
            List<int[]> seen = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                int[] prompt = TinyModels.prompt(3 + i, VOCABULARY, i % 2);
                Decoder fresh = new SpeculativeDecoder(
                        models.session("t", model), new ModelProposer(models.session("d", relative), DraftSampleMethod.PROBABILISTIC), 3, NO_END);
                int[] ids = used.decode(prompt, sampling, i, token -> {}).ids();
                assertArrayEquals(fresh.decode(prompt, sampling, i, token -> {}).ids(), ids);
                seen.add(ids);
            }
            int[] prompt = TinyModels.prompt(3, VOCABULARY, 0);
            assertArrayEquals(seen.get(0), used.decode(prompt, sampling, 0, token -> {}).ids());
            assertTrue(!Arrays.equals(seen.get(0), used.decode(prompt, sampling, 1, token -> {}).ids()), "the index enters the draws");
            assertTrue(!Arrays.equals(seen.get(0), used.decode(prompt, new Sampling(30, 0.8, 12), 0, token -> {}).ids()), "and so does the seed");
        }
    }
}
