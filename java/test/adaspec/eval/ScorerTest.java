package adaspec.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.model.Model;
import adaspec.model.Transformer;
import adaspec.ops.Ops;
import adaspec.tensor.Workspace;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Scores against transformers' (java/golden/score_golden.py). */
class ScorerTest {
    private static final Path GOLDEN = Path.of(System.getProperty("basedir", ""), "java", "golden");

    static Stream<Arguments> models() {
        return TestBackends.all().stream()
                .flatMap(ops -> Stream.of("neox-parallel", "neox-sequential-tied").map(name -> Arguments.of(ops, name)));
    }

    private interface Check {
        void with(Scorer scorer, Path directory) throws IOException;
    }

    private static void open(Ops ops, String name, Check check) throws IOException {
        try (var memory = TestBackends.allocator();
                var workspace = new Workspace(TestBackends.allocator(), true);
                Model model = Model.open(GOLDEN.resolve(name), null, memory)) {
            check.with(new Scorer(name, new Transformer(ops, model.weights(), memory), workspace), GOLDEN.resolve(name));
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void scoresEqualTransformers(Ops ops, String name) throws IOException {
        open(ops, name, (scorer, directory) -> {
            List<String> lines = Files.readAllLines(directory.resolve("score.jsonl"));
            assertEquals(5, lines.size());
            for (String line : lines) {
                JsonNode golden = Json.parse(line, "golden");
                int[] ids = IntStream.range(0, golden.get("ids").size()).map(i -> golden.get("ids").get(i).asInt()).toArray();
                Scorer.Scores scores = scorer.score(ids, 4);
                assertTrue(Double.isNaN(scores.logprobs()[0]));
                for (int i = 1; i < ids.length; i++) {
                    assertEquals(golden.get("logprobs").get(i).asDouble(), scores.logprobs()[i], 1e-4, "log-probability of token " + i);
                }
                for (int i = 0; i < ids.length; i++) {
                    for (int j = 0; j < 4; j++) {
                        JsonNode expected = golden.get("top").get(i).get(j);
                        assertEquals(expected.get(0).asInt(), scores.top()[i][j].id(), "rank " + j + " after position " + i);
                        assertEquals(expected.get(1).asDouble(), scores.top()[i][j].logprob(), 1e-4);
                    }
                }
                assertNull(scorer.score(ids, 0).top());
            }
        });
    }

    @ParameterizedTest
    @MethodSource("models")
    void theWholeLawSumsToOne(Ops ops, String name) throws IOException {
        open(ops, name, (scorer, directory) -> {
            Scorer.TokenLogprob[] all = scorer.score(new int[] {1, 2, 3}, 1_000_000).top()[1];
            double sum = 0;
            for (int i = 0; i < all.length; i++) {
                sum += Math.exp(all[i].logprob());
                double before = i == 0 ? Double.POSITIVE_INFINITY : all[i - 1].logprob();
                assertTrue(before > all[i].logprob() || before == all[i].logprob() && all[i - 1].id() < all[i].id());
            }
            assertEquals(name.equals("neox-parallel") ? 64 : 96, all.length, "every row of the head counts");
            assertEquals(1, sum, 1e-5);
        });
    }

    /** Equal rows of the head give equal logits: the lower id comes first. */
    @ParameterizedTest
    @MethodSource("models")
    void tiesGoToTheLowerId(Ops ops, String name) throws IOException {
        try (var memory = TestBackends.allocator();
                var workspace = new Workspace(TestBackends.allocator(), true);
                Model model = Model.open(GOLDEN.resolve(name), null, memory)) {
            var weights = model.weights().trainableCopy(memory);
            var head = weights.head();
            int best = new Scorer(name, new Transformer(ops, weights, memory), workspace).score(new int[] {5}, 1).top()[0][0].id();
            for (int twin : new int[] {7, 40, 50}) {
                head.rows(twin, twin + 1).copyFrom(head.rows(best, best + 1));
            }
            var top = new Scorer(name, new Transformer(ops, weights, memory), workspace).score(new int[] {5}, 3).top()[0];
            int[] expected = IntStream.of(best, 7, 40, 50).sorted().distinct().limit(3).toArray();
            for (int i = 0; i < 3; i++) {
                assertEquals(expected[i], top[i].id());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void whatCannotBeScoredIsOneSentence(Ops ops, String name) throws IOException {
        open(ops, name, (scorer, directory) -> {
            assertTrue(message(scorer, new int[0]).contains("no token ids"));
            assertTrue(message(scorer, new int[65]).contains("65 token ids but " + name + " has 64 positions"));
            assertTrue(message(scorer, new int[] {1, 1000}).contains("token id 1000"));
            assertTrue(message(scorer, new int[] {-1}).contains("token id -1"));
            assertEquals(1, scorer.score(new int[] {3}, 0).logprobs().length);
        });
    }

    private static String message(Scorer scorer, int[] ids) {
        return assertThrows(InputException.class, () -> scorer.score(ids, 0)).getMessage();
    }
}
