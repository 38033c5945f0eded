package adaspec.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.ops.ReferenceVerify.Decision;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.commons.math3.stat.inference.ChiSquareTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The law of what one step of speculation emits, exactly: every draft, every outcome of its tests and every next token is enumerated with its
 * probability, on random models whose laws depend on the context, and the texts so made have the target's law. The decisions are those of the
 * reference's verification; the processor's are compared with it number by number elsewhere. Each claim has faults that must break it.
 */
class VerificationLawTest {
    private static final double EXACT = 1e-12; // a few hundred additions of numbers below 1

    /** One step: which rule, how long, how drafted. */
    private record Step(RandomContexts models, Verification verification, int most, Draw draw, boolean greedyDraft, Fault fault, Stop stop) {
        Step(RandomContexts models, Verification verification, int most, Draw draw) {
            this(models, verification, most, draw, false, Fault.NONE, Stop.NEVER);
        }

        Step with(Fault other) {
            return new Step(models, verification, most, draw, greedyDraft, other, stop);
        }

        Step with(Stop other) {
            return new Step(models, verification, most, draw, greedyDraft, fault, other);
        }
    }

    private enum Fault {
        NONE,
        /** q is taken for another law than the one that was drafted from. */
        WRONG_Q,
        /** The draft draws at another temperature than the one that verification knows of. */
        OTHER_TEMPERATURE,
        /** max(p - q, 0) where block verification wants max(p_i p - q, 0). */
        LEFTOVER_NOT_SCALED,
        /** Block verification that ends at the first test that fails. */
        STOP_AT_FIRST_FAILURE,
        /** The next token from p itself. */
        NO_LEFTOVER
    }

    private enum Stop {
        NEVER,
        /** After each token, a coin that depends on the tokens so far. */
        COIN,
        /** After the first token that the draft itself found unlikely, which stays in the draft. */
        UNLIKELY_TOKEN,
        /** Before a token whose law is flat: it depends on the tokens before. */
        FLAT_LAW,
        /** Before an unlikely token, which was drawn and is thrown away: the length depends on a token that is not in the draft. Not lossless. */
        UNLIKELY_TOKEN_THROWN_AWAY
    }

    private static final class Outcome {
        final double[] texts;
        double accepted;

        Outcome(int size) {
            texts = new double[size];
        }
    }

    private static Outcome enumerate(Step step) {
        var outcome = new Outcome((int) Math.pow(step.models.vocabulary, step.most + 1));
        draft(step, new ArrayList<>(), 1, outcome);
        return outcome;
    }

    private static double[] drafted(Step step, List<Integer> ids) {
        Draw draw = step.draw;
        if (step.greedyDraft) {
            draw = new Draw(0, 0, 0, 0);
        } else if (step.fault == Fault.OTHER_TEMPERATURE) {
            draw = new Draw(0, 0, 0, draw.temperature() / 2, draw.topK(), draw.topP());
        }
        return step.models.draft(ids, draw);
    }

    private static void draft(Step step, List<Integer> ids, double probability, Outcome outcome) {
        double[] q = drafted(step, ids);
        boolean flat = step.stop == Stop.FLAT_LAW && Arrays.stream(q).max().getAsDouble() < 0.6;
        boolean coin = step.stop == Stop.COIN && step.models.coin(ids) < 0.4;
        if (ids.size() == step.most || flat || coin) {
            judge(step, ids, probability, outcome);
            return;
        }
        for (int v = 0; v < q.length; v++) {
            if (q[v] == 0) {
                continue;
            }
            List<Integer> longer = RandomContexts.with(ids, v);
            boolean unlikely = q[v] < 0.4;
            if (unlikely && step.stop == Stop.UNLIKELY_TOKEN) {
                judge(step, longer, probability * q[v], outcome);
            } else if (unlikely && step.stop == Stop.UNLIKELY_TOKEN_THROWN_AWAY) {
                judge(step, ids, probability * q[v], outcome);
            } else {
                draft(step, longer, probability * q[v], outcome);
            }
        }
    }

