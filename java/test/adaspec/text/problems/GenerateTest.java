package adaspec.text.problems;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.common.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GenerateTest {
    @TempDir
    Path folder;

    /** A change of words or kinds changes the data that the shipped models were trained on: renew these values together with the weights. */
    @Test
    void theSameSeedGivesTheSameBytes() throws IOException, NoSuchAlgorithmException {
        Generate.run("--seed", "0", "--train", "3000", "--validation", "200", "--test", "200", "--output", folder.toString());
        assertEquals("2a58d86c6a3dbb4a50ed9b16075c91c95ebcbd5b43ff2c40f0ca539ab110e3f1", sha256("train.jsonl"));
        assertEquals("765b0a5c83ba440b5ee13aa4532c5d1aa044d8617537560897e5e1883db24022", sha256("validation.jsonl"));
        assertEquals("4e65c108b3432fbc1a051be3f444438eeeb88a666a2656030745db4ccc7ed1fe", sha256("test.jsonl"));
    }

    @Test
    void aLineIsAProblemInGsm8ksFormat() throws IOException {
        Generate.write(folder.resolve("new/deep"), 7, 20, 3, 0);
        List<String> lines = Files.readAllLines(folder.resolve("new/deep/train.jsonl"));
        List<Problem> problems = new ProblemGenerator(7).generate(Split.TRAIN, 20);
        assertEquals(20, lines.size());
        for (int i = 0; i < 20; i++) {
            var node = Json.parse(lines.get(i), "line " + (i + 1));
            assertEquals(3, node.size());
            assertEquals(problems.get(i).question(), node.get("question").textValue());
            assertEquals(problems.get(i).answer(), node.get("answer").textValue());
            assertEquals(problems.get(i).kind(), node.get("kind").textValue());
        }
        assertEquals(3, Files.readAllLines(folder.resolve("new/deep/validation.jsonl")).size());
        assertEquals(0, Files.size(folder.resolve("new/deep/test.jsonl")));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--train 5                             | --output is missing",
        "--output D --trian 5                  | unknown option --trian",
        "--output D --train                    | --train needs a value",
        "--output D --train -1                 | --train -1 is not a whole number from 0 to 1000000",
        "--output D --test 1e3                 | --test 1e3 is not a whole number",
        "--output D --seed 99999999999999999999 | --seed 99999999999999999999 is not a whole number",
        "--output D --seed 1 --seed 2          | --seed is given twice",
    })
    void aWrongOptionWritesNothing(String line, String sentence) throws IOException {
        String[] arguments = line.replace("D", folder.resolve("out").toString()).split(" ");
        var e = assertThrows(UsageException.class, () -> Generate.main(arguments));
        assertTrue(e.getMessage().startsWith(sentence), e.getMessage());
        assertEquals(0, e.getStackTrace().length);
        assertFalse(Files.exists(folder.resolve("out")));
    }

    @Test
    void aFolderThatCannotBeMadeIsNamed() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "not a folder");
        var e = assertThrows(InputException.class, () -> Generate.run("--train", "1", "--output", file.toString()));
        assertTrue(e.getMessage().contains(file.resolve("train.jsonl").toString()), e.getMessage());
    }

    private String sha256(String name) throws IOException, NoSuchAlgorithmException {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(folder.resolve(name))));
    }
}
