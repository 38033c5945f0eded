package adaspec.bench.experiment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PrepareTest {
    @TempDir
    private Path folder;

    private static String problem(int i) {
        return "{\"question\":\"Problem " + i + "?\",\"answer\":\"Answer of " + i + "\"}";
    }

    private Path data() throws IOException {
        Path data = folder.resolve("data");
        Files.createDirectories(data.resolve("gsm8k"));
        Files.createDirectories(data.resolve("instruct"));
        Files.createDirectories(data.resolve("text"));
        List<String> train = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            train.add(problem(i));
        }
        train.add("{\"question\":\"" + "long ".repeat(1000) + "\",\"answer\":\"1\"}");
        Files.write(data.resolve("gsm8k/train.jsonl"), train);
        // Two of the training file's questions are asked in the test; and a test prompt of this task stands in another one's training file.
        Files.write(data.resolve("gsm8k/test.jsonl"), List.of(problem(3), problem(7), problem(100), problem(101)));
        String tested = "Problem 100?\\nAnswer the above question. First think step by step and then answer the final number.\\n";
        Files.write(data.resolve("instruct/train.jsonl"), List.of(
                "{\"prompt\":\"" + tested + "\",\"completion\":\"LEAK\"}", "{\"prompt\":\"a\",\"completion\":\"first<|endoftext|>\"}",
                "{\"prompt\":\"b\",\"completion\":\"second\"}"));
        Files.write(data.resolve("instruct/test.jsonl"), List.of("{\"prompt\":\"c\",\"completion\":\"third\"}"));
        Files.writeString(data.resolve("text/book.txt"), "A paragraph of a book.\n\n".repeat(400));
        Files.writeString(data.resolve("text/stories.jsonl"), "{\"text\":\"Once upon a time.\"}\n");
        return data;
    }

    private List<String> lines(String name) throws IOException {
        return Files.readAllLines(folder.resolve("out").resolve(name));
    }

    @Test
    void nothingTestedOrHeldOutIsTrainedOn() throws IOException {
        Prepare.run(data(), folder.resolve("out"), 5, 20, 3);
        List<String> train = lines("gsm8k/train.jsonl");
        List<String> validation = lines("gsm8k/validation.jsonl");
        assertEquals(5, validation.size());
        assertEquals(60 - 2 - 5, train.size(), "without two that are tested, one that is too long and those held out");
        var all = new HashSet<>(train);
        validation.forEach(line -> assertTrue(all.add(line), line));
        assertFalse(all.contains(problem(3)) || all.contains(problem(7)));
        assertEquals(train.subList(0, 20), lines("gsm8k/distill.jsonl"));
        assertEquals(3, lines("gsm8k/test.jsonl").size());
        assertEquals(3, lines("gsm8k/test.prompts.jsonl").size());
        assertTrue(lines("gsm8k/validation.prompts.jsonl").getFirst().contains("First think step by step"));

        String pretraining = String.join("\n", lines("pretrain.jsonl"));
        assertFalse(pretraining.contains("LEAK"), "the test prompt of another task");
        assertFalse(pretraining.contains("endoftext"));
        for (String line : validation) {
            String question = line.substring(line.indexOf("Problem"), line.indexOf('?') + 1);
            assertFalse(pretraining.contains(question), question);
        }
        assertTrue(pretraining.contains("Once upon a time.") && pretraining.contains("A paragraph of a book."));
        assertTrue(lines("data.tsv").stream().anyMatch(line -> line.startsWith("gsm8k\tdistill\t20\t")), lines("data.tsv").toString());
    }

    @Test
    void theSameDataGiveTheSameBytes() throws IOException {
        Path data = data();
        Prepare.run(data, folder.resolve("out"), 5, 20, 3);
        Prepare.run(data, folder.resolve("again"), 5, 20, 3);
        for (String file : List.of("pretrain.jsonl", "gsm8k/distill.jsonl", "instruct/train.jsonl", "data.tsv")) {
            assertEquals(-1, Files.mismatch(folder.resolve("out").resolve(file), folder.resolve("again").resolve(file)), file);
        }
    }

    @Test
    void piecesLoseNothingButWhiteSpace() {
        String paragraphs = ("word ".repeat(30) + "\n\n").repeat(40);
        String endless = "x".repeat(5000) + "\uD83D\uDE00".repeat(2000);
        for (String text : List.of(paragraphs, endless, "short", " \n ", paragraphs.replace("\n\n", ""))) {
            List<String> pieces = Prepare.pieces(text);
            assertEquals(text.replaceAll("\\s", ""), String.join("", pieces).replaceAll("\\s", ""));
            for (String piece : pieces) {
                assertTrue(piece.length() <= Prepare.PIECE * 4 / 3, piece.length() + " characters");
                assertFalse(Character.isLowSurrogate(piece.charAt(0)), "half a character");
            }
        }
        assertTrue(Prepare.pieces(paragraphs).stream().allMatch(piece -> piece.endsWith("word")), "cut at the end of paragraphs");
    }

    @Test
    void aFolderWithoutTasksIsOneSentence() {
        assertTrue(assertThrows(InputException.class, () -> Prepare.run(folder, folder.resolve("out"), 5, 20, 3)).getMessage().contains("no task"));
        assertThrows(InputException.class, () -> Prepare.main(new String[] {"0", "1", "1", "a", "b"}));
    }
}