    /** Each pattern of tests passed and failed, with its probability, through the production's own rule. */
    private static void judge(Step step, List<Integer> tokens, double probability, Outcome outcome) {
        int length = tokens.size();
        double[][] p = new double[length + 1][];
        double[][] q = new double[length][];
        for (int i = 0; i <= length; i++) {
            p[i] = step.models.target(tokens.subList(0, i), step.draw);
            if (i < length) {
                q[i] = known(step, tokens, i);
            }
        }
        Decision decision = decision(step, p, q, tokens.stream().mapToInt(t -> t).toArray());
        for (int pattern = 0; pattern < 1 << length; pattern++) {
            double[] uniform = new double[length];
            double chance = probability;
            for (int i = 0; i < length; i++) {
                double bound = decision.bounds()[i];
                boolean passes = (pattern >> i & 1) == 1;
                uniform[i] = passes ? bound / 2 : bound;
                chance *= passes ? bound : 1 - bound;
            }
            if (chance == 0) {
                continue;
            }
            int accepted = decision.accepted(uniform);
            outcome.accepted += chance * accepted;
            double[] next = step.fault == Fault.NO_LEFTOVER ? p[accepted] : decision.next(accepted, p, q);
            double total = Arrays.stream(next).sum();
            for (int v = 0; v < next.length; v++) {
                List<Integer> emitted = RandomContexts.with(tokens.subList(0, accepted), v);
                step.models.addTexts(outcome.texts, emitted, step.most + 1, step.draw, chance * next[v] / total);
            }
        }
    }

    /** The law that verification takes token i to be drafted from. */
    private static double[] known(Step step, List<Integer> tokens, int i) {
        if (step.greedyDraft) {
            double[] hot = new double[step.models.vocabulary];
            hot[tokens.get(i)] = 1;
            return hot;
        }
        if (step.fault == Fault.WRONG_Q) {
            double[] even = new double[step.models.vocabulary];
            Arrays.fill(even, 1.0 / even.length);
            return even;
        }
        return step.models.draft(tokens.subList(0, i), step.draw);
    }

    private static Decision decision(Step step, double[][] p, double[][] q, int[] tokens) {
        Decision decision = Decision.of(step.verification, p, q, tokens);
        if (step.fault == Fault.LEFTOVER_NOT_SCALED) {
            double[] ones = new double[tokens.length];
            Arrays.fill(ones, 1);
            return new Decision(step.verification, decision.bounds(), ones);
        }
        return step.fault == Fault.STOP_AT_FIRST_FAILURE ? new Decision(Verification.TOKEN, decision.bounds(), decision.scales()) : decision;
    }

    private static double distance(Step step) {
        double[] target = step.models.textLaw(step.most + 1, step.draw);
        double[] texts = enumerate(step).texts;
        assertEquals(1, Arrays.stream(texts).sum(), EXACT, "a law sums to one");
        double sum = 0;
        for (int i = 0; i < target.length; i++) {
            sum += Math.abs(target[i] - texts[i]) / 2;
        }
        return sum;
    }

    private static Draw warp(Random random, int vocabulary) {
        float temperature = new float[] {1, 0.6f, 1.7f}[random.nextInt(3)];
        int topK = random.nextBoolean() ? 0 : 1 + random.nextInt(vocabulary);
        float topP = random.nextBoolean() ? 1 : 0.3f + 0.69f * random.nextFloat();
        return new Draw(0, 0, 0, temperature, topK, topP);
    }

