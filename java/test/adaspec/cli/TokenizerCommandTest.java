package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerCommandTest {
    @TempDir
    Path folder;

    private static Line run(String... arguments) {
        return Line.run(List.of(TokenizerCommand.class), arguments);
    }

    @Test
    void trainsOnSeveralFilesTheSameEveryTime() throws Exception {
        Path text = Files.writeString(folder.resolve("a.txt"), "the apples and the pears and the 12 plums\n".repeat(3));
        Path lines = Files.writeString(folder.resolve("b.jsonl"), "{\"text\":\"the apples, the pears\"}\n");
        Path one = folder.resolve("one");
        Path two = folder.resolve("two");
        Line line = run("tokenizer", "train", "--files", text.toString(), lines.toString(), "--vocab-size", "265", "--output", one.toString());
        assertEquals(0, line.code(), line.log());
        assertTrue(line.log().endsWith("wrote " + one + ": 265 tokens\n"), line.log());
        line = run("tokenizer", "train", "--output=" + two, "--vocab_size=265", "--files", lines.toString(), "--files", text.toString());
        assertEquals(0, line.code(), line.log());
        for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
            assertArrayEquals(Files.readAllBytes(one.resolve(file)), Files.readAllBytes(two.resolve(file)));
        }
        Tokenizer tokenizer = Tokenizer.load(one);
        assertEquals(265, tokenizer.size());
        assertEquals(1, tokenizer.encode(" the", true).length());

        Line again = run("tokenizer", "train", "--files", text.toString(), "--vocab-size", "265", "--output", one.toString());
        assertEquals(1, again.code());
        assertTrue(again.log().contains("tokenizer.json exists"), again.log());
    }

    @Test
    void saysWhenTheTextGivesFewerTokens() throws Exception {
        Path text = Files.writeString(folder.resolve("a.txt"), "abab");
        Line line = run("tokenizer", "train", "--files", text.toString(), "--vocab-size", "300", "--output", folder.resolve("t").toString());
        assertEquals(0, line.code());
        assertTrue(line.log().contains(": 258 tokens, fewer than asked for"), line.log());
    }

    @Test
    void theOptionsOfTheDeviceAreTakenAndChecked() throws Exception {
        Path text = Files.writeString(folder.resolve("a.txt"), "abab");
        List<String> train = List.of("tokenizer", "train", "--files", text.toString(), "--vocab-size", "258", "--output",
                folder.resolve("t").toString());
        for (String wrong : List.of("--threads=0", "--device=gpu", "--precision=f8")) {
            Line line = run(Stream.concat(train.stream(), Stream.of(wrong)).toArray(String[]::new));
            assertEquals(2, line.code(), line.log());
            assertFalse(Files.exists(folder.resolve("t")));
        }
        Line line = run(Stream.concat(train.stream(), Stream.of("--threads=1", "--device=cpu", "--precision=f32")).toArray(String[]::new));
        assertEquals(0, line.code(), line.log());
    }

    @ParameterizedTest
    @ValueSource(strings = {"256", "-5", "0", "1000001", "99999999999", "many"})
    void sizesOutOfRangeAreWrongUsage(String size) throws Exception {
        Path text = Files.writeString(folder.resolve("a.txt"), "abab");
        Line line = run("tokenizer", "train", "--files", text.toString(), "--vocab-size", size, "--output", folder.resolve("t").toString());
        assertEquals(2, line.code());
        assertTrue(line.log().contains("--vocab-size") && line.log().contains(size), line.log());
        assertFalse(Files.exists(folder.resolve("t")));
    }

    @Test
    void badFilesAndMissingCommands() throws Exception {
        Path empty = Files.writeString(folder.resolve("empty.txt"), "");
        Line line = run("tokenizer", "train", "--files", empty.toString(), "--vocab-size", "300", "--output", folder.resolve("t").toString());
        assertEquals(1, line.code());
        assertTrue(line.log().contains("no text"), line.log());
        assertFalse(Files.exists(folder.resolve("t")));
        assertEquals(2, run("tokenizer").code());
        assertEquals(2, run("tokenizer", "train", "--files", empty.toString()).code());
    }
}
