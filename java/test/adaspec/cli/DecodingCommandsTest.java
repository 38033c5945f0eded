package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.Json;
import adaspec.engine.ModelDirectories;
import adaspec.tensor.DType;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code generate}, {@code eval} and {@code score} as they are typed. */
class DecodingCommandsTest {
    private static final Path GOLDEN = Path.of(System.getProperty("basedir", ""), "java", "golden");

    @TempDir
    private static Path models;

    private static String target;
    private static String draft;

    @TempDir
    private Path folder;

    @BeforeAll
    static void write() {
        target = ModelDirectories.write(models.resolve("target"), 2, 1, DType.BF16).toString();
        draft = ModelDirectories.write(models.resolve("draft"), 2, 1, DType.BF16, 0.05, 256).toString();
    }

    private static Line run(String... arguments) {
        return Line.run(List.of(GenerateCommand.class, EvalCommand.class, ScoreCommand.class), arguments);
    }

    private Path file(String name, String... lines) throws IOException {
        return Files.writeString(folder.resolve(name), String.join("\n", lines) + "\n");
    }

    // ------------------------------------------------------------------------------------------------ generate

    @Test
    void theStreamedTextIsTheJsonsText() throws IOException {
        Path json = folder.resolve("out.jsonl");
        Line line = run("generate", "--target", target, "--draft", draft, "--prompt", "Tom has", "--max-new-tokens", "30", "--output-json",
                json.toString(), "--num-speculative-tokens", "3");
        assertEquals(0, line.code(), line.log());
        JsonNode node = Json.parse(Files.readString(json), "out");
        assertEquals("Tom has", node.get("prompt").asText());
        assertEquals(node.get("text").asText() + System.lineSeparator(), line.out());
        assertEquals(30, node.get("ids").size());
        assertEquals("length", node.get("finish_reason").asText());
        assertTrue(node.get("metrics").get("num_spec_steps").asInt() > 0);
        assertTrue(line.log().contains("30 tokens in") && line.log().contains("alpha"), line.log());
    }

    @Test
    void severalStopStringsEndTheText() throws IOException {
        Line free = run("generate", "--target", target, "--prompt", "Tom has", "--max-new-tokens", "30", "--temperature", "1.5", "--draft", draft);
        String text = free.out().strip();
        String stop = text.substring(6, 8);
        Path json = folder.resolve("stopped.jsonl");
        Line line = run("generate", "--target", target, "--prompt", "Tom has", "--max-new-tokens", "30", "--temperature", "1.5", "--draft", draft,
                "--stop", "no such text", "--stop", stop, "--output-json", json.toString());
        assertEquals(0, line.code(), line.log());
        JsonNode node = Json.parse(Files.readString(json), "out");
        assertEquals("stop", node.get("finish_reason").asText());
        assertEquals(node.get("text").asText() + System.lineSeparator(), line.out());
        assertFalse(node.get("text").asText().contains(stop));
        assertEquals(2, run("generate", "--target", target, "--prompt", "Tom", "--stop", "").code());
    }

    /** More prompts than are in flight, of uneven length: order, ids and text are those of one at a time. */
    @Test
    void promptsInFlightChangeNothing() throws IOException {
        String[] lines = new String[23];
        for (int i = 0; i < lines.length; i++) {
            lines[i] = "{\"prompt\":\"" + "x".repeat(1 + i * 7 % 40) + i + "\"}";
        }
        Path prompts = file("many.jsonl", lines);
        List<String> expected = null;
        for (String size : List.of("1", "2", "5", "100")) {
            Line line = run("generate", "--target", target, "--draft", draft, "--prompt-file", prompts.toString(), "--max-new-tokens", "20",
                    "--temperature", "0.7", "--output-json", "-", "--batch-size", size);
            assertEquals(0, line.code(), line.log());
            expected = expected == null ? line.out().lines().toList() : expected;
            assertEquals(expected, line.out().lines().toList(), "--batch-size " + size);
            assertTrue(line.log().contains(" tokens in "), line.log());
        }
        assertEquals(23, expected.size());
        Line one = run("generate", "--target", target, "--prompt-file", prompts.toString(), "--max-new-tokens", "9");
        Line four = run("generate", "--target", target, "--prompt-file", prompts.toString(), "--max-new-tokens", "9", "--batch-size", "4");
        assertEquals(one.out(), four.out(), "whole texts in order");
        Line none = run("generate", "--target", target, "--prompt", "a", "--batch-size", "0");
        assertEquals(2, none.code());
        assertTrue(none.log().contains("--batch-size 0 is out of range"), none.log());
    }

