package adaspec.cli;

import adaspec.common.InputException;
import adaspec.text.JsonLines;
import adaspec.text.Prompt;
import adaspec.text.Tokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A line of what {@code generate --output-json} writes.
 *
 * @param ids what came after the prompt, the end of text included
 */
record WrittenText(Prompt prompt, int[] ids) {
    static List<WrittenText> readFile(Path file, Tokenizer tokenizer) {
        List<WrittenText> texts = new ArrayList<>();
        JsonLines.read(file, JsonLines.Blank.SKIP, (json, line, where) -> {
            if (!json.path("prompt").isTextual() || !json.path("ids").isArray()) {
                throw new InputException("what generate --output-json writes was expected: an object with prompt and ids");
            }
            texts.add(new WrittenText(Prompt.of(json.get("prompt").asText(), tokenizer, file, line), ids(json.get("ids"), tokenizer.size())));
        });
        return texts;
    }

    private static int[] ids(JsonNode array, int vocabulary) {
        int[] ids = new int[array.size()];
        for (int i = 0; i < ids.length; i++) {
            if (!array.get(i).canConvertToInt() || array.get(i).asInt() < 0 || array.get(i).asInt() >= vocabulary) {
                throw new InputException("ids[" + i + "] is " + array.get(i) + ", but the tokenizer has the ids 0 to " + (vocabulary - 1));
            }
            ids[i] = array.get(i).asInt();
        }
        return ids;
    }
}