    @ParameterizedTest
    @EnumSource(Verification.class)
    void emittedTextsHaveTheTargetsLaw(Verification verification) {
        Random random = new Random(1);
        for (int trial = 0; trial < 400; trial++) {
            int vocabulary = 2 + trial % 3;
            int most = 1 + trial / 3 % 3;
            Draw draw = trial % 2 == 0 ? new Draw(0, 0, 0, 1) : warp(random, vocabulary);
            for (boolean greedyDraft : new boolean[] {false, true}) {
                var step = new Step(new RandomContexts(vocabulary, trial), verification, most, draw, greedyDraft, Fault.NONE, Stop.NEVER);
                assertEquals(0, distance(step), EXACT, "trial " + trial + ", " + draw + (greedyDraft ? ", greedy draft" : ""));
            }
        }
    }

    /** The length may depend on anything that is in the draft: its confidence, coins, laws. */
    @ParameterizedTest
    @EnumSource(Verification.class)
    void aDraftMayEndWhereItsOwnTokensSay(Verification verification) {
        Random random = new Random(2);
        double worst = 0;
        for (int trial = 0; trial < 200; trial++) {
            int vocabulary = 2 + trial % 3;
            var step = new Step(new RandomContexts(vocabulary, 1000 + trial), verification, 1 + trial / 3 % 3, warp(random, vocabulary));
            for (Stop stop : List.of(Stop.COIN, Stop.UNLIKELY_TOKEN, Stop.FLAT_LAW)) {
                assertEquals(0, distance(step.with(stop)), EXACT, "trial " + trial + ", " + stop);
            }
            worst = Math.max(worst, distance(step.with(Stop.UNLIKELY_TOKEN_THROWN_AWAY)));
        }
        assertTrue(worst > 0.01, "a token that is drawn and thrown away must show: " + worst);
    }

    @ParameterizedTest
    @EnumSource(Verification.class)
    void everyFaultShows(Verification verification) {
        for (Fault fault : Fault.values()) {
            double worst = 0;
            for (int trial = 0; trial < 60; trial++) {
                var models = new RandomContexts(2 + trial % 3, 2000 + trial);
                worst = Math.max(worst, distance(new Step(models, verification, 2, new Draw(0, 0, 0, 1)).with(fault)));
            }
            // Token verification is what it is: its leftover has the scale 1 and it ends at the first failure.
            boolean harmless = fault == Fault.NONE
                    || verification == Verification.TOKEN && (fault == Fault.LEFTOVER_NOT_SCALED || fault == Fault.STOP_AT_FIRST_FAILURE);
            assertTrue(harmless ? worst < EXACT : worst > 0.01, fault + " moves the law by " + worst);
        }
    }

    @Test
    void blockVerificationNeverAcceptsFewerTokens() {
        Random random = new Random(3);
        double gain = 0;
        for (int trial = 0; trial < 400; trial++) {
            int vocabulary = 2 + trial % 3;
            int most = 1 + trial / 3 % 3;
            var models = new RandomContexts(vocabulary, 3000 + trial);
            Draw draw = warp(random, vocabulary);
            for (Stop stop : List.of(Stop.NEVER, Stop.UNLIKELY_TOKEN)) {
                double token = enumerate(new Step(models, Verification.TOKEN, most, draw).with(stop)).accepted;
                double block = enumerate(new Step(models, Verification.BLOCK, most, draw).with(stop)).accepted;
                assertTrue(block >= token - EXACT, "trial " + trial + ": " + block + " by block, " + token + " by token");
                if (most == 1) {
                    assertEquals(token, block, EXACT, "drafts of one token are judged alike");
                }
                gain = Math.max(gain, block - token);
            }
        }
        assertTrue(gain > 0.05, "and sometimes more: " + gain);
    }

