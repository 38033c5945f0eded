package adaspec.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.common.InputException;
import adaspec.common.UsageException;
import adaspec.model.Transformer;
import adaspec.ops.Ops;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Where continuations end, and what cannot be continued; plain and speculative alike. */
class DecoderTest {
    private static final int VOCABULARY = 29;
    private static final int POSITIONS = 40;
    private static final int[] NO_END = {};

    static List<Ops> devices() {
        return TestBackends.all();
    }

    private static Completion decode(Decoder decoder, int[] prompt, Sampling sampling) {
        return decoder.decode(prompt, sampling, 0, token -> {});
    }

    /** Both decoders over one target, the second with itself as draft: every block is accepted whole, so ends fall inside blocks. */
    private static List<Decoder> decoders(TinyModels models, Transformer model, int[] endTokens) {
        Session target = models.session("the target", model);
        Session draft = models.session("the draft", model);
        return List.of(
                new PlainDecoder(target, endTokens),
                new SpeculativeDecoder(target, new ModelProposer(draft, DraftSampleMethod.PROBABILISTIC), 4, endTokens));
    }

    @ParameterizedTest
    @MethodSource("devices")
    void nothingFollowsAnEndToken(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, POSITIONS), 4);
            int[] prompt = TinyModels.prompt(5, VOCABULARY, 1);
            int[] free = decode(decoders(models, model, NO_END).get(0), prompt, Sampling.greedy(20)).ids();
            int ends = 0;
            for (int at = 0; at < free.length; at++) {
                int end = free[at];
                int first = indexOf(free, end);
                if (first != at) {
                    continue;
                }
                ends++;
                for (Decoder decoder : decoders(models, model, new int[] {VOCABULARY + 5, end})) {
                    List<Integer> heard = new ArrayList<>();
                    Completion stopped = decoder.decode(prompt, Sampling.greedy(20), 0, heard::add);
                    assertArrayEquals(Arrays.copyOf(free, at + 1), stopped.ids(), "the end token is emitted and is the last");
                    assertEquals(FinishReason.STOP, stopped.finishReason());
                    assertArrayEquals(stopped.ids(), heard.stream().mapToInt(i -> i).toArray());
                }
            }
            assertTrue(ends >= 5, "ends fell on " + ends + " places, of blocks of 5");
        }
    }

    /** The verifier's counts are not cut where the text is: with itself as draft all that was drafted was accepted. */
    @ParameterizedTest
    @MethodSource("devices")
    void countsAreTakenBeforeTruncation(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, POSITIONS), 4);
            int[] prompt = TinyModels.prompt(5, VOCABULARY, 1);
            Completion cut = decode(decoders(models, model, NO_END).get(1), prompt, Sampling.greedy(7));
            assertEquals(7, cut.ids().length);
            assertEquals(2, cut.stats().steps());
            assertEquals(8, cut.stats().draftTokens());
            assertEquals(8, cut.stats().acceptedTokens());
            assertArrayEquals(new long[] {0, 0, 0, 0, 2}, cut.stats().histogram());
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void limitsEndAText(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, POSITIONS), 4);
            int[] prompt = TinyModels.prompt(5, VOCABULARY, 1);
            int[] longest = decode(decoders(models, model, NO_END).get(0), prompt, Sampling.greedy(1000)).ids();
            assertEquals(POSITIONS - prompt.length, longest.length, "prompt and continuation fill the positions");
            for (Decoder decoder : decoders(models, model, NO_END)) {
                for (int limit = 0; limit <= longest.length + 3; limit++) {
                    Completion completion = decode(decoder, prompt, Sampling.greedy(limit));
                    assertArrayEquals(Arrays.copyOf(longest, Math.min(limit, longest.length)), completion.ids());
                    assertEquals(FinishReason.LENGTH, completion.finishReason());
                }
                Completion full = decode(decoder, TinyModels.prompt(POSITIONS, VOCABULARY, 2), Sampling.greedy(5));
                assertEquals(0, full.ids().length, "a prompt that fills the positions leaves no room");
                assertEquals(FinishReason.LENGTH, full.finishReason());
                assertEquals(POSITIONS - 1, decode(decoder, new int[] {3}, Sampling.greedy(99)).ids().length, "a prompt of one token");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void badPromptsAreOneSentence(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 1, 8, POSITIONS), 4);
            for (Decoder decoder : decoders(models, model, NO_END)) {
                assertSentence("the prompt has no tokens", () -> decode(decoder, new int[0], Sampling.greedy(3)));
                assertSentence("41 tokens but the target has 40 positions", () -> decode(decoder, new int[41], Sampling.greedy(3)));
                assertSentence("token id 29 but the target has ids 0 to 28", () -> decode(decoder, new int[] {1, 29}, Sampling.greedy(3)));
                assertSentence("token id -1", () -> decode(decoder, new int[] {-1}, Sampling.greedy(3)));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aDraftThatDoesNotKnowAnIdOfThePromptIsOneSentence(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Session target = models.session("the target", models.random(TinyModels.architecture(VOCABULARY, 1, 8, POSITIONS), 4), 20, 64);
            Session draft = models.session("the draft", models.random(TinyModels.architecture(20, 1, 8, POSITIONS), 5));
            var decoder = new SpeculativeDecoder(target, new ModelProposer(draft, DraftSampleMethod.PROBABILISTIC), 2, NO_END);
            assertSentence("token id 20 but the draft has ids 0 to 19", () -> decode(decoder, new int[] {20}, Sampling.greedy(3)));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void logitsThatAreNotFiniteNameTheModelAndThePosition(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer healthy = models.random(TinyModels.architecture(VOCABULARY, 1, 8, POSITIONS), 4);
            Transformer broken = models.noisy(healthy, 0, 1);
            broken.weights().get("head").set(3, Float.NaN);
            int[] prompt = TinyModels.prompt(5, VOCABULARY, 1);
            for (Sampling sampling : List.of(Sampling.greedy(9), new Sampling(9, 1, 0))) {
                for (Decoder decoder : decoders(models, broken, NO_END).subList(0, 1)) {
                    assertSentence("the target gives the logit NaN to token 0 at position 5", () -> decode(decoder, prompt, sampling));
                }
                Session good = models.session("the good one", healthy);
                Session bad = models.session("the bad one", broken);
                Decoder badDraft = new SpeculativeDecoder(good, new ModelProposer(bad, DraftSampleMethod.PROBABILISTIC), 2, NO_END);
                assertSentence("the bad one gives the logit NaN to token 0 at position 5", () -> decode(badDraft, prompt, sampling));
                Decoder badTarget = new SpeculativeDecoder(bad, new ModelProposer(good, DraftSampleMethod.PROBABILISTIC), 2, NO_END);
                assertSentence("the bad one gives the logit NaN to token 0 at position 5", () -> decode(badTarget, prompt, sampling));
            }
        }
    }

    @Test
    void samplingOutOfRangeIsAUsageError() {
        assertThrows(UsageException.class, () -> new Sampling(-1, 0, 0));
        for (double temperature : new double[] {-0.5, Double.NaN, Double.POSITIVE_INFINITY, 1e-300}) {
            assertThrows(UsageException.class, () -> new Sampling(1, temperature, 0), "temperature " + temperature);
        }
    }

    private static void assertSentence(String part, org.junit.jupiter.api.function.Executable action) {
        InputException e = assertThrows(InputException.class, action);
        assertTrue(e.getMessage().contains(part), e.getMessage());
    }

    private static int indexOf(int[] ids, int id) {
        int i = 0;
        while (ids[i] != id) {
            i++;
        }
        return i;
    }
}
