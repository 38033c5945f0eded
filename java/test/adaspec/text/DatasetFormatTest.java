package adaspec.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestData;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Templates and masks of the data formats. */
class DatasetFormatTest {
    private static final OptionalInt END = OptionalInt.of(0);

    @TempDir
    Path folder;

    private Sample read(Tokenizer tokenizer, DatasetFormat format, String line) throws Exception {
        Path file = Files.writeString(folder.resolve("data.jsonl"), line + "\n");
        return Dataset.read(List.of(file), format, tokenizer, END, 512).samples().getFirst();
    }

    /** What is given and what is learnt, as {@link SampleView} shows it, without its first line. */
    private String view(String line) throws Exception {
        Tokenizer tokenizer = GoldenFiles.small();
        return SampleView.of(read(tokenizer, null, line), tokenizer).split("\n", 2)[1];
    }

    @Test
    void everyFormatIsWhatTheTokenizersLibraryMakesOfItsTemplate() throws Exception {
        Tokenizer tokenizer = GoldenFiles.small();
        var seen = new HashSet<String>();
        for (JsonNode entry : GoldenFiles.read("formats.json")) {
            String line = entry.get("object").toString();
            DatasetFormat format = DatasetFormat.named(entry.get("format").textValue());
            assertEquals(format, DatasetFormat.detect(entry.get("object")), line);
            Sample sample = read(tokenizer, format, line);
            assertArrayEquals(GoldenFiles.ints(entry.get("ids")), sample.ids(), line);
            assertEquals(entry.get("answer_start").intValue(), sample.answerStart(), line);
            seen.add(format.name());
        }
        assertEquals(DatasetFormat.ALL.stream().map(DatasetFormat::name).collect(Collectors.toSet()), seen);
    }

    @Test
    void ofCodeTheTaskIsGiven() throws Exception {
        assertEquals(
                String.join("\n",
                        "  - Add two numbers.",
                        "  - ",
                        "  + def add(a, b):\\u000d",
                        "  +   return a + b<|endoftext|>"),
                view("{\"text\":\"Add two numbers.\",\"code\":\"def add(a, b):\\r\\n  return a + b\",\"task_id\":1,\"test_list\":[\"assert 1\"]}"));
    }

    @Test
    void instructionsComeInAlpacasTemplate() throws Exception {
        assertEquals(
                String.join("\n",
                        "  - Below is an instruction that describes a task, paired with an input that provides further context. "
                                + "Write a response that appropriately completes the request.",
                        "  - ",
                        "  - ### Instruction:",
                        "  - Say it in French.",
                        "  - ",
                        "  - ### Input:",
                        "  - water",
                        "  - ",
                        "  - ### Response:",
                        "  + eau<|endoftext|>"),
                view("{\"instruction\":\"Say it in French.\",\"input\":\"water\",\"output\":\"eau\"}"));
        assertEquals(
                String.join("\n",
                        "  - Below is an instruction that describes a task. Write a response that appropriately completes the request.",
                        "  - ",
                        "  - ### Instruction:",
                        "  - Say hello.",
                        "  - ",
                        "  - ### Response:",
                        "  + hello<|endoftext|>"),
                view("{\"instruction\":\"Say hello.\",\"input\":\"\",\"output\":\"hello\"}"));
    }

    @Test
    void aPromptThatIsReadyStaysAsItIs() throws Exception {
        assertEquals("  - Q: two?\n  - A:\n  +  two<|endoftext|>", view("{\"prompt\":\"Q: two?\\nA:\",\"completion\":\" two\",\"task\":\"x\"}"));
    }

    /** A second end would teach a model to go on after the first. */
    @Test
    void anEndThatACompletionSpellsIsItsEnd() throws Exception {
        assertEquals("  - Q\n  - \n  + two<|endoftext|>", view("{\"prompt\":\"Q\\n\",\"completion\":\"two<|endoftext|>\"}"));
        assertEquals("  - Q\n  - \n  + <|endoftext|>", view("{\"prompt\":\"Q\\n\",\"completion\":\"<|endoftext|>\"}"));
        assertEquals("  - Q<|endoftext|>\n  + <|endoftext|>", view("{\"prompt\":\"Q<|endoftext|>\",\"completion\":\"\"}"));
    }

    @Test
    void aTextBesideAnotherFormatsFieldsIsNotPlainText() throws Exception {
        assertTrue(view("{\"text\":\"source\",\"prompt\":\"a\",\"completion\":\"b\"}").startsWith("  - a"));
        assertTrue(view("{\"text\":\"source\",\"title\":\"b\"}").startsWith("  - s"));
    }

    @ParameterizedTest
    @CsvSource({
        "mbpp/train.jsonl, mbpp, 384",
        "alpaca/test.jsonl, alpaca, 250",
        "instruct/test.jsonl, prompt-completion, 300",
        "summarization/test.jsonl, prompt-completion, 250",
        "text/tinystories.jsonl, text, 850",
        "gsm8k/test.jsonl, gsm8k, 660",
    })
    void realDataAreDetectedAndKeepTheirAnswers(String file, String name, int lines) {
        Tokenizer tokenizer = Tokenizer.load(TestData.require("tokenizers/20B_tokenizer.json"));
        Dataset data = Dataset.read(List.of(TestData.require(file)), null, tokenizer, END, 512);
        assertEquals(lines, data.size() + data.dropped());
        Dataset whole = Dataset.read(List.of(TestData.require(file)), DatasetFormat.named(name), tokenizer, END, Integer.MAX_VALUE);
        assertEquals(whole.answerTokens(), data.answerTokens() + data.cutAnswerTokens());
        for (Sample sample : whole.samples()) {
            int[] ids = sample.ids();
            String given = tokenizer.decode(Arrays.copyOf(ids, sample.answerStart()));
            String learnt = tokenizer.decode(Arrays.copyOfRange(ids, sample.answerStart(), ids.length));
            String completion = sample.text().completion();
            String text = Nfc.FORM.normalize(sample.text().prompt() + completion);
            assertEquals(text + (completion.endsWith("<|endoftext|>") ? "" : "<|endoftext|>"), given + learnt);
            // Where a token straddles the border the given part is longer, by less than that token.
            assertTrue(given.length() >= Nfc.FORM.normalize(sample.text().prompt()).length() || name.equals("text"), given);
            assertFalse(learnt.indexOf("<|endoftext|>") < learnt.length() - "<|endoftext|>".length(), "an end before the end: " + learnt);
        }
    }
}
