package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.UsageException;
import adaspec.decode.FinishReason;
import adaspec.decode.Sampling;
import adaspec.decode.Speculation;
import adaspec.eval.Acceptance;
import adaspec.tensor.DType;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EngineTest {
    @TempDir
    private Path folder;

    private Path target;
    private Path relative;

    @BeforeEach
    void write() {
        target = ModelDirectories.write(folder.resolve("target"), 2, 1, DType.F32);
        relative = ModelDirectories.write(folder.resolve("relative"), 2, 1, DType.F32, 0.05, 256);
    }

    private static EngineOptions options(int n) {
        return new EngineOptions("auto", 2, null, Speculation.of(n));
    }

    @Test
    void aDraftDoesNotChangeGreedyText() {
        try (Engine plain = Engine.open(target, null, options(1));
                Engine fast = Engine.open(target, relative, options(4))) {
            long accepted = 0;
            for (String prompt : List.of("a", "Tom has 3 apples.", "é ü 漢字", "x".repeat(90))) {
                Generation expected = plain.generate(prompt, Sampling.greedy(30), token -> {});
                Generation actual = fast.generate(prompt, Sampling.greedy(30), token -> {});
                assertArrayEquals(expected.ids(), actual.ids(), prompt);
                assertEquals(expected.text(), actual.text());
                assertEquals(expected.finishReason(), actual.finishReason());
                assertEquals(0, expected.stats().steps());
                accepted += actual.stats().acceptedTokens();
            }
            assertTrue(accepted > 0, "a relative is accepted now and then");
        }
    }

    @Test
    void whatIsHeardIsTheText() {
        try (Engine engine = Engine.open(target, relative, options(3))) {
            List<Integer> ids = new ArrayList<>();
            StringBuilder heard = new StringBuilder();
            Generation generation = engine.generate("Tom", new Sampling(60, 1.5, 3), token -> {
                ids.add(token.id());
                heard.append(token.text());
            });
            assertArrayEquals(generation.ids(), ids.stream().mapToInt(i -> i).toArray());
            assertTrue(generation.text().startsWith(heard.toString()), "an unfinished character at the end is all that may be missing");
            assertTrue(generation.text().length() - heard.length() <= 1);
            int[] textIds = generation.finishReason() == FinishReason.STOP
                    ? Arrays.copyOf(generation.ids(), generation.ids().length - 1)
                    : generation.ids();
            assertEquals(engine.requireTokenizer().decode(textIds), generation.text());
            assertTrue(Arrays.stream(generation.ids()).allMatch(id -> id < ModelDirectories.TOKENS), "padding ids are never emitted");
        }
    }

    /** With every byte as end token in turn: it is in the ids, not in the text. */
    @Test
    void theEndTokenIsInIdsAndNotInText() {
        int[] free;
        try (Engine engine = Engine.open(target, null, options(1))) {
            free = engine.generate("Tom", Sampling.greedy(20), token -> {}).ids();
        }
        int end = free[7];
        Path ending = ModelDirectories.write(folder.resolve("ending"), 2, 1, DType.F32, 0, end);
        try (Engine engine = Engine.open(ending, relative, options(4))) {
            Generation generation = engine.generate("Tom", Sampling.greedy(20), token -> {});
            int at = 0;
            while (free[at] != end) {
                at++;
            }
            assertArrayEquals(Arrays.copyOf(free, at + 1), generation.ids());
            assertEquals(engine.requireTokenizer().decode(Arrays.copyOf(free, at)), generation.text());
            assertEquals(FinishReason.STOP, generation.finishReason());
            assertEquals("stop", generation.toJson().get("finish_reason").asText());
        }
    }

    @Test
    void theIndexAndTheSeedEnterTheDraws() {
        try (Engine engine = Engine.open(target, relative, options(3))) {
            Sampling sampling = new Sampling(40, 1, 5);
            String first = engine.generate("Tom", GenerationSettings.of(sampling), token -> {}).text();
            assertNotEquals(first, engine.generate("Tom", GenerationSettings.of(sampling).withIndex(1), token -> {}).text());
            assertNotEquals(first, engine.generate("Tom", new Sampling(40, 1, 6), token -> {}).text());
            assertEquals(first, engine.generate("Tom", GenerationSettings.of(sampling), token -> {}).text());
        }
    }

    /** Weights keep the file's type, and so does what is computed from them: bf16 is f32 of the same numbers. */
    @Test
    void theFilesOwnTypeIsKept() {
        for (DType type : List.of(DType.BF16, DType.F16)) {
            Path narrow = ModelDirectories.write(folder.resolve("narrow-" + type), 2, 1, type);
            var wide = new EngineOptions("reference", 1, DType.F32, Speculation.of(4));
            var own = new EngineOptions("reference", 1, null, Speculation.of(4));
            try (Engine a = Engine.open(narrow, narrow, own);
                    Engine b = Engine.open(narrow, null, wide)) {
                assertTrue(a.description().contains(type.toString()), a.description());
                assertTrue(b.description().contains("F32"), b.description());
                Generation generation = a.generate("Tom", Sampling.greedy(40), token -> {});
                assertArrayEquals(b.generate("Tom", Sampling.greedy(40), token -> {}).ids(), generation.ids());
                assertEquals(1.0, generation.stats().alpha());
            }
        }
    }

    @Test
    void evaluationHasAcceptanceOneForTheTargetItself() {
        try (Engine engine = Engine.open(target, target, options(3))) {
            List<int[]> prompts = List.of(new int[] {84, 111}, new int[] {65}, new int[] {66, 67, 68});
            Acceptance acceptance = engine.evaluate(prompts, Sampling.greedy(20), true, done -> {});
            assertEquals(1.0, acceptance.alpha());
            assertEquals(4.0, acceptance.stats().meanAcceptanceLength());
            assertEquals(1.0, acceptance.expectedAcceptance(), 1e-6);
            assertTrue(acceptance.timing().speedup() > 0);
            // Decoding goes on afterwards with sessions of its own.
            assertEquals(5, engine.generate("Tom", Sampling.greedy(5), token -> {}).ids().length);
        }
    }

    /** What is counted is the same for any number of prompts in flight, and texts end at a stop string. */
    @Test
    void evaluationDoesNotDependOnThePromptsInFlight() {
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < 9; i++) {
            prompts.add(("prompt " + i).chars().toArray());
        }
        for (Sampling sampling : List.of(Sampling.greedy(20), new Sampling(20, 0.8, 1))) {
            try (Engine engine = Engine.open(target, relative, options(3))) {
                GenerationSettings settings = GenerationSettings.of(sampling).withStop("e", "\ufffd\ufffd\ufffd");
                String whole = engine.evaluate(prompts, GenerationSettings.of(sampling), 1, false, done -> {}).toJson().toString();
                String one = engine.evaluate(prompts, settings, 1, false, done -> {}).toJson().toString();
                assertEquals(one, engine.evaluate(prompts, settings, 4, false, done -> {}).toJson().toString());
                assertNotEquals(whole, one, "some text ends at a stop string");
                List<Integer> heard = new ArrayList<>();
                Acceptance timed = engine.evaluate(prompts, settings, 4, true, heard::add);
                assertEquals(9, heard.getLast());
                assertTrue(timed.timing().speedup() > 0);
                assertEquals(one.replaceAll(",\"plain_tokens_per_second.*", ""), timed.toJson().toString().replaceAll(",\"plain_tokens_per_second.*", ""));
            }
        }
    }

    @Test
    void whatCannotWorkIsOneSentence() throws Exception {
        assertSentence("no model directory", () -> Engine.open(folder.resolve("nowhere"), null, options(1)));
        assertSentence("no model directory", () -> Engine.open(target, folder.resolve("nowhere"), options(1)));
        assertSentence("cuda", () -> Engine.open(target, null, new EngineOptions("cuda", 1, null, Speculation.of(1))));
        assertThrows(UsageException.class, () -> options(0));
        try (Engine engine = Engine.open(target, null, options(1))) {
            assertSentence("empty", () -> engine.generate("", Sampling.greedy(1), token -> {}));
            assertSentence("97 tokens but the target", () -> engine.generate("x".repeat(97), Sampling.greedy(1), token -> {}));
            assertSentence("no draft", () -> engine.evaluate(List.of(new int[] {1}), Sampling.greedy(1), false, done -> {}));
        }
        Path other = ModelDirectories.write(folder.resolve("other"), 1, 2, DType.F32);
        String changed = ModelDirectories.tokenizer().toString().replace("\"A\":65", "\"A\":66").replace("\"B\":66", "\"B\":65");
        AtomicFile.writeString(other.resolve("tokenizer.json"), changed);
        assertSentence("token 65", () -> Engine.open(target, other, options(1)));
        Files.delete(other.resolve("tokenizer.json"));
        try (Engine engine = Engine.open(target, other, options(2))) {
            assertEquals(3, engine.generate("Tom", Sampling.greedy(3), token -> {}).ids().length, "a draft needs no tokenizer of its own");
        }
        try (Engine engine = Engine.open(other, null, options(1))) {
            assertSentence("no tokenizer.json", () -> engine.generate("Tom", Sampling.greedy(1), token -> {}));
            GenerationSettings two = GenerationSettings.of(Sampling.greedy(2));
            assertEquals(2, engine.generate("Tom".chars().toArray(), two, id -> {}).ids().length, "ids need none");
        }
    }

    @Test
    void aClosedEngineSaysSo() {
        Engine engine = Engine.open(target, null, options(1));
        engine.close();
        engine.close();
        assertThrows(IllegalStateException.class, () -> engine.generate("Tom", Sampling.greedy(1), token -> {}));
    }

    @Test
    void jsonHasTheKeysInOrder() {
        try (Engine engine = Engine.open(target, relative, options(2))) {
            var node = engine.generate("Tom", Sampling.greedy(4), token -> {}).toJson();
            assertEquals(List.of("prompt", "text", "ids", "finish_reason", "metrics"), names(node));
            assertEquals(
                    List.of("num_target_tokens", "acceptance_histogram", "num_spec_steps", "num_draft_tokens", "num_accepted_draft_tokens"),
                    names(node.get("metrics")));
            assertEquals("Tom", node.get("prompt").asText());
            assertEquals(4, node.get("ids").size());
            assertTrue(node.toString().getBytes(StandardCharsets.UTF_8).length > 0);
        }
    }

    private static List<String> names(com.fasterxml.jackson.databind.JsonNode node) {
        List<String> names = new ArrayList<>();
        node.fieldNames().forEachRemaining(names::add);
        return names;
    }

    private static void assertSentence(String part, org.junit.jupiter.api.function.Executable action) {
        String message = assertThrows(InputException.class, action).getMessage();
        assertTrue(message.contains(part), message);
    }
}
