package adaspec.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.model.Transformer;
import adaspec.ops.Ops;
import adaspec.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A timeline's laws depend on the ids it has read and on nothing else, bit for bit. */
class SessionTest {
    private static final int VOCABULARY = 37;

    static List<Ops> devices() {
        return TestBackends.all();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aRewoundTimelineEqualsAFreshOne(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, 48), 1);
            Session walked = models.session("walked", model);
            Session fresh = models.session("fresh", model);
            Random random = new Random(7);
            int[] ids = new int[48];
            for (int round = 0; round < 60; round++) {
                walked.rewind(random.nextInt(walked.length() + 1));
                int room = walked.capacity() - walked.length();
                if (room == 0) {
                    continue;
                }
                int[] more = TinyModels.prompt(1 + random.nextInt(room), VOCABULARY, round);
                System.arraycopy(more, 0, ids, walked.length(), more.length);
                int rows = 1 + random.nextInt(more.length);
                float[] laws = advance(models, walked, more, rows);

                int[] all = Arrays.copyOf(ids, walked.length());
                assertArrayEquals(all, walked.ids());
                fresh.rewind(0);
                assertArrayEquals(advance(models, fresh, all, rows), laws, "round " + round);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void chunksDoNotShow(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, 80), 2);
            int[] ids = TinyModels.prompt(75, VOCABULARY, 3);
            float[] whole = advance(models, models.session("whole", model, VOCABULARY, 1000), ids, 70);
            for (int chunk : new int[] {1, 2, 7, 64}) {
                float[] parts = advance(models, models.session("parts", model, VOCABULARY, chunk), ids, 70);
                assertArrayEquals(whole, parts, "chunks of " + chunk);
                float[] last = advance(models, models.session("last", model, VOCABULARY, chunk), ids, 1);
                assertArrayEquals(Arrays.copyOfRange(whole, 69 * VOCABULARY, whole.length), last, "the last row in chunks of " + chunk);
            }
            assertTrue(whole[0] != whole[VOCABULARY], "the model's laws differ, so that equality says something");
        }
    }

    /** A narrower vocabulary gives the same logits, cut off: padding ids are simply not there. */
    @ParameterizedTest
    @MethodSource("devices")
    void aSharedVocabularyIsAPrefix(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 1, 8, 16), 3);
            int[] ids = TinyModels.prompt(9, VOCABULARY, 3);
            float[] whole = advance(models, models.session("whole", model), ids, 1);
            float[] shared = advance(models, models.session("shared", model, 30, 64), ids, 1);
            assertArrayEquals(Arrays.copyOf(whole, 30), shared);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void readingPastTheEndIsRefused(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Session session = models.session("s", models.random(TinyModels.architecture(VOCABULARY, 1, 8, 16), 3));
            session.advance(new int[10]);
            assertThrows(IllegalArgumentException.class, () -> session.advance(new int[7]));
            assertEquals(10, session.length(), "a refused advance reads nothing");
            assertThrows(IllegalArgumentException.class, () -> session.rewind(11));
        }
    }

    private static float[] advance(TinyModels models, Session session, int[] ids, int rows) {
        try (var step = models.workspace().begin()) {
            Tensor logits = step.f32(rows, session.vocabulary());
            session.advance(ids, logits);
            return logits.toFloats();
        }
    }
}
