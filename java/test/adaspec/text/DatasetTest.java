package adaspec.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestData;
import adaspec.common.InputException;
import adaspec.common.UsageException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatasetTest {
    private static final OptionalInt END = OptionalInt.of(0);
    private final Tokenizer tokenizer = GoldenFiles.small();

    @TempDir
    Path folder;

    private Dataset read(int maxLength, String... lines) throws Exception {
        return Dataset.read(List.of(write(lines)), null, tokenizer, END, maxLength);
    }

    private Path write(String... lines) throws Exception {
        return Files.writeString(folder.resolve("data.jsonl"), String.join("\n", lines) + "\n");
    }

    @Test
    void gsm8kIsThePublishedTemplate() throws Exception {
        Sample sample = read(512, "{\"question\":\"How many?\",\"answer\":\"1 + 1 = 2\\n#### 2\"}").samples().getFirst();
        int[] prompt = Arrays.copyOf(sample.ids(), sample.answerStart());
        int[] answer = Arrays.copyOfRange(sample.ids(), sample.answerStart(), sample.ids().length);
        assertEquals("How many?\nAnswer the above question. First think step by step and then answer the final number.\n", tokenizer.decode(prompt));
        assertEquals("1 + 1 = 2\nThe final answer is:  2<|endoftext|>", tokenizer.decode(answer));
        assertEquals(answer.length, sample.answerTokens());
        assertEquals(0, sample.ids()[sample.ids().length - 1], "the end of text is a trained position");
        assertArrayEquals(prompt, sample.evaluationPrompt(tokenizer).ids());
        assertFalse(sample.truncated());
    }

    @Test
    void ofPlainTextEveryTokenButTheFirstIsLearnt() throws Exception {
        Sample sample = read(512, "{\"text\":\"the number of apples\"}").samples().getFirst();
        assertEquals(1, sample.answerStart());
        int[] text = tokenizer.encode("the number of apples", true).ids();
        assertArrayEquals(text, Arrays.copyOf(sample.ids(), sample.ids().length - 1));
        assertEquals(0, sample.ids()[sample.ids().length - 1]);
        assertArrayEquals(Arrays.copyOf(text, text.length / 2), sample.evaluationPrompt(tokenizer).ids());

        Sample longer = read(4096, "{\"text\":\"" + "the ".repeat(300) + "\"}").samples().getFirst();
        assertEquals(64, longer.evaluationPrompt(tokenizer).ids().length);
        Sample one = read(512, "{\"text\":\"a\"}").samples().getFirst();
        assertEquals(1, one.evaluationPrompt(tokenizer).ids().length);
    }

    @Test
    void aTokenThatStraddlesTheBorderBelongsToThePrompt() {
        // " the" is one token, which starts with the last character of the prompt.
        DatasetFormat.Text text = new DatasetFormat.Text("of ", "the and");
        Sample sample = Sample.of(text, tokenizer, END, 100, Path.of("f"), 1);
        assertArrayEquals(tokenizer.encode("of the and", true).ids(), Arrays.copyOf(sample.ids(), sample.ids().length - 1));
        assertEquals("of the", tokenizer.decode(Arrays.copyOf(sample.ids(), sample.answerStart())));
    }

    @Test
    void anEndThatTheTokenizerAddsIsNotAddedTwice() throws Exception {
        var json = GoldenFiles.smallJson();
        var post = json.putObject("post_processor").put("type", "TemplateProcessing");
        var single = post.putArray("single");
        single.addObject().putObject("SpecialToken").put("id", "B");
        single.addObject().putObject("Sequence").put("id", "A");
        single.addObject().putObject("SpecialToken").put("id", "E");
        post.putObject("special_tokens").putObject("E").putArray("ids").add(0);
        ((com.fasterxml.jackson.databind.node.ObjectNode) post.get("special_tokens")).putObject("B").putArray("ids").add(5);
        Tokenizer around = Tokenizer.load(GoldenFiles.write(folder, json));
        Sample sample = Sample.of(new DatasetFormat.Text("of\n", "and"), around, END, 100, Path.of("f"), 1);
        int[] plain = tokenizer.encode("of\nand", true).ids();
        int[] expected = new int[plain.length + 2];
        expected[0] = 5;
        System.arraycopy(plain, 0, expected, 1, plain.length);
        assertArrayEquals(expected, sample.ids());
        assertEquals(1 + tokenizer.encode("of\n", true).length(), sample.answerStart());
        // An end of text that the data spells is text; the sample's own end still follows.
        Sample spelled = Sample.of(new DatasetFormat.Text("", "and<|endoftext|>"), tokenizer, END, 100, Path.of("f"), 1);
        assertEquals(0, spelled.ids()[spelled.ids().length - 2]);
        assertEquals(0, spelled.ids()[spelled.ids().length - 1]);
    }

    @Test
    void longSamplesAreCutAndThoseWithoutAnswerDropped() throws Exception {
        String shortLine = "{\"question\":\"a\",\"answer\":\"b\"}";
        String longAnswer = "{\"question\":\"a\",\"answer\":\"" + "b ".repeat(500) + "\"}";
        String longQuestion = "{\"question\":\"" + "a ".repeat(500) + "\",\"answer\":\"b\"}";
        Dataset dataset = read(120, shortLine, longAnswer, longQuestion, shortLine);
        assertEquals(3, dataset.size());
        assertEquals(1, dataset.truncated());
        assertEquals(1, dataset.dropped());
        assertEquals(120, dataset.samples().get(1).ids().length);
        assertTrue(dataset.samples().get(1).truncated());
        assertEquals(List.of(1, 2, 4), dataset.samples().stream().map(Sample::line).toList());
        assertEquals(dataset.samples().stream().mapToLong(s -> s.ids().length - s.answerStart()).sum(), dataset.answerTokens());
        assertTrue(dataset.summary().startsWith("3 samples, "), dataset.summary());

        // Nothing is lost unsaid: what is left and what was cut off is what the longest samples would have.
        Dataset whole = read(10_000, shortLine, longAnswer, longQuestion, shortLine);
        assertEquals(whole.answerTokens(), dataset.answerTokens() + dataset.cutAnswerTokens());
        assertTrue(dataset.cutAnswerTokens() > 400 && dataset.droppedAnswerTokens() == 2, dataset.summary());
        String cut = String.format("1 truncated, 1 dropped without an answer token; %,d answer tokens (", dataset.cutAnswerTokens());
        assertTrue(dataset.summary().contains(cut) && dataset.summary().endsWith("%) were cut off at the maximum length"), dataset.summary());
        assertEquals(0, whole.cutAnswerTokens());
        assertTrue(whole.summary().endsWith("0 truncated, 0 dropped without an answer token"), whole.summary());

        String message = assertThrows(InputException.class, () -> read(120, longQuestion)).getMessage();
        assertTrue(message.contains("no sample of") && message.contains("120 tokens"), message);
        assertThrows(InputException.class, () -> read(1, shortLine));
    }

    private void refused(String expected, String... lines) throws Exception {
        String message = assertThrows(InputException.class, () -> read(512, lines), expected).getMessage();
        assertTrue(message.contains(expected) && message.contains("data.jsonl"), message);
        assertFalse(message.contains("\n"), message);
    }

    private void refused(String expected, Path file) {
        InputException e = assertThrows(InputException.class, () -> Dataset.read(List.of(file), null, tokenizer, END, 9));
        assertTrue(e.getMessage().contains(expected) && e.getMessage().contains(file.toString()), e.getMessage());
    }

    @Test
    void badDataIsOneSentenceWithFileAndLine() throws Exception {
        String good = "{\"question\":\"a\",\"answer\":\"b\"}";
        refused("is empty", "");
        refused("line 2 is not valid JSON", good, "{\"question\":");
        refused("line 3: the field \"answer\" is missing", good, good, "{\"question\":\"a\"}");
        refused("line 2: the field \"answer\" is not a string", good, "{\"question\":\"a\",\"answer\":5}");
        refused("line 2: a JSON object was expected", good, "[1]");
        refused("line 1: a JSON object was expected", "\"text\"");
        refused("line 1: the format cannot be detected", "{\"prompt\":\"x\"}");
        refused("line 1: the format cannot be detected", "{\"instruction\":\"x\",\"output\":\"y\"}");
        refused("line 1: the fields fit more than one format (gsm8k, prompt-completion); say which one with --dataset-format",
                "{\"question\":\"a\",\"answer\":\"b\",\"prompt\":\"a\",\"completion\":\"b\"}");
        refused("line 2: the text has a lone surrogate", good, "{\"question\":\"\\ud83d\",\"answer\":\"b\"}");
        Files.write(write(), new byte[] {'{', '"', (byte) 0xC3, '"', '}'});
        refused("data.jsonl line 1 is not valid UTF-8", folder.resolve("data.jsonl"));
        refused("no such file", folder.resolve("missing.jsonl"));
        assertThrows(UsageException.class, () -> DatasetFormat.named("csv"));
        assertEquals(DatasetFormat.GSM8K, DatasetFormat.named("gsm8k"));
    }

    @Test
    void blankLinesWindowsLinesAndByteOrderMarks() throws Exception {
        Files.writeString(write(), "\uFEFF{\"text\":\"a b\"}\r\n\r\n{\"text\":\"c d\"}");
        Dataset dataset = Dataset.read(List.of(folder.resolve("data.jsonl")), DatasetFormat.TEXT, tokenizer, END, 9);
        assertEquals(List.of(1, 3), dataset.samples().stream().map(Sample::line).toList());
    }

    @Test
    void theSplitIsAFunctionOfTheTexts() throws Exception {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            lines.add("{\"text\":\"text number " + i % 150 + "\"}");
        }
        Dataset.Split split = read(64, lines.toArray(String[]::new)).split(Dataset.HELD_OUT);
        Set<String> heldOut = hashes(split.heldOut());
        assertEquals(8, heldOut.size(), "5 % of 150 different texts, rounded");
        assertEquals(200, split.train().size() + split.heldOut().size());
        assertTrue(hashes(split.train()).stream().noneMatch(heldOut::contains), "equal texts stay together");
        String least = heldOut.stream().min(String::compareTo).orElseThrow();
        assertTrue(hashes(split.train()).stream().allMatch(hash -> hash.compareTo(least) < 0), "the last ones by hash");

        java.util.Collections.shuffle(lines, new java.util.Random(1));
        assertEquals(heldOut, hashes(read(64, lines.toArray(String[]::new)).split(Dataset.HELD_OUT).heldOut()), "whatever the order");

        Dataset.Split two = read(64, "{\"text\":\"a b\"}", "{\"text\":\"c d\"}").split(Dataset.HELD_OUT);
        assertEquals(1, two.heldOut().size(), "at least one is held out");
        Dataset.Split one = read(64, "{\"text\":\"a b\"}", "{\"text\":\"a b\"}").split(Dataset.HELD_OUT);
        assertEquals(2, one.train().size(), "something is left to learn from");
    }

    private static Set<String> hashes(Dataset dataset) {
        return dataset.samples().stream().map(Sample::textHash).collect(Collectors.toCollection(HashSet::new));
    }

    @Test
    void fingerprintSeesIdsAndMask() throws Exception {
        String a = "{\"text\":\"a b\"}";
        String b = "{\"text\":\"c d\"}";
        assertEquals(read(64, a, b).fingerprint(), read(32, a, b).fingerprint());
        assertNotEquals(read(64, a, b).fingerprint(), read(64, b, a).fingerprint());
        Sample sample = read(64, a).samples().getFirst();
        Sample masked = new Sample(sample.ids(), 2, sample.text(), sample.textHash(), 0, sample.file(), sample.line());
        assertNotEquals(new Dataset(List.of(sample), 0, 0).fingerprint(), new Dataset(List.of(masked), 0, 0).fingerprint());
    }

    @Test
    void promptFiles() throws Exception {
        Path file = write("{\"prompt\":\"hello\",\"id\":1}", "", "{\"prompt\":\"the\\nend\"}");
        List<Prompt> prompts = Prompt.readFile(file, tokenizer);
        assertEquals(List.of("hello", "the\nend"), prompts.stream().map(Prompt::text).toList());
        assertArrayEquals(tokenizer.encode("hello", true).ids(), prompts.getFirst().ids());
        write("{\"prompt\":\"hello\"}", "{\"prompt\":\"\"}");
        String message = assertThrows(InputException.class, () -> Prompt.readFile(file, tokenizer)).getMessage();
        assertTrue(message.contains("line 2: the prompt is empty"), message);
    }

    @Test
    void theViewShowsWhatIsLearnt() throws Exception {
        Sample sample = read(512, "{\"question\":\"How\\tmany?\",\"answer\":\"two\\n#### 2\"}").samples().getFirst();
        String view = SampleView.of(sample, tokenizer);
        assertTrue(view.contains("data.jsonl line 1: " + sample.ids().length + " tokens, " + sample.answerTokens() + " of them learnt"), view);
        assertTrue(view.contains("\n  - How\\u0009many?\n  - Answer the above"), view);
        assertTrue(view.endsWith("\n  + two\n  + The final answer is:  2<|endoftext|>"), view);
    }

    @Test
    void realGsm8k() {
        Tokenizer neox = Tokenizer.load(TestData.require("tokenizers/20B_tokenizer.json"));
        Dataset dataset = Dataset.read(List.of(TestData.require("gsm8k/train.jsonl")), null, neox, END, 512);
        assertEquals(7473, dataset.size());
        assertEquals(0, dataset.dropped());
        for (Sample sample : dataset.samples()) {
            // No token of GSM8K straddles the border, so the prompt alone has the same tokens as in the sample, and the answer decodes to itself.
            assertArrayEquals(sample.evaluationPrompt(neox).ids(), Arrays.copyOf(sample.ids(), sample.answerStart()));
            if (!sample.truncated()) {
                String answer = neox.decode(Arrays.copyOfRange(sample.ids(), sample.answerStart(), sample.ids().length));
                assertEquals(Nfc.FORM.normalize(sample.text().completion()) + "<|endoftext|>", answer);
            }
        }
        assertEquals(374, dataset.split(Dataset.HELD_OUT).heldOut().size());
    }
}