    @Test
    void speculationChangesNothingThatIsPrinted() throws IOException {
        Path prompts = file("prompts.jsonl", "{\"prompt\":\"a\"}", "{\"prompt\":\"ü\",\"other\":1}", "{\"prompt\":\"Tom has 3 apples\"}");
        String[] plain = {"generate", "--target", target, "--prompt-file", prompts.toString(), "--max-new-tokens", "20", "--output-json", "-"};
        Line alone = run(plain);
        String[] more = Arrays.copyOf(plain, plain.length + 2);
        more[plain.length] = "--draft";
        more[plain.length + 1] = draft;
        Line together = run(more);
        assertEquals(0, alone.code(), alone.log());
        assertEquals(0, together.code(), together.log());
        List<String> a = alone.out().lines().toList();
        List<String> b = together.out().lines().toList();
        assertEquals(3, a.size());
        for (int i = 0; i < 3; i++) {
            JsonNode plainly = Json.parse(a.get(i), "line");
            JsonNode drafted = Json.parse(b.get(i), "line");
            assertEquals(plainly.get("ids"), drafted.get("ids"));
            assertEquals(plainly.get("text"), drafted.get("text"));
            assertEquals(0, plainly.get("metrics").get("num_spec_steps").asInt());
            assertTrue(drafted.get("metrics").get("num_spec_steps").asInt() > 0);
        }
        assertEquals("Tom has 3 apples", Json.parse(a.get(2), "line").get("prompt").asText());
    }

