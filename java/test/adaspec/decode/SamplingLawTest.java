package adaspec.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.model.Transformer;
import adaspec.ops.Draw;
import adaspec.ops.Ops;
import adaspec.ops.Philox;
import adaspec.ops.Verification;
import adaspec.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.commons.math3.stat.inference.ChiSquareTest;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The law of what speculation emits, in three links: (1) rejection sampling in closed form gives the target's law exactly, by enumeration; (2) the
 * verify operation draws from that closed form, by chi-square over all its outcomes; (3) decoders on real (tiny) models emit texts with the target's
 * law. Each link has controls that must fail.
 */
class SamplingLawTest {
    private static final int V = 6;
    private static final int G = 3;
    private static final double SURE = 1e-9; // a control's p-value must be below
    private static final double PLAUSIBLE = 1e-3; // ours must be above; seeds are fixed, so this does not flicker

    static List<Ops> devices() {
        return TestBackends.all();
    }

    /** What can go wrong on purpose. */
    private enum Fault {
        NONE,
        /** The draft samples at another temperature than the q that is compared. */
        WRONG_Q,
        /** After a rejection the next token comes from p instead of norm(max(p - q, 0)). */
        NO_RESIDUAL
    }

    // ------------------------------------------------------------------------------------------------ (1) closed form

    /**
     * The law of (x, accepted or not, next) for one drafted token, in double: entry [x][V] the draft x accepted, entry [x][y] x rejected and
     * y emitted.
     *
     * @param drawn the law x is drawn from; q the law it is compared with
     */
    private static double[][] oneToken(double[] p, double[] q, double[] drawn, boolean residual) {
        double[] rest = new double[V];
        double total = 0;
        for (int v = 0; v < V; v++) {
            rest[v] = residual ? Math.max(p[v] - q[v], 0) : p[v];
            total += rest[v];
        }
        double[][] law = new double[V][V + 1];
        for (int x = 0; x < V; x++) {
            double accept = q[x] > 0 ? Math.min(1, p[x] / q[x]) : 1;
            law[x][V] = drawn[x] * accept;
            for (int y = 0; y < V; y++) {
                law[x][y] = total > 0 ? drawn[x] * (1 - accept) * rest[y] / total : 0;
            }
        }
        return law;
    }

    /** The law of the first token emitted. */
    private static double[] emitted(double[][] law) {
        double[] emitted = new double[V];
        for (int x = 0; x < V; x++) {
            emitted[x] += law[x][V];
            for (int y = 0; y < V; y++) {
                emitted[y] += law[x][y];
            }
        }
        return emitted;
    }

    private static double distance(double[] a, double[] b) {
        double sum = 0;
        for (int v = 0; v < a.length; v++) {
            sum += Math.abs(a[v] - b[v]) / 2;
        }
        return sum;
    }

    @org.junit.jupiter.api.Test
    void rejectionSamplingGivesTheTargetsLawByEnumeration() {
        Random random = new Random(1);
        for (int trial = 0; trial < 200; trial++) {
            float[] target = logits(random, V);
            float[] draft = logits(random, V);
            double[] p = softmax(target, 1);
            double[] q = softmax(draft, 1);
            assertEquals(0, distance(p, emitted(oneToken(p, q, q, true))), 1e-15);
            double[] oneHot = new double[V];
            oneHot[random.nextInt(V)] = 1;
            assertEquals(0, distance(p, emitted(oneToken(p, oneHot, oneHot, true))), 1e-15);
            assertTrue(distance(p, emitted(oneToken(p, q, softmax(draft, 0.5), true))) > 1e-4, "a wrong q shows");
            assertTrue(distance(p, emitted(oneToken(p, q, q, false))) > 1e-4, "a missing residual shows");
        }
    }

    // ------------------------------------------------------------------------------------------------ (2) the operation

