package adaspec.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.InputException;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerTest {
    @TempDir
    Path folder;

    private Tokenizer changed(Consumer<ObjectNode> change) throws Exception {
        ObjectNode json = GoldenFiles.smallJson();
        change.accept(json);
        return Tokenizer.load(GoldenFiles.write(folder, json));
    }

    @Test
    void vocabulary() {
        Tokenizer tokenizer = GoldenFiles.small();
        assertEquals(600, tokenizer.size());
        assertEquals(0, tokenizer.idOf("<|endoftext|>"));
        assertEquals("<|endoftext|>", tokenizer.tokenOf(0));
        assertNull(tokenizer.idOf("no such token"));
        assertNull(tokenizer.tokenOf(600));
        assertNull(tokenizer.tokenOf(-1));
        assertArrayEquals(new int[] {0}, tokenizer.specialIds());
        assertTrue(tokenizer.isSpecial(0));
        assertFalse(tokenizer.isSpecial(1));
        assertEquals(OptionalInt.of(0), tokenizer.endOfText());
    }

    @Test
    void endOfTextFromTheConfigBeside() throws Exception {
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"eos_token\": {\"content\": \"!\"}}");
        Tokenizer tokenizer = changed(json -> {});
        assertEquals(OptionalInt.of(tokenizer.idOf("!")), tokenizer.endOfText());
        assertEquals(tokenizer.endOfText(), Tokenizer.load(folder).endOfText(), "loaded by directory");
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"eos_token\": \"</s>\"}");
        assertTrue(assertThrows(InputException.class, () -> Tokenizer.load(folder)).getMessage().contains("'</s>'"));
    }

    @Test
    void fingerprintAndFirstDifference() throws Exception {
        Tokenizer tokenizer = GoldenFiles.small();
        Tokenizer same = changed(json -> json.set("normalizer", json.objectNode().put("type", "NFC")));
        assertEquals(64, tokenizer.fingerprint().length());
        assertEquals(tokenizer.fingerprint(), same.fingerprint());
        assertNull(tokenizer.firstDifference(same));

        Tokenizer longer = changed(json -> ((ArrayNode) json.get("added_tokens")).addObject().put("id", 600).put("content", "<pad>"));
        assertNotEquals(tokenizer.fingerprint(), longer.fingerprint());
        assertTrue(tokenizer.firstDifference(longer).startsWith("token 600 is missing in "), tokenizer.firstDifference(longer));

        Tokenizer swapped = changed(json -> {
            ObjectNode vocab = (ObjectNode) json.get("model").get("vocab");
            int a = vocab.get("a").intValue();
            vocab.put("a", vocab.get("b").intValue()).put("b", a);
        });
        int first = Math.min(tokenizer.idOf("a"), tokenizer.idOf("b"));
        assertNotEquals(tokenizer.fingerprint(), swapped.fingerprint());
        assertTrue(tokenizer.firstDifference(swapped).startsWith("token " + first + " is 'a' in "), tokenizer.firstDifference(swapped));

        Tokenizer unmarked = changed(json -> ((ObjectNode) json.get("added_tokens").get(0)).put("special", false));
        String difference = tokenizer.firstDifference(unmarked);
        assertTrue(difference.startsWith("token 0 ('<|endoftext|>') is special only in "), difference);
    }

    @Test
    void offsetsCoverTheText() throws Exception {
        Tokenizer tokenizer = changed(json -> json.set("normalizer", json.objectNode().put("type", "NFC")));
        String text = "cafe\u0301 na\u00efve 😀 \u1112\u1161\u11ab x";
        Encoding encoding = tokenizer.encode(text, true);
        int covered = 0;
        for (int t = 0; t < encoding.length(); t++) {
            assertTrue(encoding.starts()[t] <= covered && encoding.ends()[t] > encoding.starts()[t], "token " + t + " of " + encoding);
            assertTrue(t == 0 || encoding.starts()[t] >= encoding.starts()[t - 1]);
            covered = Math.max(covered, encoding.ends()[t]);
        }
        assertEquals(text.length(), covered);
        // The composed e with acute came from the two characters 3 and 4.
        int composed = IntStream.range(0, encoding.length()).filter(t -> encoding.ends()[t] == 5).findFirst().orElseThrow();
        assertEquals(3, Math.max(encoding.starts()[composed], 3));
        assertEquals("café naïve 😀 한 x", tokenizer.decode(encoding.ids()));
    }

    @Test
    void specialTokensAroundTheTextHaveEmptyRanges() throws Exception {
        Tokenizer tokenizer = changed(json -> {
            ObjectNode post = json.putObject("post_processor").put("type", "TemplateProcessing");
            ArrayNode single = post.putArray("single");
            single.addObject().putObject("SpecialToken").put("id", "E");
            single.addObject().putObject("Sequence").put("id", "A");
            single.addObject().putObject("SpecialToken").put("id", "E");
            post.putObject("special_tokens").putObject("E").putArray("ids").add(0);
        });
        Encoding with = tokenizer.encode("hello", true);
        Encoding without = tokenizer.encode("hello", false);
        assertEquals(without.length() + 2, with.length());
        int last = with.length() - 1;
        assertArrayEquals(new int[] {0, 0, 0}, new int[] {with.ids()[0], with.starts()[0], with.ends()[0]});
        assertArrayEquals(new int[] {0, 5, 5}, new int[] {with.ids()[last], with.starts()[last], with.ends()[last]});
        assertArrayEquals(without.ids(), Arrays.copyOfRange(with.ids(), 1, last));
    }

    @Test
    void aMillionCharactersOfOneKindTakeNoRecursionAndNoQuadraticTime() throws Exception {
        // One by hand-written words, one by a general expression, one whose whole text is a word.
        List<Tokenizer> tokenizers = List.of(
                GoldenFiles.small(),
                changed(json -> {
                    ObjectNode split = split(json, "Regex", "\\s*[\\r\\n]+|\\p{N}{1,3}(?=(?:\\p{N}{3})*\\b)|[\\p{Lu}\\p{M}]*[\\p{Ll}\\p{M}]+"
                            + "| ?\\S+|\\s+(?!\\S)|\\s+");
                    ArrayNode steps = json.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers").add(split);
                    steps.addObject().put("type", "ByteLevel").put("add_prefix_space", false).put("use_regex", false);
                }),
                Tokenizer.load(GoldenFiles.FOLDER.resolve("sentencepiece.tokenizer.json")));
        Random random = new Random(4);
        StringBuilder letters = new StringBuilder();
        for (int i = 0; i < 1_000_000; i++) {
            letters.append((char) ('a' + random.nextInt(26)));
        }
        List<String> texts = List.of("a".repeat(1_000_000), letters.toString(), " ".repeat(1_000_000), "\n".repeat(1_000_000) + "x",
                "1".repeat(1_000_000), "é".repeat(500_000), "😀".repeat(300_000), "<|endoftext|".repeat(80_000), "'".repeat(1_000_000));
        var failure = new Throwable[1];
        Thread small = new Thread(null, () -> assertTimeoutPreemptively(Duration.ofSeconds(60), () -> {
            for (Tokenizer tokenizer : tokenizers) {
                for (String text : texts) {
                    assertEquals(text, tokenizer.decode(tokenizer.encode(text, false).ids()));
                }
            }
        }), "small stack", 256 * 1024);
        small.setUncaughtExceptionHandler((thread, e) -> failure[0] = e);
        small.start();
        small.join();
        assertNull(failure[0], () -> "failed with " + failure[0]);
    }

    @Test
    void marksWithoutEndAreOrderedInLinearTime() {
        String many = "\u0301\u0323".repeat(100_000);
        String normal = assertTimeoutPreemptively(Duration.ofSeconds(30), () -> Nfc.FORM.normalize("a" + many));
        assertEquals("\u1ea1" + "\u0323".repeat(99_999) + "\u0301".repeat(100_000), normal);
        // Marks of many classes, among them some that decompose, end runs (class 0) or are unknown to the library: as the JDK orders short ones.
        int[] marks = {0x301, 0x323, 0x345, 0x334, 0x327, 0x344, 0x93C, 0x903, 0x20DD, 0x5B0, 0x64B, 0x30A, 0x31B};
        Random random = new Random(5);
        for (int n = 0; n < 50; n++) {
            StringBuilder text = new StringBuilder("o");
            for (int i = 0; i < 300; i++) {
                text.appendCodePoint(marks[random.nextInt(marks.length)]);
            }
            assertEquals(java.text.Normalizer.normalize(text, java.text.Normalizer.Form.NFC), Nfc.FORM.normalize(text.toString()));
        }
    }

    @Test
    void manyThreadsGetTheSameIds() {
        Tokenizer tokenizer = GoldenFiles.small();
        List<String> texts = new ArrayList<>();
        GoldenFiles.read("adversarial.json").get("texts").forEach(text -> texts.add(text.asText()));
        List<int[]> alone = texts.stream().map(text -> GoldenFiles.small().encode(text, true).ids()).toList();
        IntStream.range(0, 20_000).parallel().forEach(i ->
                assertArrayEquals(alone.get(i % alone.size()), tokenizer.encode(texts.get(i % alone.size()), true).ids()));
    }

    @Test
    void streamHoldsBackIncompleteCharacters() {
        Tokenizer tokenizer = GoldenFiles.small();
        TokenStream stream = tokenizer.stream();
        int[] bytes = {tokenizer.idOf("ð"), tokenizer.idOf("Ł"), tokenizer.idOf("ĺ"), tokenizer.idOf("Ģ")}; // F0 9F 98 80
        assertEquals("", stream.push(bytes[0]));
        assertEquals("", stream.push(bytes[1]));
        assertEquals("", stream.push(bytes[2]));
        assertEquals("😀", stream.push(bytes[3]));
        assertEquals("", stream.push(bytes[0]));
        assertEquals("\uFFFD!", stream.push(tokenizer.idOf("!")));
        assertEquals("", stream.push(bytes[0]));
        assertEquals("\uFFFD", stream.flush());
        assertEquals("", stream.flush());
    }

    @Test
    void aLoneSurrogateIsNamed() {
        for (String text : List.of("ab\uD83D", "ab\uDE00", "ab\uD83Dx")) {
            String message = assertThrows(InputException.class, () -> GoldenFiles.small().encode(text, true)).getMessage();
            assertTrue(message.contains("character 2"), message);
        }
    }

    @Test
    void unknownIdsCannotBeDecoded() {
        for (int id : new int[] {-1, 600, Integer.MAX_VALUE}) {
            String message = assertThrows(InputException.class, () -> GoldenFiles.small().decode(new int[] {id})).getMessage();
            assertTrue(message.contains("token id " + id + " "), message);
        }
    }

    private void refused(String expected, Consumer<ObjectNode> change) {
        String message = assertThrows(InputException.class, () -> changed(change), expected).getMessage();
        assertTrue(message.contains(expected) && message.contains("tokenizer.json"), message);
        assertFalse(message.contains("\n"), message);
    }

    private static ObjectNode model(ObjectNode json) {
        return (ObjectNode) json.get("model");
    }

    private static ObjectNode split(ObjectNode json, String kind, String pattern) {
        ObjectNode split = json.putObject("pre_tokenizer").put("type", "Split").put("behavior", "Isolated").put("invert", false);
        split.putObject("pattern").put(kind, pattern);
        return split;
    }

    @Test
    void malformedFilesAreOneSentence() {
        refused("model", json -> json.remove("model"));
        refused("model", json -> json.put("model", 5));
        refused("WordPiece", json -> model(json).put("type", "WordPiece"));
        refused("model.vocab", json -> model(json).remove("vocab"));
        refused("empty model.vocab", json -> model(json).putObject("vocab"));
        refused("model.vocab['x']", json -> ((ObjectNode) model(json).get("vocab")).put("x", -1));
        refused("model.vocab['x']", json -> ((ObjectNode) model(json).get("vocab")).put("x", 4_000_000_000L));
        refused("model.vocab['x']", json -> ((ObjectNode) model(json).get("vocab")).put("x", 1 << 22));
        refused("model.vocab['x']", json -> ((ObjectNode) model(json).get("vocab")).put("x", "7"));
        refused("id 7 to two tokens", json -> ((ObjectNode) model(json).get("vocab")).put("new", 7));
        refused("model.merges", json -> model(json).remove("merges"));
        refused("model.merges[0]", json -> model(json).putArray("merges").add("a b c"));
        refused("model.merges[0]", json -> model(json).putArray("merges").add(17));
        refused("'a\u00a1\u00a1' for model.merges[0]", json -> model(json).putArray("merges").add("a a\u00a1\u00a1"));
        refused("'!!' for model.merges[1]", json -> {
            var first = model(json).get("merges").get(0);
            model(json).putArray("merges").add(first).addArray().add("!").add("!");
        });
        refused("dropout", json -> model(json).put("dropout", 0.1));
        refused("end_of_word_suffix", json -> model(json).put("end_of_word_suffix", "</w>"));
        refused("continuing_subword_prefix", json -> model(json).put("continuing_subword_prefix", "##"));
        refused("ignore_merges", json -> model(json).put("ignore_merges", "yes"));
        refused("\"truncation\"", json -> json.putObject("truncation").put("max_length", 4));
        refused("\"padding\"", json -> json.putObject("padding"));
        refused("normalizer of type Lowercase", json -> json.putObject("normalizer").put("type", "Lowercase"));
        refused("pre_tokenizer of type BertPreTokenizer", json -> json.putObject("pre_tokenizer").put("type", "BertPreTokenizer"));
        refused("pre_tokenizer.pretokenizers[0] of type Nothing", json -> json.putObject("pre_tokenizer").put("type", "Sequence")
                .putArray("pretokenizers").addObject().put("type", "Nothing"));
        refused("no type in pre_tokenizer", json -> json.putObject("pre_tokenizer"));
        refused("pre_tokenizer.behavior", json -> split(json, "Regex", "a").put("behavior", "Sometimes"));
        refused("pre_tokenizer.pattern.Regex that has a '(' without its ')'", json -> split(json, "Regex", "(a"));
        refused("is longer than 20000 characters", json -> split(json, "Regex", "a".repeat(1_000_000)));
        refused("no pattern as pre_tokenizer.pattern", json -> split(json, "String", ""));
        refused("no pattern as pre_tokenizer.pattern", json -> split(json, "Neither", "x"));
        refused("pre_tokenizer.replacement; one character", json ->
                json.putObject("pre_tokenizer").put("type", "Metaspace").put("replacement", "ab"));
        refused("pre_tokenizer.prepend_scheme; always", json ->
                json.putObject("pre_tokenizer").put("type", "Metaspace").put("replacement", "_").put("prepend_scheme", "now"));
        refused("make them agree", json -> json.putObject("pre_tokenizer").put("type", "Metaspace").put("replacement", "_")
                .put("prepend_scheme", "first").put("add_prefix_space", false));
        refused("normalizer.prepend", json -> json.putObject("normalizer").put("type", "Prepend"));
        refused("lone surrogate in normalizer.prepend", json -> json.putObject("normalizer").put("type", "Prepend").put("prepend", "\uD800"));
        refused("normalizer.content", json -> json.putObject("normalizer").put("type", "Replace").putObject("pattern").put("String", "a"));
        refused("decoder of type WordPiece", json -> json.putObject("decoder").put("type", "WordPiece"));
        refused("decoder.start; a whole number", json -> json.putObject("decoder").put("type", "Strip").put("content", " ").put("start", -1));
        refused("decoder.decoders", json -> json.putObject("decoder").put("type", "Sequence"));
        refused("unk_token", json -> {
            json.putNull("pre_tokenizer");
            model(json).put("unk_token", "<none>");
        });
        refused("post_processor of type Roberta", json -> json.putObject("post_processor").put("type", "Roberta"));
        refused("added_tokens[0]", json -> json.putArray("added_tokens").add("x"));
        refused("added_tokens[0].content", json -> json.putArray("added_tokens").addObject().put("id", 600));
        refused("added_tokens[0].id", json -> json.putArray("added_tokens").addObject().put("content", "x"));
        refused("next free id is 600", json -> json.putArray("added_tokens").addObject().put("content", "<x>").put("id", 900));
        refused("model.vocab says", json -> json.putArray("added_tokens").addObject().put("content", "x").put("id", 600));
        refused("two added tokens", json -> {
            json.putArray("added_tokens").addObject().put("content", "<x>").put("id", 600);
            ((ArrayNode) json.get("added_tokens")).addObject().put("content", "<y>").put("id", 600);
        });
        refused("lstrip", json -> ((ObjectNode) json.get("added_tokens").get(0)).put("lstrip", 1));
    }

    @Test
    void filesThatAreNoTokenizer() throws Exception {
        Path file = folder.resolve("tokenizer.json");
        assertTrue(assertThrows(InputException.class, () -> Tokenizer.load(folder)).getMessage().contains("no such file"));
        for (String content : List.of("", "[]", "{\"model\":", "null", "{} {}")) {
            Files.writeString(file, content);
            String message = assertThrows(InputException.class, () -> Tokenizer.load(file), content).getMessage();
            assertTrue(message.startsWith(file.toString()), message);
        }
        Files.write(file, new byte[] {'"', (byte) 0xFF, '"'});
        assertTrue(assertThrows(InputException.class, () -> Tokenizer.load(file)).getMessage().contains("UTF-8"));
    }
}
