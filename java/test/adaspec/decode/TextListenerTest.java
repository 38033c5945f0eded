package adaspec.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.model.Transformer;
import adaspec.ops.Ops;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.IntPredicate;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A listener ends a text where it says, and sessions that remember a text say after it what fresh ones say. */
class TextListenerTest {
    private static final int VOCABULARY = 29;
    private static final int POSITIONS = 300;
    private static final int MOST = 24;
    private static final int[] NO_END = {};
    private static final Sampling SAMPLING = new Sampling(MOST, 0.8, 3);

    static List<Ops> devices() {
        return TestBackends.all();
    }

    /** Counts what it hears. */
    private record Heard(List<Integer> tokens, IntPredicate goesOn, BooleanSupplier cancels) implements TextListener {
        @Override
        public boolean emitted(int token) {
            tokens.add(token);
            return goesOn.test(tokens.size());
        }

        @Override
        public boolean cancelled() {
            return cancels.getAsBoolean();
        }

        int[] ids() {
            return tokens.stream().mapToInt(i -> i).toArray();
        }
    }

    private record Decoding(Session target, Session draft, List<Decoder> decoders) {
        static Decoding of(TinyModels models, Transformer model, Transformer relative) {
            Session target = models.session("the target", model);
            Session draft = models.session("the draft", relative);
            var proposer = new ModelProposer(draft, DraftSampleMethod.PROBABILISTIC);
            return new Decoding(target, draft, List.of(new PlainDecoder(target, NO_END), new SpeculativeDecoder(target, proposer, 4, NO_END)));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aTextEndsAtTheTokenTheListenerSaysAndNoneIsLost(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, POSITIONS), 4);
            int[] prompt = TinyModels.prompt(5, VOCABULARY, 1);
            for (Decoder decoder : Decoding.of(models, model, models.noisy(model, 0.05, 2)).decoders()) {
                int[] free = decoder.decode(prompt, SAMPLING, 0, token -> {}).ids();
                for (int last = 1; last <= MOST; last++) {
                    int end = last;
                    var heard = new Heard(new ArrayList<>(), n -> n < end, () -> false);
                    Completion stopped = decoder.decode(prompt, SAMPLING, 0, heard);
                    assertArrayEquals(Arrays.copyOf(free, end), stopped.ids());
                    assertArrayEquals(stopped.ids(), heard.ids());
                    assertEquals(FinishReason.STOP, stopped.finishReason(), "also where the limit is reached with the same token");
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aCancelledTextIsWhatItWasByThen(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, POSITIONS), 4);
            int[] prompt = TinyModels.prompt(5, VOCABULARY, 1);
            for (Decoder decoder : Decoding.of(models, model, models.noisy(model, 0.05, 2)).decoders()) {
                int[] free = decoder.decode(prompt, SAMPLING, 0, token -> {}).ids();
                for (int cut = 0; cut < MOST; cut++) {
                    int end = cut;
                    List<Integer> tokens = new ArrayList<>();
                    Completion cancelled = decoder.decode(prompt, SAMPLING, 0, new Heard(tokens, n -> true, () -> tokens.size() == end));
                    assertArrayEquals(Arrays.copyOf(free, end), cancelled.ids());
                    assertEquals(FinishReason.CANCELLED, cancelled.finishReason());
                    assertArrayEquals(free, decoder.decode(prompt, SAMPLING, 0, token -> {}).ids(), "the next text is whole");
                }
            }
        }
    }

    /** A prompt of four chunks is left after the one in which the wish came. */
    @ParameterizedTest
    @MethodSource("devices")
    void aPromptIsCancelledBetweenItsChunks(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 1, 8, POSITIONS), 4);
            int[] prompt = TinyModels.prompt(4 * Session.CHUNK + 1, VOCABULARY, 1);
            var decoding = Decoding.of(models, model, model);
            for (Decoder decoder : decoding.decoders()) {
                Completion cancelled = decoder.decode(prompt, SAMPLING, 0, new Heard(
                        new ArrayList<>(), n -> true, () -> decoding.target().length() == 2 * Session.CHUNK));
                assertEquals(0, cancelled.ids().length);
                assertEquals(FinishReason.CANCELLED, cancelled.finishReason());
                assertEquals(2 * Session.CHUNK, decoding.target().length());
                decoding.target().rewind(0);
            }
            decoding.decoders().get(1).decode(prompt, SAMPLING, 0, new Heard(
                    new ArrayList<>(), n -> true, () -> decoding.draft().length() == 3 * Session.CHUNK));
            assertEquals(3 * Session.CHUNK, decoding.draft().length(), "the draft's reading is cancelled alike");
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void whatAListenerThrowsComesOutAndTheNextTextIsWhole(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, POSITIONS), 4);
            int[] prompt = TinyModels.prompt(5, VOCABULARY, 1);
            for (Decoder decoder : Decoding.of(models, model, models.noisy(model, 0.05, 2)).decoders()) {
                int[] free = decoder.decode(prompt, SAMPLING, 0, token -> {}).ids();
                var broken = new IllegalStateException("the reader is gone");
                assertSame(broken, assertThrows(IllegalStateException.class, () -> decoder.decode(prompt, SAMPLING, 0, token -> {
                    throw broken;
                })));
                assertArrayEquals(free, decoder.decode(prompt, SAMPLING, 0, token -> {}).ids());
            }
        }
    }

    /** Prompts that share a beginning with what was read, or with what was generated: only the rest is read, and nothing shows of it. */
    @ParameterizedTest
    @MethodSource("devices")
    void aRememberedTextIsNotReadAgainAndDoesNotShow(Ops ops) {
        try (var models = new TinyModels(ops)) {
            Transformer model = models.random(TinyModels.architecture(VOCABULARY, 2, 8, POSITIONS), 4);
            Transformer relative = models.noisy(model, 0.05, 2);
            var remembering = Decoding.of(models, model, relative);
            remembering.target().rememberText();
            remembering.draft().rememberText();
            var fresh = Decoding.of(models, model, relative);
            for (int i = 0; i < 2; i++) {
                int[] prompt = TinyModels.prompt(70, VOCABULARY, 1);
                int[] ids = remembering.decoders().get(i).decode(prompt, SAMPLING, 0, token -> {}).ids();
                int[] text = concat(prompt, ids);
                for (int kept : new int[] {text.length, 80, 71, 70, 69, 40, 1}) {
                    int[] next = concat(Arrays.copyOf(text, kept), TinyModels.prompt(3, VOCABULARY, kept));
                    int[] were = remembering.target().ids();
                    List<Integer> lengths = new ArrayList<>();
                    Completion actual = remembering.decoders().get(i).decode(next, SAMPLING, 1, new Heard(new ArrayList<>(), n -> true, () -> {
                        lengths.add(remembering.target().length());
                        return false;
                    }));
                    assertArrayEquals(fresh.decoders().get(i).decode(next, SAMPLING, 1, token -> {}).ids(), actual.ids(), kept + " kept");
                    // Asked first before anything is forgotten, then before the first chunk is read.
                    int mismatch = Arrays.mismatch(were, next);
                    assertEquals(Math.min(mismatch, next.length - 1), lengths.get(1));
                    assertTrue(lengths.get(1) >= Math.min(kept, text.length - 1), kept + " kept");
                    text = concat(next, actual.ids());
                }
            }
        }
    }

    private static int[] concat(int[] a, int[] b) {
        int[] all = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        return all;
    }
}