    @ParameterizedTest
    @MethodSource("devices")
    void verifyDrawsFromTheClosedForm(Ops ops) {
        for (double temperature : new double[] {1, 0.6}) {
            for (boolean oneHot : new boolean[] {false, true}) {
                double p = pValue(ops, temperature, oneHot, Fault.NONE);
                assertTrue(p > PLAUSIBLE, "p-value " + p + " at temperature " + temperature + (oneHot ? ", greedy draft" : ""));
            }
            for (Fault fault : new Fault[] {Fault.WRONG_Q, Fault.NO_RESIDUAL}) {
                double p = pValue(ops, temperature, false, fault);
                assertTrue(p < SURE, fault + " must be noticed; p-value " + p);
            }
        }
    }

    /**
     * Draws 200,000 drafts of G tokens, verifies them and compares every outcome (the drafted tokens up to the first rejection, how many were
     * accepted, the next token) with its exact probability.
     */
    private static double pValue(Ops ops, double temperature, boolean oneHot, Fault fault) {
        Random random = new Random(17);
        float[][] target = new float[G + 1][];
        float[][] draft = new float[G][];
        double[][] p = new double[G + 1][];
        double[][] q = new double[G][];
        for (int i = 0; i <= G; i++) {
            target[i] = logits(random, V);
            p[i] = softmax(target[i], temperature);
            if (i < G) {
                draft[i] = logits(random, V);
                q[i] = oneHot ? hot(argmax(draft[i])) : softmax(draft[i], temperature);
            }
        }
        int batch = 250; // small enough that an operation stays on one thread
        int batches = 800;
        long[] counts = new long[outcomes()];
        try (var models = new TinyModels(ops);
                var step = models.workspace().begin()) {
            Tensor targetLogits = step.f32((long) batch * (G + 1), V);
            Tensor draftLogits = step.f32((long) batch * G, V);
            for (int b = 0; b < batch; b++) {
                for (int i = 0; i <= G; i++) {
                    for (int v = 0; v < V; v++) {
                        targetLogits.set((long) b * (G + 1) + i, v, target[i][v]);
                        if (i < G) {
                            draftLogits.set((long) b * G + i, v, draft[i][v]);
                        }
                    }
                }
            }
            int[] lengths = new int[batch];
            java.util.Arrays.fill(lengths, G);
            Tensor draftLengths = step.i32(lengths);
            Tensor tokens = step.i32(new int[batch * G]);
            Tensor accepted = step.i32(new int[batch]);
            Tensor next = step.i32(new int[batch]);
            float drawn = oneHot ? 0 : (float) (fault == Fault.WRONG_Q ? temperature * 0.5 : temperature);
            for (int seed = 0; seed < batches; seed++) {
                long position = 40 + seed;
                draw(ops, tokens, draftLogits, drawn, seed, position, batch, step);
                Tensor q0 = oneHot ? null : draftLogits;
                ops.verify(
                        accepted, next, targetLogits, null, q0, tokens, draftLengths, V, draws(batch, seed, position, (float) temperature),
                        Verification.TOKEN, oneHot);
                for (int b = 0; b < batch; b++) {
                    int taken = accepted.getInt(b);
                    int token = next.getInt(b);
                    if (fault == Fault.NO_RESIDUAL && taken < G) {
                        token = inverse(p[taken], random.nextDouble());
                    }
                    int[] drafted = new int[G];
                    for (int i = 0; i < G; i++) {
                        drafted[i] = tokens.getInt((long) b * G + i);
                    }
                    counts[outcome(drafted, taken, token)]++;
                }
            }
        }
        return chiSquare(exact(p, q), counts);
    }

    private static List<Draw> draws(int batch, long seed, long position, float temperature) {
        return IntStream.range(0, batch).mapToObj(b -> new Draw(seed, position, 5 + b, temperature)).toList();
    }

