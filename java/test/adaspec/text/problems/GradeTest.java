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
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GradeTest {
    private static final String INSTRUCTION = "\nAnswer the above question. First think step by step and then answer the final number.\n";
    private static final List<String> KINDS = List.of("sum", "sum", "bus", "sum");
    private static final List<String> STEPS = List.of("<<a>>", "<<a>>", "<<a>> <<b>> <<c>>", "<<a>>");

    @TempDir
    Path folder;

    /** Four problems, whose answers are 10, 11, 12 and 13. */
    @BeforeEach
    void problems() throws IOException {
        Files.writeString(folder.resolve("test.jsonl"), IntStream.range(0, 4)
                .mapToObj(i -> "{\"question\":\"Q" + i + "?\",\"answer\":\"" + STEPS.get(i) + "\\n#### 1" + i + "\",\"kind\":\"" + KINDS.get(i) + "\"}\n")
                .collect(Collectors.joining()));
    }

    private String grade(int count, String... texts) throws IOException {
        var lines = new StringBuilder();
        for (int i = 0; i < texts.length; i++) {
            lines.append(Json.MAPPER.createObjectNode().put("prompt", "Q" + i + "?" + INSTRUCTION).put("text", texts[i])).append('\n');
        }
        Files.writeString(folder.resolve("answers.jsonl"), lines);
        run("--count " + count + " --answers D/answers.jsonl --table D/table.txt");
        return Files.readString(folder.resolve("table.txt"));
    }

    private void run(String line) {
        Grade.run(("--problems D/test.jsonl " + line).replace("D/", folder + "/").split(" "));
    }

    @Test
    void exactAnswersAreCountedByKindByStepsAndInAll() throws IOException {
        String table = grade(4, "5+5 = 10\nThe final answer is:  10", "The final answer is: 12", "The final answer is: 12", "no idea, 13");
        assertEquals(
                """
                kind                exact     of    share
                bus                     1      1   100.0%
                sum                     1      3    33.3%

                1 step                  1      3    33.3%
                3 steps                 1      1   100.0%

                all                     2      4    50.0%
                """,
                table);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "The final answer is: 12         | true",
        "The final answer is:  12.       | true",
        "The final answer is:12 apples   | true",
        "The final answer is: 1 2        | false",
        "The final answer is: 120        | false",
        "The final answer is: 12.5       | false",
        "The final answer is: 1,2        | false",
        "The final answer is: -12        | false",
        "The final answer is: 012        | false",
        "The final answer is: 5, no: The final answer is: 12 | false",
        "12                              | false",
    })
    void onlyTheNumberItselfIsExact(String generated, boolean exact) {
        assertEquals(exact, Grade.exact(generated, "12"));
    }

    @Test
    void promptsAreThoseOfTraining() throws IOException {
        run("--count 2 --prompts D/prompts.jsonl");
        List<String> lines = Files.readAllLines(folder.resolve("prompts.jsonl"));
        assertEquals(2, lines.size());
        assertEquals("Q1?" + INSTRUCTION, Json.parse(lines.get(1), "line").get("prompt").textValue());
        run("--prompts D/prompts.jsonl");
        assertEquals(4, Files.readAllLines(folder.resolve("prompts.jsonl")).size());
    }

    @Test
    void answersToOtherProblemsAreRefused() {
        String few = assertThrows(InputException.class, () -> grade(4, "x", "y")).getMessage();
        assertTrue(few.startsWith("2 answers cannot be graded against 4 problems"), few);
        assertThrows(InputException.class, () -> grade(1, "x", "y"));
        String other = assertThrows(InputException.class, () -> {
            Files.writeString(folder.resolve("answers.jsonl"), "{\"prompt\":\"Q1?\",\"text\":\"\"}\n");
            run("--count 1 --answers D/answers.jsonl --table D/table.txt");
        }).getMessage();
        assertTrue(other.startsWith("answer 1 is to another prompt"), other);
        assertFalse(Files.exists(folder.resolve("table.txt")));
    }

    @Test
    void aLineThatIsNoProblemIsNamed() throws IOException {
        Files.writeString(folder.resolve("test.jsonl"), "{\"question\":\"Q\",\"answer\":\"12\",\"kind\":\"sum\"}\n");
        String message = assertThrows(InputException.class, () -> run("--prompts D/prompts.jsonl")).getMessage();
        assertTrue(message.contains("test.jsonl line 1: the answer does not end with a line"), message);
        Files.writeString(folder.resolve("test.jsonl"), "{\"question\":\"Q\",\"answer\":\"#### 12\"}\n");
        message = assertThrows(InputException.class, () -> run("--prompts D/prompts.jsonl")).getMessage();
        assertTrue(message.contains("line 1: an object with the string \"kind\""), message);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--count 2                                  | give --prompts to write prompts, or --answers and --table",
        "--prompts D/a --answers D/b --table D/c    | give --prompts to write prompts, or --answers and --table",
        "--prompts D/a --table D/c                  | give --prompts to write prompts, or --answers and --table",
        "--answers D/b                              | --table is missing",
        "--count 0 --prompts D/a                    | --count 0 is not a whole number from 1",
        "--model D/a                                | unknown option --model",
    })
    void aWrongOptionIsRefused(String line, String sentence) {
        String message = assertThrows(UsageException.class, () -> run(line)).getMessage();
        assertTrue(message.startsWith(sentence), message);
    }
}