    @Test
    void automaticDraftsChangeNothingThatIsGenerated() throws IOException {
        Path prompts = file("prompts.jsonl", "{\"prompt\":\"a\"}", "{\"prompt\":\"Tom has 3 apples\"}");
        String[] arguments = {"generate", "--target", target, "--draft", draft, "--prompt-file", prompts.toString(), "--max-new-tokens", "60",
            "--output-json", "-", "--num-speculative-tokens", "5"};
        Line fixed = run(arguments);
        arguments[arguments.length - 1] = "auto";
        Line auto = run(arguments);
        assertEquals(0, auto.code(), auto.log());
        for (int i = 0; i < 2; i++) {
            JsonNode a = Json.parse(fixed.out().lines().toList().get(i), "line");
            JsonNode b = Json.parse(auto.out().lines().toList().get(i), "line");
            assertEquals(a.get("ids"), b.get("ids"));
            assertEquals(17, b.get("metrics").get("acceptance_histogram").size(), "drafts of 16 at most");
        }
        assertTrue(auto.log().contains("as many tokens as pay"), auto.log());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --prompt a --num-speculative-tokens 3      | 2 | without --draft
            --prompt a --draft-sample-method greedy    | 2 | without --draft
            --prompt a --prompt-file b                 | 2 | mutually exclusive
            --max-new-tokens 3                         | 2 | --prompt
            --prompt a --verification block            | 2 | without --draft
            --prompt a --draft D --verification tree   | 2 | --verification
            --prompt a --temperature 1 --top-k -1      | 2 | top-k is -1; 0 (off) or the number of tokens to keep was expected
            --prompt a --temperature 1 --top-k x       | 2 | --top-k
            --prompt a --temperature 1 --top-p 0       | 2 | top-p is 0.0; a probability from 1.1754944E-38 to 1 (off) was expected
            --prompt a --temperature 1e-40             | 2 | temperature is 1.0E-40; 0 (greedy) or a number from 1.1754944E-38 to 1000000.0
            --prompt a --temperature 1 --top-p 1.1     | 2 | top-p is 1.1
            --prompt a --temperature 1 --top-p NaN     | 2 | top-p is NaN
            --prompt a --temperature -1                | 2 | temperature
            --prompt a --temperature x                 | 2 | --temperature
            --prompt a --max-new-tokens -1             | 2 | max-new-tokens
            --prompt a --draft D --num-speculative-tokens 0    | 2 | num-speculative-tokens
            --prompt a --draft D --num-speculative-tokens 2147483647 | 2 | num-speculative-tokens is 2147483647; a whole number from 1 to 1024
            --prompt a --draft D --num-speculative-tokens automatic | 2 | num-speculative-tokens is automatic; a whole number from 1 to 1024 or auto
            --prompt a --draft /nowhere                | 1 | /nowhere
            --prompt a --device cuda                   | 1 | cuda
            --prompt-file /nowhere                     | 1 | /nowhere
            """)
    void whatGenerateRefuses(String arguments, int code, String part) {
        List<String> all = new ArrayList<>(List.of("generate", "--target", target));
        all.addAll(Arrays.asList(arguments.replace("D", draft).split(" ")));
        Line line = run(all.toArray(String[]::new));
        assertEquals(code, line.code(), line.log());
        assertTrue(line.log().contains(part), line.log());
        assertEquals("", line.out());
    }

    /** Every warp reaches both models: top-k 1 is greedy decoding at any temperature, and a narrow top-p likewise; block verification changes no law. */
    @Test
    void topKAndTopPAndVerificationReachTheDecoder() {
        List<String> texts = new ArrayList<>();
        for (String options : List.of(
                "--temperature 0", "--temperature 2 --top-k 1", "--temperature 2 --top-p 0.0001", "--temperature 2 --top-k 1 --verification block",
                "--temperature 2 --verification BLOCK", "--temperature 2 --verification token")) {
            List<String> all = new ArrayList<>(List.of("generate", "--target", target, "--draft", draft, "--prompt", "Tom", "--max-new-tokens", "40"));
            all.addAll(List.of(options.split(" ")));
            Line line = run(all.toArray(String[]::new));
            assertEquals(0, line.code(), line.log());
            texts.add(line.out());
        }
        assertEquals(texts.get(0), texts.get(1));
        assertEquals(texts.get(0), texts.get(2));
        assertEquals(texts.get(0), texts.get(3));
        assertNotEquals(texts.get(0), texts.get(4));
        assertNotEquals(texts.get(4), texts.get(5), "the two verifications use their numbers differently");
    }

    @Test
    void badPromptsNameTheirLineAndNothingIsWritten() throws IOException {
        Path json = folder.resolve("out.jsonl");
        for (String bad : List.of("{\"text\":\"a\"}", "{\"prompt\":\"\"}", "not json", "{\"prompt\":\"" + "x".repeat(97) + "\"}")) {
            Path prompts = file("prompts.jsonl", "{\"prompt\":\"a\"}", bad);
            Line line = run("generate", "--target", target, "--prompt-file", prompts.toString(), "--output-json", json.toString());
            assertEquals(1, line.code(), bad);
            assertTrue(line.log().contains(prompts + " line 2"), line.log());
            assertFalse(Files.exists(json));
        }
        Line empty = run("generate", "--target", target, "--prompt", "");
        assertEquals(1, empty.code());
        assertTrue(empty.log().contains("prompt is empty"), empty.log());
    }

    @Test
    void anInputIsNeverWrittenOver() throws IOException {
        Path ids = file("ids.jsonl", "[1,2]");
        Path texts = file("texts.jsonl", "\"a\"");
        Path prompts = file("prompts.jsonl", "{\"prompt\":\"a\"}");
        Path alias = Files.createSymbolicLink(folder.resolve("alias"), ids);
        for (String[] arguments : new String[][] {
            {"score", "--model", target, "--token-ids-file", ids.toString(), "--output", alias.toString()},
            {"score", "--model", target, "--text-file", texts.toString(), "--output", texts.toString()},
            {"generate", "--target", target, "--prompt-file", prompts.toString(), "--output-json", prompts.toString()},
            {"eval", "--target", target, "--draft", draft, "--prompt-file", prompts.toString(), "--output-json", prompts.toString()},
        }) {
            Line line = run(arguments);
            assertEquals(1, line.code(), line.log());
            assertTrue(line.log().contains("is the input"), line.log());
        }
        assertEquals("[1,2]\n", Files.readString(ids));
        assertEquals("\"a\"\n", Files.readString(texts));
        assertEquals("{\"prompt\":\"a\"}\n", Files.readString(prompts));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            --target '' --prompt a                | error: invalid value for option '--target': an empty name; a path was expected
            --target T --draft '' --prompt a      | error: invalid value for option '--draft': an empty name; a path was expected
            --target T --prompt a --prompt b      | error: --prompt or --prompt-file is given more than once; give one of them, once
            --target T --prompt a --prompt-file f | error: --prompt=S, --prompt-file=F are mutually exclusive (specify only one)
            """)
    void aWrongLineIsNamedByItsOptions(String options, String sentence) {
        String[] words = ("generate " + options).split(" ");
        Line line = run(Stream.of(words).map(word -> word.equals("''") ? "" : word).toArray(String[]::new));
        assertEquals(2, line.code());
        assertEquals(sentence, line.log().lines().findFirst().orElse(""));
    }

