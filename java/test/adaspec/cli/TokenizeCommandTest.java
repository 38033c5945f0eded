package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.Processes;
import adaspec.common.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenizeCommandTest {
    private static final String TOKENIZER = Path.of("java", "golden", "text", "small.tokenizer.json").toString();

    @TempDir
    Path folder;

    private Line tokenize(Path input, Path output, String... more) {
        var arguments = new java.util.ArrayList<>(List.of(
                "tokenize", "--tokenizer", TOKENIZER, "--input-file", input.toString(), "--output", output.toString()));
        arguments.addAll(List.of(more));
        return Line.run(List.of(TokenizeCommand.class), arguments.toArray(String[]::new));
    }

    /** Golden texts through the command and back: ids as the tokenizers library has them, one line each. */
    @Test
    void bothWays() throws Exception {
        JsonNode golden = Json.readFile(Path.of("java", "golden", "text", "adversarial.json"));
        var lines = new StringBuilder();
        for (JsonNode text : golden.get("texts")) {
            lines.append(Json.MAPPER.writeValueAsString(text)).append('\n');
        }
        Path texts = Files.writeString(folder.resolve("texts.jsonl"), lines);
        Path ids = folder.resolve("ids.jsonl");
        assertEquals(new Line(0, "", "wrote " + ids + ": " + golden.get("texts").size() + " lines\n"), tokenize(texts, ids));
        List<String> written = Files.readAllLines(ids);
        JsonNode expected = golden.get("variants").get(0).get("plain_ids");
        assertEquals(expected.size(), written.size());
        for (int i = 0; i < written.size(); i++) {
            assertEquals("{\"ids\":" + expected.get(i) + "}", written.get(i));
        }
        Path back = folder.resolve("back.jsonl");
        assertEquals(0, tokenize(ids, back, "--decode").code());
        List<String> decoded = Files.readAllLines(back);
        for (int i = 0; i < decoded.size(); i++) {
            assertEquals(golden.get("texts").get(i), Json.parse(decoded.get(i), "line"));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            "a"\\n5              |          | line 2: a JSON string was expected
            "a"\\n{"ids":[1]}    |          | line 2: a JSON string was expected
            "a"\\n\\n"b"         |          | line 2 is empty
            "\\ud800"            |          | line 1: the text has a lone surrogate
            "a"\\n"b             |          | line 2 is not valid JSON
            {"ids":[1]}\\n"a"    | --decode | line 2: an object {"ids":[...]} was expected
            {"ids":[1,600]}      | --decode | line 1: token id 600 is not in
            {"ids":[1,"2"]}      | --decode | line 1: ids[1] is "2"; an integer was expected
            {"ids":[1,99999999999]} | --decode | line 1: ids[1] is 99999999999
            """)
    void whatIsWrongIsNamedAndNothingIsWritten(String content, String option, String sentence) throws Exception {
        Path input = Files.writeString(folder.resolve("in.jsonl"), content.replace("\\n", "\n"));
        Path output = folder.resolve("out.jsonl");
        Line line = option == null ? tokenize(input, output) : tokenize(input, output, option);
        assertEquals(1, line.code());
        assertTrue(line.log().contains("in.jsonl " + sentence), line.log());
        assertEquals(1, line.log().lines().count(), line.log());
        assertFalse(Files.exists(output));
        try (var files = Files.list(folder)) {
            assertEquals(List.of(input), files.toList(), "no temporary file is left");
        }
    }

    @Test
    void theInputIsNeverWrittenOver() throws Exception {
        Path input = Files.writeString(folder.resolve("in.jsonl"), "\"a\"\n");
        Line line = tokenize(input, folder.resolve("./in.jsonl"));
        assertEquals(1, line.code());
        assertTrue(line.log().contains("is the input"), line.log());
        assertEquals("\"a\"\n", Files.readString(input));
    }

    /** Into a file that the shell has opened to add to, the lines come after what is there; messages stay on standard error. */
    @Test
    void aDashIsStandardOutput() throws Exception {
        Path input = Files.writeString(folder.resolve("in.jsonl"), "\"ab\"\n");
        Path ids = folder.resolve("ids.jsonl");
        assertEquals(0, tokenize(input, ids).code());
        Path all = Files.writeString(folder.resolve("all.jsonl"), "before\n");
        Processes.Ended ended = throughShell(input, ">> " + all);
        assertEquals(0, ended.code(), ended.err());
        assertEquals("wrote /dev/stdout: 1 line\n", ended.err());
        assertEquals("before\n" + Files.readString(ids), Files.readString(all));
    }

    @Test
    void aReaderThatHasEnoughIsNoError() throws Exception {
        Path input = Files.writeString(folder.resolve("in.jsonl"), "\"ab\"\n".repeat(100_000));
        Processes.Ended ended = throughShell(input, "| head -n 1");
        assertEquals("", ended.err());
        assertEquals(1, ended.out().lines().count());
    }

    private static Processes.Ended throughShell(Path input, String redirection) throws Exception {
        List<String> command = Processes.java(
                Main.class.getName(), "tokenize", "--tokenizer", TOKENIZER, "--input-file", input.toString(), "--output", "-");
        return Processes.run(List.of("sh", "-c", "'" + String.join("' '", command) + "' " + redirection));
    }

    @Test
    void notUtf8() throws Exception {
        Path input = Files.write(folder.resolve("in.jsonl"), new byte[] {'"', 'a', '"', '\n', '"', (byte) 0xE2, (byte) 0x82, '"', '\n'});
        Line line = tokenize(input, folder.resolve("out.jsonl"));
        assertEquals(1, line.code());
        assertTrue(line.log().contains("in.jsonl line 2 is not valid UTF-8"), line.log());
    }

    @Test
    void wrongUsage() {
        assertEquals(2, Line.run(List.of(TokenizeCommand.class), "tokenize", "--tokenizer", TOKENIZER).code());
        assertEquals(2, tokenize(folder, folder, "--fast").code());
    }
}
