package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.decode.Sampling;
import adaspec.tensor.DType;
import adaspec.tensor.Safetensors;
import adaspec.tensor.Tensor;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two models of one tokenizer decode together whatever their padding is; two tokenizers do not. */
class VocabulariesTest {
    @TempDir
    Path folder;

    private Path target;
    private Path draft;

    @BeforeEach
    void writeModels() {
        target = ModelDirectories.write(folder.resolve("target"), 2, 1, DType.F32);
        draft = ModelDirectories.write(folder.resolve("draft"), 1, 2, DType.F32);
    }

    /** Gives embedding and head {@code rows} rows. Those beyond the tokenizer's ids are ten times those of tokens: the likeliest, if they counted. */
    private static void pad(Path model, int rows) throws IOException {
        Path file = model.resolve("model.safetensors");
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        try (var stored = Safetensors.open(file)) {
            stored.tensors().forEach((name, tensor) -> {
                Tensor copy = Tensor.ofFloats(tensor.toFloats(), tensor.shape());
                if (tensor.rank() == 2 && tensor.rows() == ModelDirectories.VOCABULARY) {
                    copy = Tensor.ofFloats(new float[(int) (rows * tensor.columns())], rows, tensor.columns());
                    for (int row = 0; row < rows; row++) {
                        for (int c = 0; c < tensor.columns(); c++) {
                            copy.set(row, c, row < ModelDirectories.TOKENS ? tensor.get(row, c) : 10 * tensor.get(row % 5, c));
                        }
                    }
                }
                tensors.put(name, copy);
            });
        }
        Safetensors.write(file, tensors, Map.of());
        ObjectNode config = (ObjectNode) Json.readFile(model.resolve("config.json"));
        Files.writeString(model.resolve("config.json"), config.put("vocab_size", rows).toString());
    }

    @Test
    void paddingOfAnySizeIsNeverDraftedAndNeverEmitted() throws IOException {
        int[] prompt = {72, 101, 108, 108, 111};
        GenerationSettings greedy = GenerationSettings.of(Sampling.greedy(60));
        GenerationSettings warm = GenerationSettings.of(new Sampling(60, 1.5, 7));
        int[] greedyIds;
        int[] warmIds;
        try (Engine engine = Engine.open(target, null)) {
            greedyIds = engine.generate(prompt, greedy, id -> {}).ids();
            warmIds = engine.generate(prompt, warm, id -> {}).ids();
        }
        int[][] sizes = {{260, 257}, {257, 300}, {320, 257}, {261, 1000}};
        for (int[] size : sizes) {
            pad(target, size[0]);
            pad(draft, size[1]);
            try (Engine engine = Engine.open(target, draft)) {
                assertArrayEquals(greedyIds, engine.generate(prompt, greedy, id -> {}).ids(), "heads of " + size[0] + " and " + size[1]);
                for (int id : engine.generate(prompt, warm, id -> {}).ids()) {
                    assertTrue(id < ModelDirectories.TOKENS, id + " is padding");
                }
            }
            try (Engine engine = Engine.open(target, null)) {
                assertArrayEquals(warmIds, engine.generate(prompt, warm, id -> {}).ids(), "a head of " + size[0]);
            }
            writeModels();
        }
    }

    /** The tokenizer may be beside either of the two. */
    @Test
    void theDraftsTokenizerSaysWhatIsPaddingWhereTheTargetHasNone() throws IOException {
        pad(target, 300);
        Files.delete(target.resolve("tokenizer.json"));
        try (Engine engine = Engine.open(target, draft)) {
            for (int id : engine.generate(new int[] {72}, GenerationSettings.of(Sampling.greedy(60)), id -> {}).ids()) {
                assertTrue(id < ModelDirectories.TOKENS, id + " is padding");
            }
        }
    }

