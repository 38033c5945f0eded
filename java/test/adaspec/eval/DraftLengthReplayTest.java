package adaspec.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.decode.AcceptanceStats;
import adaspec.decode.Completion;
import adaspec.decode.DraftSampleMethod;
import adaspec.decode.ModelProposer;
import adaspec.decode.PlainDecoder;
import adaspec.decode.Sampling;
import adaspec.decode.Session;
import adaspec.decode.Speculation;
import adaspec.decode.SpeculativeDecoder;
import adaspec.decode.TinyModels;
import adaspec.model.Transformer;
import adaspec.ops.Ops;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** One greedy pass says what speculation at every draft length counts. */
class DraftLengthReplayTest {
    private static final int VOCABULARY = 23;

    static List<Ops> devices() {
        return TestBackends.all();
    }

    @Test
    void byHand() {
        // Tokens 0 to 6 emitted; the draft agrees on all but 2 and 5, and on one token behind the end.
        BitSet agrees = new BitSet();
        for (int i : new int[] {0, 1, 3, 4, 6, 7}) {
            agrees.set(i);
        }
        var replay = new DraftLengthReplay(3, 100, 100);
        replay.add(10, 7, agrees);
        // g = 1: [0 1] [2: no] [3 4] [5: no] [6 7]; g = 3: [0 1 | 2] [3 4 | 5] [6 7 | 8]: the last step counts behind the end.
        assertArrayEquals(new long[] {2, 3}, replay.stats().get(0).histogram());
        assertArrayEquals(new long[] {0, 0, 3, 0}, replay.stats().get(2).histogram());
        assertEquals(9, replay.stats().get(2).draftTokens());
        // A draft of 11 positions drafts two tokens behind 10 ids and none behind 13.
        var narrow = new DraftLengthReplay(3, 14, 11);
        narrow.add(10, 4, agrees);
        assertArrayEquals(new long[] {0, 0, 1, 0}, narrow.stats().get(2).histogram());
        assertEquals(2, narrow.stats().get(2).draftTokens());
    }

    /** For every length, texts that end by an end token, by their limit and by the models' positions: count by count. */
    @ParameterizedTest
    @MethodSource("devices")
    void theReplayCountsWhatSpeculationCounts(Ops ops) {
        int positions = 40;
        int longest = 9;
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            prompts.add(TinyModels.prompt(1 + 3 * i, VOCABULARY, i));
        }
        long accepted = 0;
        long rejected = 0;
        int stopped = 0;
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, positions), 4);
            for (Transformer draft : List.of(
                    models.noisy(model, 0.06, 3),
                    model,
                    models.random(TinyModels.architecture(VOCABULARY, 1, 8, 17), 5))) {
                Session targetSession = models.session("t", model);
                Session draftSession = models.session("d", draft);
                for (int limit : new int[] {1, 12, 60}) {
                    int[] ends = {0, 7};
                    Sampling sampling = Sampling.greedy(limit);
                    var evaluator = new Evaluator("the target", model, ends, models.workspace(), TestBackends::allocator);
                    var settings = new Evaluator.Settings(sampling, Speculation.of(longest), false);
                    List<AcceptanceStats> replay = evaluator.evaluate("d", draft, VOCABULARY, prompts, settings, done -> {}).replay();
                    assertEquals(Evaluator.LONGEST, replay.size());
                    for (int g = 1; g <= longest; g++) {
                        var decoder = new SpeculativeDecoder(
                                targetSession, new ModelProposer(draftSession, DraftSampleMethod.PROBABILISTIC), g, ends);
                        AcceptanceStats counted = new AcceptanceStats(g);
                        for (int[] prompt : prompts) {
                            Completion completion = decoder.decode(prompt, sampling, 0, t -> {});
                            assertArrayEquals(new PlainDecoder(targetSession, ends).decode(prompt, sampling, 0, t -> {}).ids(), completion.ids());
                            counted.add(completion.stats());
                            stopped += completion.finishReason() == adaspec.decode.FinishReason.STOP ? 1 : 0;
                        }
                        AcceptanceStats replayed = replay.get(g - 1);
                        String what = g + " drafted, limit " + limit + ", draft of " + draft.architecture().maxPositions() + " positions";
                        assertArrayEquals(counted.histogram(), replayed.histogram(), what);
                        assertEquals(counted.draftTokens(), replayed.draftTokens(), what);
                        assertEquals(counted.rejections(), replayed.rejections(), what);
                        assertArrayEquals(counted.conditionalAcceptanceRatePerPosition(), replayed.conditionalAcceptanceRatePerPosition(), what);
                        accepted += counted.acceptedTokens();
                        rejected += counted.rejections();
                    }
                }
            }
        }
        assertTrue(accepted > 200 && rejected > 200 && stopped > 20, accepted + " accepted, " + rejected + " rejected, " + stopped + " stopped");
    }
}
