package adaspec.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.InputException;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BpeTrainerTest {
    @TempDir
    Path folder;

    private static List<String> texts() {
        List<String> texts = new ArrayList<>();
        GoldenFiles.read("adversarial.json").get("texts").forEach(text -> texts.add(text.asText()));
        return texts;
    }

    private static TrainedBpe train(List<String> texts, int size) {
        BpeTrainer trainer = new BpeTrainer();
        texts.forEach(trainer::add);
        return trainer.train(size);
    }

    @Test
    void learnsWhatTheLibraryLearns() {
        JsonNode golden = GoldenFiles.read("trained.json");
        TrainedBpe trained = train(texts().stream().filter(text -> !text.contains(BpeTrainer.END_OF_TEXT)).toList(), 400);
        assertEquals(strings(golden.get("merges")), trained.merges());
        assertEquals(strings(golden.get("tokens")), trained.tokens());
    }

    private static List<String> strings(JsonNode list) {
        List<String> strings = new ArrayList<>();
        list.forEach(value -> strings.add(value.asText()));
        return strings;
    }

    /** The definition, pair counts taken anew for every merge. */
    @Test
    void learnsWhatCountingAnewLearns() {
        Random random = new Random(6);
        for (int n = 0; n < 20; n++) {
            List<String> texts = new ArrayList<>();
            for (int i = 0; i < 60; i++) {
                StringBuilder word = new StringBuilder();
                for (int k = random.nextInt(12); k >= 0; k--) {
                    word.append((char) ('a' + random.nextInt(2 + n % 3)));
                }
                texts.add(word.toString());
            }
            assertEquals(countingAnew(texts, 300), train(texts, 300).merges());
        }
    }

    private static List<String> countingAnew(List<String> texts, int size) {
        TrainedBpe none = train(texts, 257);
        Map<String, Integer> ids = new HashMap<>();
        none.tokens().forEach(token -> ids.put(token, ids.size()));
        List<List<String>> words = new ArrayList<>();
        texts.forEach(text -> words.add(new ArrayList<>(List.of(text.split("")))));
        List<String> merges = new ArrayList<>();
        while (ids.size() < size) {
            Map<List<String>, Integer> counts = new HashMap<>();
            for (List<String> word : words) {
                for (int i = 0; i + 1 < word.size(); i++) {
                    counts.merge(List.of(word.get(i), word.get(i + 1)), 1, Integer::sum);
                }
            }
            List<String> best = counts.keySet().stream().filter(pair -> counts.get(pair) >= 2).min((a, b) -> {
                int byCount = Integer.compare(counts.get(b), counts.get(a));
                int byLeft = Integer.compare(ids.get(a.get(0)), ids.get(b.get(0)));
                return byCount != 0 ? byCount : byLeft != 0 ? byLeft : Integer.compare(ids.get(a.get(1)), ids.get(b.get(1)));
            }).orElse(null);
            if (best == null) {
                break;
            }
            merges.add(best.get(0) + " " + best.get(1));
            ids.putIfAbsent(best.get(0) + best.get(1), ids.size());
            for (List<String> word : words) {
                for (int i = 0; i + 1 < word.size(); i++) {
                    if (word.get(i).equals(best.get(0)) && word.get(i + 1).equals(best.get(1))) {
                        word.set(i, best.get(0) + best.get(1));
                        word.remove(i + 1);
                    }
                }
            }
        }
        return merges;
    }

    @Test
    void theOrderOfTextsDoesNotMatter() {
        List<String> texts = texts();
        TrainedBpe trained = train(texts, 400);
        Collections.shuffle(texts, new Random(7));
        assertEquals(trained, train(texts, 400));
    }

    @Test
    void whatIsWrittenIsAWorkingTokenizer() {
        train(texts(), 400).write(folder);
        Tokenizer tokenizer = Tokenizer.load(folder);
        assertEquals(400, tokenizer.size());
        assertEquals(0, tokenizer.idOf("<|endoftext|>"));
        assertArrayEquals(new int[] {0}, tokenizer.specialIds());
        assertEquals(OptionalInt.of(0), tokenizer.endOfText());
        for (String text : texts()) {
            assertEquals(text, tokenizer.decode(tokenizer.encode(text, true).ids()));
        }
        int[] ids = tokenizer.encode("2024", true).ids();
        assertEquals(4, ids.length, "a token for each digit");
    }

    @Test
    void filesAreWholeTextsOrStringsOfJsonLines() throws Exception {
        Path text = Files.writeString(folder.resolve("a.txt"), "abab {\"x\": 1}");
        Path lines = Files.writeString(folder.resolve("b.jsonl"), "{\"q\":\"abab\",\"n\":5,\"list\":[\"<|endoftext|>x\",null]}\n");
        BpeTrainer trainer = new BpeTrainer();
        trainer.addFile(lines);
        assertEquals("5 characters, 2 different words", trainer.summary(), "keys, numbers and the end of text are not trained on");
        assertEquals(List.of("a b"), trainer.train(300).merges());
        trainer.addFile(text);
        assertEquals("18 characters, 7 different words", trainer.summary());
        assertEquals(258 + 1, trainer.train(300).tokens().size(), "ab and abab");
    }

    @Test
    void nonsenseIsRefused() throws Exception {
        BpeTrainer trainer = new BpeTrainer();
        assertTrue(assertThrows(InputException.class, () -> trainer.train(300)).getMessage().contains("no text"));
        trainer.add("abc");
        for (int size : new int[] {-1, 256, 1_000_001}) {
            assertTrue(assertThrows(InputException.class, () -> trainer.train(size)).getMessage().contains("a vocabulary of " + size));
        }
        assertEquals(257, trainer.train(257).tokens().size());
        Path file = folder.resolve("x.txt");
        assertTrue(assertThrows(InputException.class, () -> trainer.addFile(file)).getMessage().contains(file + ": there is no such file"));
        Files.write(file, new byte[] {(byte) 0xC0});
        assertTrue(assertThrows(InputException.class, () -> trainer.addFile(file)).getMessage().contains("UTF-8"));
    }
}