    @Test
    void whatGreedyDecodingLeavesOutIsSaid() {
        String[] words = {"generate", "--target", target, "--prompt", "Tom", "--max-new-tokens", "1", "--top-k", "3"};
        Line greedy = run(words);
        assertTrue(greedy.log().contains("note: --top-k changes nothing at --temperature 0"), greedy.log());
        assertTrue(greedy.log().contains("\n1 token in "), greedy.log());
        Line sampled = run(Stream.concat(Stream.of(words), Stream.of("--temperature", "1")).toArray(String[]::new));
        assertEquals(0, sampled.code(), sampled.log());
        assertFalse(sampled.log().contains("note: --top-k"), sampled.log());
    }

    @Test
    void zeroNewTokensAreNoText() {
        Line line = run("generate", "--target", target, "--prompt", "a", "--max-new-tokens", "0", "--output-json", "-");
        assertEquals(0, line.code(), line.log());
        JsonNode node = Json.parse(line.out(), "out");
        assertEquals("", node.get("text").asText());
        assertEquals(0, node.get("ids").size());
        assertEquals("length", node.get("finish_reason").asText());
    }

    /** A long evaluation whose result has no place would be lost at its end. */
    @ParameterizedTest
    @CsvSource({"generate", "eval"})
    void aResultThatHasNoPlaceIsRefusedBeforeAnythingIsDecoded(String command) throws IOException {
        Path prompts = file("prompts.jsonl", "{\"prompt\": \"Tom has\"}");
        for (String place : List.of(prompts.resolve("out.json").toString(), folder.toString(), "")) {
            Line line = run(command, "--target", target, "--draft", draft, "--prompt-file", prompts.toString(), "--output-json", place);
            assertEquals(1, line.code(), line.log());
            assertTrue(line.log().startsWith("error: ") && line.log().lines().count() == 1, "nothing was done before: " + line.log());
            assertEquals("", line.out());
        }
    }

    // ------------------------------------------------------------------------------------------------ eval

    @Test
    void evalPrintsATableAndWritesItsNumbers() throws IOException {
        Path data = file(
                "test.jsonl",
                "{\"question\":\"How much is 1 + 1?\",\"answer\":\"2\"}",
                "{\"question\":\"2 + 1?\",\"answer\":\"3\"}", "{\"question\":\"3?\",\"answer\":\"3\"}");
        // The published prompt makes the first question longer than the tiny models' positions; plain text is not.
        Path texts = file("texts.jsonl", "{\"text\":\"Tom has three apples\"}", "{\"text\":\"Ann has none\"}", "{\"text\":\"So\"}");
        Path json = folder.resolve("result.json");
        Line line = run("eval", "--target", target, "--draft", draft, "--eval-file", texts.toString(), "--num-prompts", "2", "--max-new-tokens",
                "12", "--output-json", json.toString());
        assertEquals(0, line.code(), line.log());
        JsonNode node = Json.readFile(json);
        assertEquals(2, node.get("num_prompts").asInt());
        assertEquals(5, node.get("num_speculative_tokens").asInt());
        assertTrue(node.get("speedup").asDouble() > 0);
        for (String word : List.of("alpha", "expected_acceptance", "speedup", "cost_ratio", "tokens/s", "best_num_speculative_tokens")) {
            assertTrue(line.out().contains(word), line.out());
        }
        Line toOutput = run("eval", "--target", target, "--draft", draft, "--eval-file", texts.toString(), "--max-new-tokens", "4", "--output-json",
                "-", "--temperature", "0.7", "--num-speculative-tokens", "2");
        JsonNode printed = Json.parse(toOutput.out(), "stdout");
        assertEquals(3, printed.get("num_prompts").asInt());
        assertEquals(0.7, printed.get("temperature").asDouble());
        Line together = run("eval", "--target", target, "--draft", draft, "--eval-file", texts.toString(), "--max-new-tokens", "4", "--output-json",
                "-", "--temperature", "0.7", "--num-speculative-tokens", "2", "--batch-size", "3", "--stop", "no such text");
        assertEquals(0, together.code(), together.log());
        JsonNode same = Json.parse(together.out(), "stdout");
        for (String key : List.of("alpha", "alpha_ci95", "num_target_tokens", "acceptance_histogram", "expected_acceptance")) {
            assertEquals(printed.get(key), same.get(key), key);
        }
        Line tooLong = run("eval", "--target", target, "--draft", draft, "--eval-file", data.toString());
        assertEquals(1, tooLong.code());
        assertTrue(tooLong.log().contains(data + " line 1") && tooLong.log().contains("positions"), tooLong.log());
    }

