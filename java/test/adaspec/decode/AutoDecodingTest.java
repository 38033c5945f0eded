package adaspec.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.model.Transformer;
import adaspec.ops.Ops;
import adaspec.ops.Verification;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever the clock says, drafts of automatic length leave the output alone. */
class AutoDecodingTest {
    private static final int VOCABULARY = 31;
    private static final int POSITIONS = 200;
    private static final int[] NO_END = {};

    static List<Ops> devices() {
        return TestBackends.all();
    }

    /** A clock that jumps by anything, so that every decision is met. */
    private static LongSupplier wild(long seed) {
        Random random = new Random(seed);
        AtomicLong now = new AtomicLong();
        return () -> now.addAndGet((long) Math.exp(4 + 14 * random.nextDouble()));
    }

    /** The policy, told other times than those measured: a cheap draft on a machine that is now and then busy. */
    private record Priced(DraftLength policy, Random random) implements DraftLength {
        private long price(double steps) {
            return (long) (1e6 * steps * (random.nextInt(10) == 0 ? 5 : 1));
        }

        @Override
        public int most() {
            return policy.most();
        }

        @Override
        public int next(int unread) {
            return policy.next(unread);
        }

        @Override
        public boolean stopsEarly() {
            return policy.stopsEarly();
        }

        @Override
        public boolean goesOn(double confidence) {
            return policy.goesOn(confidence);
        }

        @Override
        public void drafted(int tokens, long nanos, long readNanos) {
            policy.drafted(tokens, price(0.05 * tokens), readNanos > 0 ? price(0.1) : 0);
        }

        @Override
        public void verified(int drafted, int accepted, long nanos) {
            policy.verified(drafted, accepted, price(1 + 0.05 * drafted));
        }

        @Override
        public void alone(long nanos) {
            policy.alone(price(1));
        }
    }