    /** tokens (batch * G) drawn from the draft's rows as a decoder draws them. */
    private static void draw(
            Ops ops, Tensor tokens, Tensor draftLogits, float temperature, long seed, long position, int batch,
            adaspec.tensor.Workspace.Step step) {
        Tensor column = step.i32(new int[batch]);
        Tensor rows = step.f32(batch, V);
        for (int i = 0; i < G; i++) {
            for (int b = 0; b < batch; b++) {
                for (int v = 0; v < V; v++) {
                    rows.set(b, v, draftLogits.get((long) b * G + i, v));
                }
            }
            ops.sample(column, null, rows, draws(batch, seed, position, temperature), Philox.DRAFT, i);
            for (int b = 0; b < batch; b++) {
                tokens.setInt((long) b * G + i, column.getInt(b));
            }
        }
    }

    /** Outcomes with a drafts accepted: V^a prefixes, the rejected token if a < G, the next token. */
    private static int outcomes() {
        int count = 0;
        for (int a = 0; a <= G; a++) {
            count += (int) Math.pow(V, a) * (a < G ? V * V : V);
        }
        return count;
    }

    private static int outcome(int[] drafted, int taken, int token) {
        int base = 0;
        for (int a = 0; a < taken; a++) {
            base += (int) Math.pow(V, a) * V * V;
        }
        int prefix = 0;
        for (int i = 0; i < Math.min(taken + 1, G); i++) {
            prefix = prefix * V + drafted[i];
        }
        return base + prefix * V + token;
    }

    private static double[] exact(double[][] p, double[][] q) {
        double[] law = new double[outcomes()];
        enumerate(law, p, q, new int[G], 0, 1);
        return law;
    }

    private static void enumerate(double[] law, double[][] p, double[][] q, int[] drafted, int i, double probability) {
        if (i == G) {
            for (int y = 0; y < V; y++) {
                law[outcome(drafted, G, y)] = probability * p[G][y];
            }
            return;
        }
        double[][] one = oneToken(p[i], q[i], q[i], true);
        for (int x = 0; x < V; x++) {
            drafted[i] = x;
            for (int y = 0; y < V; y++) {
                law[outcome(drafted, i, y)] = probability * one[x][y];
            }
            if (one[x][V] > 0) {
                enumerate(law, p, q, drafted, i + 1, probability * one[x][V]);
            }
        }
    }

    // ------------------------------------------------------------------------------------------------ (3) the decoders

    private static final int TEXT = 3;