    /** What generate wrote is read instead of decoded: the same numbers but for times; another target's texts are refused. */
    @Test
    void evalReadsWhatGenerateWrote() throws IOException {
        Path prompts = file("prompts.jsonl", "{\"prompt\":\"Tom has\"}", "{\"prompt\":\"Ann\"}", "{\"prompt\":\"3 + 4\"}");
        Path written = folder.resolve("texts.jsonl");
        run("generate", "--target", target, "--prompt-file", prompts.toString(), "--max-new-tokens", "20", "--output-json", written.toString());
        Line decoded = run("eval", "--target", target, "--draft", draft, "--prompt-file", prompts.toString(), "--max-new-tokens", "20",
                "--output-json", "-");
        Line read = run("eval", "--target", target, "--draft", draft, "--greedy-texts", written.toString(), "--output-json", "-");
        assertEquals(0, read.code(), read.log());
        var expected = (ObjectNode) Json.parse(decoded.out(), "decoded");
        var found = (ObjectNode) Json.parse(read.out(), "read");
        assertTrue(found.get("speedup").isNull(), "nothing is timed");
        List<String> timed = List.of("plain_tokens_per_second", "speculative_tokens_per_second", "speedup", "cost_ratio", "break_even_acceptance",
                "best_num_speculative_tokens", "verification_costs");
        for (ObjectNode node : List.of(expected, found)) {
            node.remove(timed);
            node.get("draft_lengths").forEach(length -> ((ObjectNode) length).remove("predicted_speedup"));
        }
        assertEquals(expected.toString(), found.toString());
        Line two = run("eval", "--target", target, "--draft", draft, "--greedy-texts", written.toString(), "--num-prompts", "2", "--output-json",
                "-");
        assertEquals(2, Json.parse(two.out(), "two").get("num_prompts").asInt());
        Line strange = run("eval", "--target", draft, "--draft", target, "--greedy-texts", written.toString());
        assertEquals(1, strange.code());
        assertTrue(strange.log().contains("text 1 is not what the target " + draft + " writes greedily"), strange.log());
        Path damaged = file("damaged.jsonl", "{\"prompt\":\"Tom has\",\"ids\":[1,1000000]}");
        Line foreign = run("eval", "--target", target, "--draft", draft, "--greedy-texts", damaged.toString());
        assertEquals(1, foreign.code());
        assertTrue(foreign.log().contains(damaged + " line 1: ids[1] is 1000000"), foreign.log());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --greedy-texts a --temperature 1                | 2 | --temperature 0
            --greedy-texts a --stop x                       | 2 | --stop
            --greedy-texts /nowhere                         | 1 | /nowhere
            --greedy-texts a --prompt-file b                | 2 | mutually exclusive
            --eval-file a --prompt-file b                   | 2 | mutually exclusive
            --prompt-file a --dataset-format text           | 2 | --dataset-format
            --eval-file a --dataset-format parquet          | 2 | parquet
            --eval-file a --num-prompts 0                   | 2 | --num-prompts
            --eval-file /nowhere                            | 1 | /nowhere
            """)
    void whatEvalRefuses(String arguments, int code, String part) {
        List<String> all = new ArrayList<>(List.of("eval", "--target", target, "--draft", draft));
        all.addAll(Arrays.asList(arguments.split(" ")));
        Line line = run(all.toArray(String[]::new));
        assertEquals(code, line.code(), line.log());
        assertTrue(line.log().contains(part), line.log());
    }

    // ------------------------------------------------------------------------------------------------ score

    @ParameterizedTest
    @CsvSource({"neox-parallel", "neox-sequential-tied"})
    void scoreWritesWhatTransformersGives(String name) throws IOException {
        List<JsonNode> golden = Files.readAllLines(GOLDEN.resolve(name).resolve("score.jsonl")).stream().map(l -> Json.parse(l, "golden")).toList();
        Path ids = file("ids.jsonl", golden.stream().map(node -> node.get("ids").toString()).toArray(String[]::new));
        Path output = folder.resolve("scores.jsonl");
        String model = GOLDEN.resolve(name).toString();
        Line line = run("score", "--model", model, "--token-ids-file", ids.toString(), "--output", output.toString(), "--top", "4");
        assertEquals(0, line.code(), line.log());
        List<String> lines = Files.readAllLines(output);
        assertEquals(golden.size(), lines.size());
        for (int i = 0; i < lines.size(); i++) {
            JsonNode actual = Json.parse(lines.get(i), "actual");
            assertEquals(List.of("ids", "logprobs", "top"), names(actual));
            assertEquals(golden.get(i).get("ids"), actual.get("ids"));
            assertTrue(actual.get("logprobs").get(0).isNull());
            assertEquals(actual.get("ids").size(), actual.get("logprobs").size());
            assertEquals(actual.get("ids").size(), actual.get("top").size());
            for (int t = 1; t < actual.get("ids").size(); t++) {
                assertEquals(golden.get(i).get("logprobs").get(t).asDouble(), actual.get("logprobs").get(t).asDouble(), 1e-4);
                assertEquals(golden.get(i).get("top").get(t).get(0).get(0), actual.get("top").get(t).get(0).get(0));
            }
        }
        Line bare = run("score", "--model", model, "--token-ids-file", file("one.jsonl", "[3]").toString(), "--output", output.toString());
        assertEquals(0, bare.code(), bare.log());
        assertEquals("{\"ids\":[3],\"logprobs\":[null]}\n", Files.readString(output));
    }

    @Test
    void numbersHaveNineSignificantDigits() throws IOException {
        Path output = folder.resolve("scores.jsonl");
        run("score", "--model", GOLDEN.resolve("neox-parallel").toString(), "--token-ids-file", file("ids.jsonl", "[1,2,3,4,5,6,7]").toString(),
                "--output", output.toString());
        for (JsonNode number : Json.parse(Files.readString(output), "out").get("logprobs")) {
            String digits = number.isNull() ? "" : number.asText().replaceAll("[^0-9]", "").replaceFirst("^0+", "");
            assertTrue(digits.length() <= 9, number.asText());
        }
    }

    @Test
    void scoreReadsTexts() throws IOException {
        Path output = folder.resolve("scores.jsonl");
        Path texts = file("texts.jsonl", "\"Tom\"", "\"\\u00fc\"");
        Line line = run("score", "--model", target, "--text-file", texts.toString(), "--output", output.toString());
        assertEquals(0, line.code(), line.log());
        List<String> lines = Files.readAllLines(output);
        assertTrue(lines.get(0).startsWith("{\"ids\":[84,111,109],"), lines.get(0));
        assertTrue(lines.get(1).startsWith("{\"ids\":[195,188],"), lines.get(1));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            []          | no token ids
            [1,260]     | token id 260
            [-1]        | token id -1
            [1.5]       | entry 0 is 1.5
            ["a"]       | entry 0 is "a"
            {"ids":[1]} | JSON array
            not json    | not valid JSON
            [99999999999] | entry 0
            """)
    void whatScoreRefusesNamesTheLineAndNothingIsWritten(String bad, String part) throws IOException {
        Path output = folder.resolve("scores.jsonl");
        Path ids = file("ids.jsonl", "[1,2]", bad);
        Line line = run("score", "--model", target, "--token-ids-file", ids.toString(), "--output", output.toString());
        assertEquals(1, line.code(), line.log());
        assertTrue(line.log().contains(ids + " line 2") && line.log().contains(part), line.log());
        assertFalse(Files.exists(output));
        try (var files = Files.list(folder)) {
            assertEquals(List.of("ids.jsonl"), files.map(f -> f.getFileName().toString()).toList(), "no temporary file is left");
        }
    }

    @Test
    void aTextThatIsTooLongOrEmptyNamesItsLine() throws IOException {
        Path output = folder.resolve("scores.jsonl");
        for (String bad : List.of("\"" + "x".repeat(97) + "\"", "\"\"", "[1]", "\"\\ud800\"")) {
            Path texts = file("texts.jsonl", "\"a\"", bad);
            Line line = run("score", "--model", target, "--text-file", texts.toString(), "--output", output.toString());
            assertEquals(1, line.code(), line.log());
            assertTrue(line.log().contains(texts + " line 2"), line.log());
            assertFalse(Files.exists(output));
        }
        Line usage = run("score", "--model", target, "--text-file", "a", "--output", "b", "--top", "0");
        assertEquals(2, usage.code());
    }

    private static List<String> names(JsonNode node) {
        List<String> names = new ArrayList<>();
        node.fieldNames().forEachRemaining(names::add);
        return names;
    }
}
