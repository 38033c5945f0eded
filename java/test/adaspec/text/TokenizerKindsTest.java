package adaspec.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ids and decoded text of many kinds of tokenizers (Llama 2 and 3, Qwen, Gemma, DeepSeek, ...) equal to the tokenizers library's. */
class TokenizerKindsTest {
    private static final JsonNode GOLDEN = GoldenFiles.read("kinds.json");

    @Test
    void asTheLibrary(@TempDir Path folder) throws Exception {
        List<String> wrong = new ArrayList<>();
        int compared = 0;
        for (JsonNode kind : GOLDEN.get("kinds")) {
            String name = kind.get("name").asText();
            ObjectNode json = (ObjectNode) GoldenFiles.read(kind.get("base").asText() + ".tokenizer.json");
            Tokenizer tokenizer = Tokenizer.load(GoldenFiles.write(folder, GoldenFiles.patched(json, kind.get("patch"))));
            for (int i = 0; i < GOLDEN.get("texts").size(); i++) {
                if (kind.get("texts").get(i).isNull()) {
                    continue;
                }
                String text = GOLDEN.get("texts").get(i).asText();
                Encoding encoding = tokenizer.encode(text, true);
                compare(tokenizer, encoding.ids(), kind.get("texts").get(i), name + ", text '" + text + "'", wrong);
                compared++;
                for (int t = 0; t < encoding.length(); t++) {
                    assertTrue(encoding.starts()[t] >= 0 && encoding.starts()[t] <= encoding.ends()[t] && encoding.ends()[t] <= text.length());
                }
            }
            for (JsonNode pair : kind.get("random")) {
                compare(tokenizer, GoldenFiles.ints(pair.get(0)), pair.get(1), name + ", random ids", wrong);
                compared++;
            }
        }
        assertEquals("", String.join("\n", wrong.subList(0, Math.min(20, wrong.size()))), wrong.size() + " of " + compared + " differ");
        assertTrue(compared > 20_000, "only " + compared);
    }

    private static void compare(Tokenizer tokenizer, int[] ids, JsonNode expected, String place, List<String> wrong) {
        String text = tokenizer.decode(ids);
        String hash = new GoldenFiles.Hash().add(ids).add(-1).add(text.codePoints().toArray()).hex();
        if (!hash.startsWith(expected.asText())) {
            wrong.add(place + ": " + Arrays.toString(ids) + " is '" + text + "'");
        }
        TokenStream stream = tokenizer.stream();
        StringBuilder streamed = new StringBuilder();
        for (int id : ids) {
            String piece = stream.push(id);
            assertTrue(piece.isEmpty() || !Character.isHighSurrogate(piece.charAt(piece.length() - 1)), place);
            streamed.append(piece);
        }
        assertEquals(text, streamed.append(stream.flush()).toString(), place);
    }
}
