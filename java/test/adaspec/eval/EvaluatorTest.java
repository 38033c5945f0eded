package adaspec.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.common.InputException;
import adaspec.decode.AcceptanceStats;
import adaspec.decode.PlainDecoder;
import adaspec.decode.Sampling;
import adaspec.decode.Session;
import adaspec.decode.Speculation;
import adaspec.decode.TinyModels;
import adaspec.model.Transformer;
import adaspec.ops.Ops;
import adaspec.tensor.Tensor;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class EvaluatorTest {
    private static final int VOCABULARY = 23;
    private static final List<String> KEYS = List.of(
            "num_prompts", "num_target_tokens", "greedy", "temperature", "num_speculative_tokens", "alpha", "alpha_ci95", "expected_acceptance",
            "draft_acceptance_rate", "mean_acceptance_length", "acceptance_rate_per_position", "conditional_acceptance_rate_per_position",
            "acceptance_histogram", "num_spec_steps", "num_draft_tokens", "num_accepted_draft_tokens", "plain_tokens_per_second",
            "speculative_tokens_per_second", "speedup", "cost_ratio", "break_even_acceptance", "best_num_speculative_tokens",
            "draft_length", "verification_costs", "draft_lengths", "prompt_counts");

    static List<Ops> devices() {
        return TestBackends.all();
    }

    private static List<int[]> prompts(int count) {
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            prompts.add(TinyModels.prompt(1 + i % 7, VOCABULARY, i));
        }
        return prompts;
    }

    private static Acceptance evaluate(TinyModels models, Transformer target, Transformer draft, int n, Sampling sampling, boolean timed) {
        var evaluator = new Evaluator("the target", target, new int[] {0}, models.workspace(), TestBackends::allocator);
        var settings = new Evaluator.Settings(sampling, Speculation.of(n), timed);
        return evaluator.evaluate("the draft", draft, VOCABULARY, prompts(6), settings, done -> {});
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aTargetThatDraftsForItselfHasAcceptanceOne(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer target = models.random(TinyModels.architecture(VOCABULARY, 2, 8, 64), 1);
            for (Sampling sampling : List.of(Sampling.greedy(25), new Sampling(25, 1, 3))) {
                for (int n : new int[] {1, 3, 8}) {
                    Acceptance a = evaluate(models, target, target, n, sampling, false);
                    assertEquals(1.0, a.alpha());
                    assertEquals(new Interval(1, 1), a.alphaInterval());
                    assertEquals(1.0, a.stats().draftAcceptanceRate());
                    assertEquals(n + 1.0, a.stats().meanAcceptanceLength());
                    assertEquals(1.0, a.expectedAcceptance(), 1e-6);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void everyKeyIsThereInItsOrder(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer target = models.random(TinyModels.architecture(VOCABULARY, 2, 8, 64), 1);
            Transformer draft = models.noisy(target, 0.06, 2);
            ObjectNode timed = evaluate(models, target, draft, 3, Sampling.greedy(25), true).toJson();
            List<String> keys = new ArrayList<>();
            timed.fieldNames().forEachRemaining(keys::add);
            assertEquals(KEYS, keys);
            timed.properties().forEach(e -> assertTrue(!e.getValue().isNull(), e.getKey() + " is null"));
            assertEquals(4, timed.get("acceptance_histogram").size());
            assertEquals(3, timed.get("acceptance_rate_per_position").size());
            assertEquals(2, timed.get("alpha_ci95").size());
            assertEquals(
                    timed.get("speedup").asDouble(),
                    timed.get("speculative_tokens_per_second").asDouble() / timed.get("plain_tokens_per_second").asDouble(),
                    1e-12);
            assertTrue(timed.get("cost_ratio").asDouble() > 0);

            ObjectNode untimed = evaluate(models, target, draft, 3, Sampling.greedy(25), false).toJson();
            for (String key : KEYS.subList(KEYS.indexOf("plain_tokens_per_second"), KEYS.indexOf("draft_length"))) {
                assertTrue(untimed.get(key).isNull(), key);
            }
            assertTrue(untimed.get("verification_costs").isNull(), "not timed");
            assertTrue(evaluate(models, target, draft, 3, new Sampling(25, 0.8, 3), false).toJson().get("draft_lengths").isNull(), "greedy only");
            for (String key : KEYS.subList(0, KEYS.indexOf("plain_tokens_per_second"))) {
                assertEquals(timed.get(key), untimed.get(key), key + " does not depend on the clock");
            }
        }
    }

    /** Against plain decoding and a loop in double over the two models' laws. */
    @ParameterizedTest
    @MethodSource("devices")
    void expectedAcceptanceIsTheMeanOfTheOverlap(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer target = models.random(TinyModels.architecture(VOCABULARY, 2, 8, 64), 4);
            Transformer draft = models.random(TinyModels.architecture(VOCABULARY, 1, 8, 16), 5); // ends before the texts do
            Acceptance a = evaluate(models, target, draft, 2, Sampling.greedy(25), false);
            double sum = 0;
            int positions = 0;
            long tokens = 0;
            Session targetSession = models.session("t", target);
            Session draftSession = models.session("d", draft);
            for (int[] prompt : prompts(6)) {
                int[] ids = new PlainDecoder(targetSession, new int[] {0}).decode(prompt, Sampling.greedy(25), 0, t -> {}).ids();
                tokens += ids.length;
                targetSession.rewind(0);
                draftSession.rewind(0);
                for (int i = 0; i < prompt.length - 1; i++) {
                    law(models, targetSession, prompt[i]);
                    law(models, draftSession, prompt[i]);
                }
                for (int i = 0; i < ids.length && draftSession.length() < 16; i++) {
                    int last = i == 0 ? prompt[prompt.length - 1] : ids[i - 1];
                    double[] p = law(models, targetSession, last);
                    double[] q = law(models, draftSession, last);
                    for (int v = 0; v < VOCABULARY; v++) {
                        sum += Math.min(p[v], q[v]);
                    }
                    positions++;
                }
            }
            assertEquals(tokens, a.numTargetTokens());
            assertTrue(positions > 40, positions + " positions");
            assertEquals(sum / positions, a.expectedAcceptance(), 1e-5);
            assertTrue(a.expectedAcceptance() > 0.05 && a.expectedAcceptance() < 0.95);
        }
    }

    private static double[] law(TinyModels models, Session session, int id) {
        try (var step = models.workspace().begin()) {
            Tensor logits = step.f32(1, VOCABULARY);
            session.advance(new int[] {id}, logits);
            double[] law = new double[VOCABULARY];
            double sum = 0;
            for (int v = 0; v < VOCABULARY; v++) {
                law[v] = Math.exp(logits.get(0, v));
                sum += law[v];
            }
            for (int v = 0; v < VOCABULARY; v++) {
                law[v] /= sum;
            }
            return law;
        }
    }

    /** Texts that end by an end token and by their limit, a draft that ends before them; every count, prompt by prompt, and every draft length. */
    @ParameterizedTest
    @MethodSource("devices")
    void textsThatAreReadCountAsTextsThatAreDecoded(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer target = models.random(TinyModels.architecture(VOCABULARY, 2, 8, 64), 4);
            List<int[]> texts = new ArrayList<>();
            try (Session session = new Session("t", target, VOCABULARY, 64, models.workspace(), TestBackends.allocator())) {
                for (int[] prompt : prompts(6)) {
                    texts.add(new PlainDecoder(session, new int[] {0}).decode(prompt, Sampling.greedy(25), 0, t -> {}).ids());
                }
            }
            var evaluator = new Evaluator("the target", target, new int[] {0}, models.workspace(), TestBackends::allocator);
            for (Transformer draft : List.of(models.noisy(target, 0.06, 2), models.random(TinyModels.architecture(VOCABULARY, 1, 8, 16), 5))) {
                Acceptance decoded = evaluate(models, target, draft, 3, Sampling.greedy(25), false);
                Acceptance read = evaluator.read("the draft", draft, VOCABULARY, prompts(6), texts, Speculation.of(3), done -> {});
                assertEquals(decoded.toJson().toString(), read.toJson().toString());
                JsonNode counts = read.toJson().get("prompt_counts");
                assertEquals(6, counts.get("tokens").size());
                for (String[] total : new String[][] {
                    {"tokens", "num_target_tokens"}, {"spec_steps", "num_spec_steps"}, {"accepted", "num_accepted_draft_tokens"}}) {
                    assertEquals(read.toJson().get(total[1]).asLong(), sum(counts.get(total[0])), total[0]);
                }
                assertEquals(read.stats().rejections(), sum(counts.get("rejected")));
                assertEquals(read.expectedAcceptance(), sum(counts.get("acceptance")) / sum(counts.get("positions")), 1e-12);
            }
            int[] strange = texts.get(2).clone();
            strange[1] = (strange[1] + 1) % VOCABULARY;
            texts.set(2, strange);
            var refused = assertThrows(
                    InputException.class, () -> evaluator.read("d", target, VOCABULARY, prompts(6), texts, Speculation.of(3), done -> {}));
            assertEquals("text 3 is not what the target writes greedily: its token 1 (from 0) is another", refused.getMessage());
        }
    }

    private static double sum(JsonNode array) {
        double sum = 0;
        for (JsonNode value : array) {
            sum += value.asDouble();
        }
        return sum;
    }

    /** Sampling at temperature 1, the share of judged tokens that are accepted estimates the expected acceptance. */
    @ParameterizedTest
    @MethodSource("devices")
    void alphaAndExpectedAcceptanceAgree(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer target = models.random(TinyModels.architecture(VOCABULARY, 2, 8, 64), 4);
            Transformer draft = models.noisy(target, 0.08, 6);
            var evaluator = new Evaluator("the target", target, new int[0], models.workspace(), TestBackends::allocator);
            var settings = new Evaluator.Settings(new Sampling(40, 1, 8), Speculation.of(1), false);
            Acceptance a = evaluator.evaluate("the draft", draft, VOCABULARY, prompts(60), settings, done -> {});
            assertTrue(a.alpha() > 0.2 && a.alpha() < 0.95, "alpha " + a.alpha());
            assertEquals(a.expectedAcceptance(), a.alpha(), 0.04);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void noPromptsAreOneSentence(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer target = models.random(TinyModels.architecture(VOCABULARY, 1, 8, 64), 4);
            var evaluator = new Evaluator("the target", target, new int[0], models.workspace(), TestBackends::allocator);
            var settings = new Evaluator.Settings(Sampling.greedy(4), Speculation.of(1), false);
            assertThrows(InputException.class, () -> evaluator.evaluate("d", target, VOCABULARY, List.of(), settings, done -> {}));
        }
    }

    @Test
    void thePairedDifferenceOfAlphas() {
        List<Acceptance.PromptCounts> good = new ArrayList<>();
        List<Acceptance.PromptCounts> bad = new ArrayList<>();
        AcceptanceStats goodStats = new AcceptanceStats(4);
        AcceptanceStats badStats = new AcceptanceStats(4);
        for (int i = 0; i < 30; i++) {
            good.add(new Acceptance.PromptCounts(4, 1, 3, 1, 4, 2.8)); // a step that accepted 3 of 4
            goodStats.record(4, 3);
            bad.add(new Acceptance.PromptCounts(2, 1, 1, 1, 2, 1));
            badStats.record(4, 1);
        }
        Acceptance a = Acceptance.of(120, Sampling.greedy(4), Speculation.of(4), goodStats, good, 0.7, List.of(), null);
        Acceptance b = Acceptance.of(60, Sampling.greedy(4), Speculation.of(4), badStats, bad, 0.5, List.of(), null);
        PairedDifference difference = PairedDifference.of(a, b);
        assertEquals(0.75 - 0.5, difference.difference());
        assertEquals(0.25, difference.interval().lo(), 1e-12);
        assertTrue(difference.interval().excludes(0));
        assertTrue(AcceptanceTable.render(a).contains("alpha"));
    }
}
