package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.InputException;
import adaspec.common.UsageException;
import adaspec.decode.Completion;
import adaspec.decode.FinishReason;
import adaspec.decode.Sampling;
import adaspec.tensor.DType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Texts end before a stop string, whatever tokens it is made of; a token of these models is a byte. */
class StopStringGenerationTest {
    private static final Sampling SAMPLING = new Sampling(60, 1.5, 3);

    @TempDir
    private static Path models;

    private static Engine plain;
    private static Engine fast;

    @BeforeAll
    static void open() {
        // The end token is a padding id, so that no text ends early.
        Path target = ModelDirectories.write(models.resolve("target"), 2, 1, DType.F32, 0, 258);
        Path relative = ModelDirectories.write(models.resolve("relative"), 2, 1, DType.F32, 0.05, 258);
        plain = Engine.builder().target(target).device("reference").open();
        fast = Engine.builder().target(target).draft(relative).numSpeculativeTokens(4).device("reference").open();
    }

    @AfterAll
    static void close() {
        plain.close();
        fast.close();
    }

    /** Every part of the free text of one to four characters in turn, most of them of several bytes: U+FFFD stands for those that are no text. */
    @Test
    void aTextEndsBeforeTheFirstOccurrence() {
        int several = 0;
        for (Engine engine : List.of(plain, fast)) {
            Generation free = engine.generate("Tom has", SAMPLING, token -> {});
            for (int at = 0; at < free.text().length(); at++) {
                for (int length = 1; length <= 4 && at + length <= free.text().length(); length++) {
                    String stop = free.text().substring(at, at + length);
                    StringBuilder heard = new StringBuilder();
                    List<Integer> ids = new ArrayList<>();
                    Generation stopped = engine.generate("Tom has", GenerationSettings.of(SAMPLING).withStop(stop), token -> {
                        heard.append(token.text());
                        ids.add(token.id());
                    });
                    String expected = free.text().substring(0, free.text().indexOf(stop));
                    assertEquals(expected, stopped.text(), "stop at " + stop);
                    assertEquals(FinishReason.STOP, stopped.finishReason());
                    assertEquals(expected, heard.toString(), "what was heard never has to be taken back, and is all");
                    assertArrayEquals(Arrays.copyOf(free.ids(), stopped.ids().length), stopped.ids());
                    assertArrayEquals(stopped.ids(), ids.stream().mapToInt(i -> i).toArray());
                    assertLastTokenCompletes(stop, stopped);
                    several += length > 1 ? 1 : 0;
                }
            }
        }
        assertTrue(several > 100, several + " stop strings of several characters");
    }

    /** The stop string is in the text of all ids and not in that of all but the last, unless only the text's end shows it. */
    private static void assertLastTokenCompletes(String stop, Generation stopped) {
        int[] ids = stopped.ids();
        assertTrue(text(ids).contains(stop), stop + " in " + text(ids));
        var before = plain.requireTokenizer().stream();
        StringBuilder certain = new StringBuilder();
        for (int i = 0; i + 1 < ids.length; i++) {
            certain.append(before.push(ids[i]));
        }
        assertTrue(!certain.toString().contains(stop), stop + " in " + certain);
    }

    private static String text(int[] ids) {
        return plain.requireTokenizer().decode(ids);
    }

    @Test
    void aStopStringThatDoesNotComeChangesNothing() {
        Generation free = fast.generate("Tom has", SAMPLING, token -> {});
        // Begins at every character of the text, ends at none.
        List<String> almost = free.text().codePoints().distinct().mapToObj(c -> Character.toString(c) + "\u0000\u0001").toList();
        StringBuilder heard = new StringBuilder();
        Generation same = fast.generate("Tom has", GenerationSettings.of(SAMPLING).withStop(almost), token -> heard.append(token.text()));
        assertEquals(free.text(), same.text());
        assertEquals(free.finishReason(), same.finishReason());
        assertArrayEquals(free.ids(), same.ids());
        assertTrue(same.text().startsWith(heard.toString()));
    }

    @Test
    void idsEndWithTheTokenThatCompletesIt() {
        int[] prompt = plain.requireTokenizer().encode("Tom has", true).ids();
        Generation free = plain.generate("Tom has", SAMPLING, token -> {});
        String stop = free.text().substring(5, 7);
        Completion completion = plain.generate(prompt, GenerationSettings.of(SAMPLING).withStop(stop), id -> {});
        assertArrayEquals(plain.generate("Tom has", GenerationSettings.of(SAMPLING).withStop(stop), token -> {}).ids(), completion.ids());
        assertEquals(FinishReason.STOP, completion.finishReason());
    }

    @Test
    void whatCannotBeAStopStringIsOneSentence() throws Exception {
        assertTrue(assertThrows(UsageException.class, () -> GenerationSettings.of(SAMPLING).withStop("a", "")).getMessage().contains("is empty"));
        assertTrue(assertThrows(UsageException.class, () -> GenerationSettings.of(SAMPLING).withStop("\ud83d")).getMessage().contains("surrogate"));
        Path bare = ModelDirectories.write(models.resolve("bare"), 1, 1, DType.F32);
        Files.delete(bare.resolve("tokenizer.json"));
        try (Engine engine = Engine.builder().target(bare).device("reference").open()) {
            var settings = GenerationSettings.of(SAMPLING).withStop("x");
            String sentence = assertThrows(InputException.class, () -> engine.generate(new int[] {65}, settings, id -> {})).getMessage();
            assertTrue(sentence.contains("no tokenizer.json"), sentence);
        }
    }
}