    /** Texts of three tokens over five ids: every one of the 125 against its exact probability under the target. */
    @ParameterizedTest
    @MethodSource("devices")
    void decodersEmitTextsWithTheTargetsLaw(Ops ops) {
        int vocabulary = 5;
        double temperature = 0.9;
        int[] prompt = {2, 0, 4};
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(vocabulary, 1, 4, 16), 21);
            Transformer relative = models.noisy(model, 0.35, 22);
            Session target = models.session("the target", model);
            Session draft = models.session("the draft", relative);
            double[] law = textLaw(models, target, prompt, temperature);
            assertTrue(chiSquare(law, texts(new PlainDecoder(target, new int[0]), prompt, temperature, vocabulary)) > PLAUSIBLE, "plain");
            for (int n = 1; n <= 3; n += 2) {
                for (DraftSampleMethod method : DraftSampleMethod.values()) {
                    for (Verification verification : Verification.values()) {
                        var decoder = new SpeculativeDecoder(target, new ModelProposer(draft, method), n, verification, new int[0]);
                        double p = chiSquare(law, texts(decoder, prompt, temperature, vocabulary));
                        assertTrue(p > PLAUSIBLE, method + ", " + verification + ", " + n + " drafted: p-value " + p);
                    }
                }
            }
            var foreign = new PlainDecoder(draft, new int[0]);
            assertTrue(chiSquare(law, texts(foreign, prompt, temperature, vocabulary)) < SURE, "the draft's own law is another");
            assertTrue(chiSquare(law, texts(new PlainDecoder(target, new int[0]), prompt, 0.8, vocabulary)) < SURE, "another temperature shows");
        }
    }

    private static long[] texts(Decoder decoder, int[] prompt, double temperature, int vocabulary) {
        long[] counts = new long[vocabulary * vocabulary * vocabulary];
        for (int sequence = 0; sequence < 5_000; sequence++) {
            int[] ids = decoder.decode(prompt, new Sampling(TEXT, temperature, 3), sequence, token -> {}).ids();
            counts[(ids[0] * vocabulary + ids[1]) * vocabulary + ids[2]]++;
        }
        return counts;
    }

    private static double[] textLaw(TinyModels models, Session target, int[] prompt, double temperature) {
        int vocabulary = target.vocabulary();
        double[] law = new double[vocabulary * vocabulary * vocabulary];
        for (int text = 0; text < law.length; text++) {
            int[] ids = {text / vocabulary / vocabulary, text / vocabulary % vocabulary, text % vocabulary};
            int[] read = {prompt[0], prompt[1], prompt[2], ids[0], ids[1]};
            try (var step = models.workspace().begin()) {
                Tensor laws = step.f32(TEXT, vocabulary);
                target.rewind(0);
                target.advance(read, laws);
                law[text] = 1;
                for (int i = 0; i < TEXT; i++) {
                    float[] row = laws.rows(i, i + 1).toFloats();
                    law[text] *= softmax(row, temperature)[ids[i]];
                }
            }
        }
        return law;
    }

    // ------------------------------------------------------------------------------------------------ arithmetic

    /** The p-value of {@code counts} under {@code law}; outcomes expected fewer than 8 times are put together. */
    private static double chiSquare(double[] law, long[] counts) {
        long draws = 0;
        double total = 0;
        for (int i = 0; i < law.length; i++) {
            draws += counts[i];
            total += law[i];
        }
        assertEquals(1, total, 1e-6, "a law sums to one");
        List<Double> expected = new ArrayList<>();
        List<Long> observed = new ArrayList<>();
        double restExpected = 0;
        long restObserved = 0;
        for (int i = 0; i < law.length; i++) {
            if (law[i] * draws >= 8) {
                expected.add(law[i] * draws);
                observed.add(counts[i]);
            } else {
                restExpected += law[i] * draws;
                restObserved += counts[i];
            }
        }
        if (restExpected > 0) {
            expected.add(restExpected);
            observed.add(restObserved);
        } else if (restObserved > 0) {
            return 0;
        }
        assertTrue(expected.size() >= V, "a test with " + expected.size() + " cells says little");
        return new ChiSquareTest()
                .chiSquareTest(
                        expected.stream().mapToDouble(d -> d).toArray(),
                        observed.stream().mapToLong(l -> l).toArray());
    }

    private static float[] logits(Random random, int count) {
        float[] logits = new float[count];
        for (int v = 0; v < count; v++) {
            logits[v] = (float) (1.3 * random.nextGaussian());
        }
        return logits;
    }

    private static double[] softmax(float[] logits, double temperature) {
        double[] law = new double[logits.length];
        double sum = 0;
        for (int v = 0; v < law.length; v++) {
            law[v] = Math.exp(logits[v] / temperature);
            sum += law[v];
        }
        for (int v = 0; v < law.length; v++) {
            law[v] /= sum;
        }
        return law;
    }

    private static int argmax(float[] logits) {
        int best = 0;
        for (int v = 1; v < logits.length; v++) {
            if (logits[v] > logits[best]) {
                best = v;
            }
        }
        return best;
    }

    private static double[] hot(int at) {
        double[] law = new double[V];
        law[at] = 1;
        return law;
    }

    private static int inverse(double[] law, double u) {
        double sum = 0;
        for (int v = 0; v < law.length; v++) {
            sum += law[v];
            if (u < sum) {
                return v;
            }
        }
        return law.length - 1;
    }
}
