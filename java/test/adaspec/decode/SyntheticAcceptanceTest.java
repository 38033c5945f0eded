package adaspec.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.ops.Ops;
import adaspec.ops.Verification;
import adaspec.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Acceptance at a rate that is given: for measuring speed, and for nothing else. */
class SyntheticAcceptanceTest {
    private static final int VOCABULARY = 17;
    private static final int DRAFTED = 5;
    private static final Ops OPS = TestBackends.all().getFirst();

    /** Rows whose argmax is their number. */
    private static Tensor laws(int rows) {
        float[] logits = new float[rows * VOCABULARY];
        for (int row = 0; row < rows; row++) {
            logits[row * VOCABULARY + row] = 1;
        }
        return Tensor.ofFloats(logits, rows, VOCABULARY);
    }

    private static Judge.Verdict judge(TinyModels models, double rate, int sequence, long position) {
        var judge = new SyntheticAcceptance(new Verifier(OPS, Verification.TOKEN), rate);
        // No token that was drafted is the target's argmax: verification would accept none.
        var proposal = new Proposal(new int[] {16, 16, 16, 16, 16}, null);
        try (var step = models.workspace().begin()) {
            return judge.verify(laws(DRAFTED + 1), proposal, Sampling.greedy(1), sequence, position, step);
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.2, 0.5, 0.8, 0.95})
    void everyJudgedTokenIsAcceptedAtTheRate(double rate) {
        var stats = new AcceptanceStats(DRAFTED);
        try (var models = new TinyModels(OPS)) {
            for (int sequence = 0; sequence < 20; sequence++) {
                for (int position = 0; position < 5000; position += DRAFTED + 1) {
                    Judge.Verdict verdict = judge(models, rate, sequence, position);
                    stats.record(DRAFTED, verdict.accepted());
                    assertEquals(verdict.accepted(), verdict.next(), "the target's own token comes from the row after the accepted ones");
                }
            }
        }
        double[] conditional = stats.conditionalAcceptanceRatePerPosition();
        double reached = stats.steps();
        for (int i = 0; i < DRAFTED; i++) {
            // Five standard deviations of a mean of that many independent tokens.
            assertEquals(rate, conditional[i], 5 * Math.sqrt(rate * (1 - rate) / reached), "token " + i);
            reached *= conditional[i];
        }
        double tau = (1 - Math.pow(rate, DRAFTED + 1)) / (1 - rate);
        assertEquals(tau, stats.meanAcceptanceLength(), 5 * DRAFTED / 2.0 / Math.sqrt(stats.steps()));
    }

    @Test
    void theEndsAreExact() {
        try (var models = new TinyModels(OPS)) {
            for (int position = 0; position < 1000; position++) {
                assertEquals(new Judge.Verdict(DRAFTED, DRAFTED), judge(models, 1, 0, position));
                assertEquals(new Judge.Verdict(0, 0), judge(models, 0, 0, position));
            }
        }
        for (double wrong : new double[] {-0.1, 1.1, Double.NaN}) {
            assertThrows(IllegalArgumentException.class, () -> new SyntheticAcceptance(new Verifier(OPS, Verification.TOKEN), wrong));
        }
    }

    @Test
    void theDrawOfAPositionDependsOnNeitherTheDraftNorTheRound() {
        try (var models = new TinyModels(OPS)) {
            for (int position = 0; position < 500; position++) {
                int accepted = judge(models, 0.7, 3, position).accepted();
                if (accepted > 0) {
                    assertTrue(judge(models, 0.7, 3, position + 1).accepted() >= accepted - 1, "position " + position);
                }
            }
        }
    }

    @Test
    void whatIsDecodedIsTheSameForEveryRepetitionAndNotTheTargets() {
        int[] prompt = TinyModels.prompt(4, VOCABULARY, 1);
        var architecture = TinyModels.architecture(VOCABULARY, 1, 8, 128);
        try (var models = new TinyModels(OPS)) {
            var target = models.session("the target", models.random(architecture, 1));
            var draft = models.session("the draft", models.random(architecture, 2));
            int[] plain = new PlainDecoder(target, new int[0]).decode(prompt, Sampling.greedy(100), 0, token -> {}).ids();
            int[] first = speculate(target, draft, prompt);
            assertArrayEquals(first, speculate(target, draft, prompt));
            assertFalse(Arrays.equals(plain, first), "a stranger's tokens were accepted, so the text is another");
        }
    }

    private static int[] speculate(Session target, Session draft, int[] prompt) {
        var proposer = new ModelProposer(draft, DraftSampleMethod.GREEDY);
        return SpeculativeDecoder.withSyntheticAcceptance(target, proposer, DRAFTED, 0.8)
                .decode(prompt, Sampling.greedy(100), 0, token -> {})
                .ids();
    }

    @Test
    void nothingButTheBenchmarkCanAskForIt() throws IOException {
        Path root = Path.of(System.getProperty("basedir", ""), "java", "main", "adaspec");
        try (var files = Files.walk(root)) {
            List<String> users = files.filter(file -> file.toString().endsWith(".java"))
                    .filter(file -> contains(file, "withSyntheticAcceptance"))
                    .map(file -> root.relativize(file).toString())
                    .sorted()
                    .toList();
            assertEquals(List.of("bench/DecodingBenchmark.java", "decode/SpeculativeDecoder.java"), users);
        }
    }

    private static boolean contains(Path file, String text) {
        try {
            return Files.readString(file).contains(text);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