    private String refusal(Consumer<ObjectNode> ofTarget, Consumer<ObjectNode> ofDraft) throws IOException {
        ObjectNode first = ModelDirectories.tokenizer();
        ObjectNode second = ModelDirectories.tokenizer();
        for (ObjectNode tokenizer : new ObjectNode[] {first, second}) {
            ((ObjectNode) tokenizer.get("model").get("vocab")).put("<|endoftext|>", 256);
        }
        ofTarget.accept(first);
        ofDraft.accept(second);
        Files.writeString(target.resolve("tokenizer.json"), first.toString());
        Files.writeString(draft.resolve("tokenizer.json"), second.toString());
        String sentence = assertThrows(InputException.class, () -> Engine.open(target, draft).close()).getMessage();
        assertTrue(sentence.startsWith(target + " and " + draft + " do not share a vocabulary: "), sentence);
        assertTrue(sentence.endsWith("; models with the same tokenizer were expected"), sentence);
        return sentence;
    }

    private static void addToken(ObjectNode tokenizer, int id, String content) {
        ((ArrayNode) tokenizer.get("added_tokens")).addObject().put("id", id).put("content", content).put("special", true);
    }

    private static void merge(ObjectNode tokenizer, String first, String second, int id) {
        ObjectNode model = (ObjectNode) tokenizer.get("model");
        ((ObjectNode) model.get("vocab")).put(first + second, id);
        ((ArrayNode) model.get("merges")).add(first + " " + second);
    }

    @Test
    void differentTokensAreNamed() throws IOException {
        String swapped = refusal(json -> {}, json -> ((ObjectNode) json.get("model").get("vocab")).put("b", 97).put("a", 98));
        String words = "token 97 is 'a' in " + target.resolve("tokenizer.json") + " but 'b' in " + draft.resolve("tokenizer.json");
        assertTrue(swapped.contains(words), swapped);
        String added = refusal(json -> addToken(json, 257, "<pad>"), json -> addToken(json, 257, "<mask>"));
        assertTrue(added.contains("token 257 is '<pad>' in " + target.resolve("tokenizer.json") + " but '<mask>' in "), added);
        String more = refusal(json -> {}, json -> addToken(json, 257, "<pad>"));
        assertTrue(more.contains("token 257 is missing in " + target.resolve("tokenizer.json") + " but '<pad>' in "), more);
    }

    /** The tokens are equal; "jqz" is jq + z under one and j + qz under the other. A pair may be spelled in two ways. */
    @Test
    void differentMergesOfEqualTokensAreNamed() throws IOException {
        Consumer<ObjectNode> left = json -> {
            merge(json, "j", "q", 257);
            merge(json, "q", "z", 258);
        };
        Consumer<ObjectNode> right = json -> {
            left.accept(json);
            ArrayNode merges = (ArrayNode) json.get("model").get("merges");
            merges.removeAll().add("q z").addArray().add("j").add("q");
        };
        String sentence = refusal(left, right);
        assertTrue(sentence.contains("merge 0 is 'j q' in " + target.resolve("tokenizer.json") + " and 'q z' in " + draft.resolve("tokenizer.json")));
        assertTrue(refusal(left, json -> merge(json, "j", "q", 258)).contains("token 257 is 'jq' in "));
    }

    @Test
    void differentNormalizersOfEqualTokensAreFound() throws IOException {
        String sentence = refusal(json -> {}, json -> json.putObject("normalizer").put("type", "NFC"));
        assertTrue(sentence.contains("text is cut differently: " + target.resolve("tokenizer.json") + " gives "), sentence);
        String digits = refusal(
                json -> merge(json, "1", "2", 257),
                json -> {
                    merge(json, "1", "2", 257);
                    ObjectNode byteLevel = (ObjectNode) json.remove("pre_tokenizer");
                    ArrayNode steps = json.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
                    steps.addObject().put("type", "Digits").put("individual_digits", true);
                    steps.add(byteLevel);
                });
        assertTrue(digits.contains("gives 257 '12'"), digits);
        assertTrue(digits.contains("gives 49 '1', 50 '2'"), digits);
    }

    /** Byte for byte different files of one tokenizer are one tokenizer. */
    @Test
    void anotherSpellingOfTheFileIsTheSameTokenizer() throws IOException {
        Files.writeString(draft.resolve("tokenizer.json"), ModelDirectories.tokenizer().put("version", "2.0").toPrettyString());
        try (Engine engine = Engine.open(target, draft)) {
            assertEquals(3, engine.generate(new int[] {72}, GenerationSettings.of(Sampling.greedy(3)), id -> {}).ids().length);
        }
    }
}