    private static SpeculativeDecoder decoder(Session target, Session draft, DraftLength lengths, Verification verification, LongSupplier clock) {
        var proposer = new ModelProposer(draft, DraftSampleMethod.PROBABILISTIC);
        return new SpeculativeDecoder(target, proposer, lengths, NO_END, new Verifier(target.model().ops(), verification), clock);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void greedyIdsDoNotDependOnTheClock(Ops ops) {
        List<AcceptanceStats> met = new ArrayList<>();
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, POSITIONS), 3);
            Session target = models.session("the target", model);
            for (Session draft : List.of(
                    models.session("a stranger", models.random(TinyModels.architecture(VOCABULARY, 1, 4, POSITIONS), 100)),
                    models.session("a relative", models.noisy(model, 0.05, 3)),
                    models.session("a short one", models.noisy(models.random(TinyModels.architecture(VOCABULARY, 2, 8, 60), 3), 0.05, 3)),
                    models.session("itself", model))) {
                for (int seed = 0; seed < 4; seed++) {
                    DraftLength lengths = seed == 0 ? new AutoDraftLength() : new Priced(new AutoDraftLength(), new Random(seed));
                    LongSupplier clock = seed == 1 ? () -> 0 : wild(seed);
                    var decoder = decoder(target, draft, lengths, Verification.TOKEN, clock);
                    for (int text = 0; text < 3; text++) { // what is learned from one text is used in the next
                        int[] prompt = TinyModels.prompt(1 + 20 * text, VOCABULARY, text);
                        int[] plain = new PlainDecoder(target, NO_END).decode(prompt, Sampling.greedy(150), 0, t -> {}).ids();
                        Completion completion = decoder.decode(prompt, Sampling.greedy(150), 0, t -> {});
                        assertArrayEquals(plain, completion.ids(), draft.name());
                        met.add(completion.stats());
                    }
                }
            }
        }
        long rounds = met.stream().mapToLong(AcceptanceStats::steps).sum();
        long tokens = met.size() * 150L;
        double length = met.stream().mapToLong(AcceptanceStats::draftTokens).sum() / (double) rounds;
        assertTrue(rounds > 100 && length > 1.2 && length < 15, rounds + " rounds for " + tokens + " tokens, drafts of " + length);
    }

    /** The last id that the draft reads before it is asked may be many behind: plain steps leave it waiting. */
    @ParameterizedTest
    @MethodSource("devices")
    void aTargetThatDraftsForItselfIsAcceptedAfterPauses(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, POSITIONS), 3);
            Session target = models.session("the target", model);
            Session draft = models.session("itself", model);
            for (Sampling sampling : List.of(Sampling.greedy(150), new Sampling(150, 0.8, 7))) {
                var pausing = new Scripted(6, 7, 3);
                AcceptanceStats stats = decoder(target, draft, pausing, Verification.TOKEN, System::nanoTime)
                        .decode(TinyModels.prompt(40, VOCABULARY, 1), sampling, 0, t -> {})
                        .stats();
                assertEquals(1.0, stats.alpha());
                assertTrue(stats.steps() > 5 && stats.histogram()[3] > 0, stats.steps() + " steps");
            }
        }
    }

    /** Drafts of up to {@code most} tokens that stop at those of low confidence, every {@code period}-th step; else the target alone. */
    private static final class Scripted implements DraftLength {
        private final int most;
        private final int period;
        private final int length;
        private int steps;
        private int place;

        Scripted(int most, int period, int length) {
            this.most = most;
            this.period = period;
            this.length = length;
        }

        @Override
        public int most() {
            return most;
        }

        @Override
        public int next(int unread) {
            place = 0;
            return steps++ % period == 0 ? length : 0;
        }

        @Override
        public boolean stopsEarly() {
            return true;
        }

        @Override
        public boolean goesOn(double confidence) {
            return ++place < length;
        }

        @Override
        public void drafted(int tokens, long nanos, long readNanos) {}

        @Override
        public void verified(int drafted, int accepted, long nanos) {}

        @Override
        public void alone(long nanos) {}
    }

    /** Stops after tokens its draft is unsure of: the decision looks at the token itself, which stays in the draft. */
    private static DraftLength unsure(int most, double threshold) {
        return new DraftLength() {
            private boolean alone;

            @Override
            public int most() {
                return most;
            }

            @Override
            public int next(int unread) {
                alone = !alone;
                return alone ? 0 : most;
            }

            @Override
            public boolean stopsEarly() {
                return true;
            }

            @Override
            public boolean goesOn(double confidence) {
                return confidence >= threshold;
            }

            @Override
            public void drafted(int tokens, long nanos, long readNanos) {}

            @Override
            public void verified(int drafted, int accepted, long nanos) {
                alone = drafted > 1; // even what was not judged decides what comes next
            }

            @Override
            public void alone(long nanos) {}
        };
    }

    /** Texts of four tokens over four ids, through several rounds: every one of the 256 against its exact probability. */
    @ParameterizedTest
    @MethodSource("devices")
    void sampledTextsHaveTheTargetsLaw(Ops ops) {
        int vocabulary = 4;
        int[] prompt = {2, 0, 3};
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(vocabulary, 1, 4, 16), 21);
            Session target = models.session("the target", model);
            Session draft = models.session("the draft", models.noisy(model, 0.35, 22));
            double[] law = TextLaws.exact(models, target, prompt, 4, 0.9);
            for (Verification verification : Verification.values()) {
                for (boolean auto : new boolean[] {true, false}) {
                    DraftLength lengths = auto ? new AutoDraftLength() : unsure(3, 0.4);
                    var decoder = decoder(target, draft, lengths, verification, wild(5));
                    long[] counts = new long[law.length];
                    for (int sequence = 0; sequence < 20_000; sequence++) {
                        int[] ids = decoder.decode(prompt, new Sampling(4, 0.9, 3), sequence, t -> {}).ids();
                        counts[TextLaws.index(ids, vocabulary)]++;
                    }
                    double p = TextLaws.pValue(law, counts);
                    assertTrue(p > 1e-3, verification + (auto ? ", auto" : ", stopping where unsure") + ": p-value " + p);
                }
            }
        }
    }
}
