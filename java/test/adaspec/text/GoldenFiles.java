package adaspec.text;

import adaspec.common.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.function.IntPredicate;

/** What {@code java/golden/text/tokenizer_golden.py} wrote. */
final class GoldenFiles {
    static final Path FOLDER = Path.of("java", "golden", "text");

    private GoldenFiles() {}

    static JsonNode read(String name) {
        return Json.readFile(FOLDER.resolve(name));
    }

    static Tokenizer small() {
        return Tokenizer.load(FOLDER.resolve("small.tokenizer.json"));
    }

    /** A copy of the small tokenizer's JSON to be changed. */
    static ObjectNode smallJson() {
        return (ObjectNode) read("small.tokenizer.json");
    }

    /** Writes {@code json} as a tokenizer into {@code folder}. */
    static Path write(Path folder, JsonNode json) throws IOException {
        Path file = folder.resolve("tokenizer.json");
        Files.write(file, Json.MAPPER.writeValueAsBytes(json));
        return file;
    }

    /** The scripts' {@code patched}: top-level keys are replaced, "model" is merged into, "cut" drops tokens with these characters and renumbers. */
    static ObjectNode patched(ObjectNode tokenizer, JsonNode patch) {
        patch.properties().forEach(entry -> {
            switch (entry.getKey()) {
                case "model" -> entry.getValue().properties().forEach(e -> {
                    if (!e.getValue().isNull() || e.getKey().equals("unk_token")) {
                        ((ObjectNode) tokenizer.get("model")).set(e.getKey(), e.getValue());
                    }
                });
                case "cut" -> cut((ObjectNode) tokenizer.get("model"), entry.getValue().asText());
                default -> tokenizer.set(entry.getKey(), entry.getValue());
            }
        });
        return tokenizer;
    }

    private static void cut(ObjectNode model, String characters) {
        IntPredicate dropped = c -> characters.indexOf(c) >= 0;
        ObjectNode vocabulary = model.objectNode();
        model.get("vocab").properties().stream()
                .filter(e -> e.getKey().chars().noneMatch(dropped))
                .sorted(java.util.Comparator.comparingInt(e -> e.getValue().intValue()))
                .forEach(e -> vocabulary.put(e.getKey(), vocabulary.size()));
        ArrayNode merges = model.arrayNode();
        for (JsonNode merge : model.get("merges")) {
            String joined = merge.isTextual() ? merge.asText() : merge.get(0).asText() + merge.get(1).asText();
            if (joined.chars().noneMatch(dropped)) {
                merges.add(merge);
            }
        }
        model.set("vocab", vocabulary);
        model.set("merges", merges);
    }

    static int[] ints(JsonNode list) {
        int[] values = new int[list.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = list.get(i).intValue();
        }
        return values;
    }

    /** SHA-256 over little-endian int32 values, fed piece by piece. */
    static final class Hash {
        private final MessageDigest sha;

        Hash() {
            try {
                sha = MessageDigest.getInstance("SHA-256");
            } catch (NoSuchAlgorithmException e) {
                throw new AssertionError(e);
            }
        }

        Hash add(int... values) {
            ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asIntBuffer().put(values);
            sha.update(bytes);
            return this;
        }

        String hex() {
            return HexFormat.of().formatHex(sha.digest());
        }
    }
}