    /** The paper's example: p = (1/3, 2/3), q = (2/3, 1/3) at every place, drafts of two tokens. */
    @Test
    void theExampleOfThePaper() {
        double[] p = {1 / 3.0, 2 / 3.0};
        double[] q = {2 / 3.0, 1 / 3.0};
        double[] accepted = new double[2];
        for (Verification verification : Verification.values()) {
            for (int draft = 0; draft < 4; draft++) {
                int[] tokens = {draft / 2, draft % 2};
                Decision decision = Decision.of(verification, new double[][] {p, p, p}, new double[][] {q, q}, tokens);
                for (int pattern = 0; pattern < 4; pattern++) {
                    double chance = q[tokens[0]] * q[tokens[1]];
                    double[] uniform = new double[2];
                    for (int i = 0; i < 2; i++) {
                        double bound = decision.bounds()[i];
                        uniform[i] = (pattern >> i & 1) == 1 ? bound / 2 : bound;
                        chance *= (pattern >> i & 1) == 1 ? bound : 1 - bound;
                    }
                    accepted[verification.code()] += chance == 0 ? 0 : chance * decision.accepted(uniform);
                }
            }
        }
        assertEquals(10 / 9.0, accepted[Verification.TOKEN.code()], EXACT);
        assertEquals(11 / 9.0, accepted[Verification.BLOCK.code()], EXACT);
    }

    /**
     * Texts over several steps. Block verification ends at a token because later ones failed their tests, so that a step which drew the same numbers
     * at the same positions again would draw numbers that were selected: the index in the step keeps them apart.
     */
    @ParameterizedTest
    @EnumSource(Verification.class)
    void stepsDrawNumbersOfTheirOwn(Verification verification) {
        var models = new RandomContexts(3, 11);
        assertTrue(textsPValue(models, verification, true) > 1e-3, "texts of several steps have the target's law");
        double reused = textsPValue(models, verification, false);
        // Token verification looks at nothing past the token where it ends, and may draw the same numbers again.
        assertTrue(verification == Verification.BLOCK ? reused < 1e-9 : reused > 1e-3, "numbers drawn again: p-value " + reused);
    }

    private static double textsPValue(RandomContexts models, Verification verification, boolean ownNumbers) {
        int length = 4;
        Draw law = new Draw(0, 0, 0, 1);
        double[] wanted = models.textLaw(length, law);
        long[] counts = new long[wanted.length];
        int texts = 150_000;
        for (int sequence = 0; sequence < texts; sequence++) {
            List<Integer> ids = new ArrayList<>();
            while (ids.size() < length) {
                step(models, verification, law, ids, sequence, ownNumbers);
            }
            int text = 0;
            for (int i = 0; i < length; i++) {
                text = text * models.vocabulary + ids.get(i);
            }
            counts[text]++;
        }
        return new ChiSquareTest().chiSquareTest(Arrays.stream(wanted).map(p -> p * texts).toArray(), counts);
    }

    /** Drafts three tokens and appends what stands of them and the next one. */
    private static void step(RandomContexts models, Verification verification, Draw law, List<Integer> ids, int sequence, boolean ownNumbers) {
        int most = 3;
        var draw = new Draw(5, ids.size(), sequence, 1);
        List<Integer> context = new ArrayList<>(ids);
        double[][] p = new double[most + 1][];
        double[][] q = new double[most][];
        int[] tokens = new int[most];
        double[] uniform = new double[most];
        for (int i = 0; i <= most; i++) {
            p[i] = models.target(context, law);
            if (i < most) {
                q[i] = models.draft(context, law);
                tokens[i] = ReferenceLaw.inverse(q[i], number(draw, Philox.DRAFT, i, ownNumbers));
                uniform[i] = number(draw, Philox.ACCEPT, i, ownNumbers);
                context.add(tokens[i]);
            }
        }
        Decision decision = Decision.of(verification, p, q, tokens);
        int accepted = decision.accepted(uniform);
        double u = Philox.uniform(draw.seed(), sequence, draw.position() + accepted, Philox.NEXT);
        for (int i = 0; i < accepted; i++) {
            ids.add(tokens[i]);
        }
        ids.add(ReferenceLaw.inverse(decision.next(accepted, p, q), u));
    }

    private static double number(Draw draw, int purpose, int index, boolean own) {
        return own ? draw.uniform(purpose, index) : Philox.uniform(draw.seed(), draw.sequence(), draw.position() + index, purpose);
    }
}
