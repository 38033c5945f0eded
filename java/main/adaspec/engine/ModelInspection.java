package adaspec.engine;

import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.model.Architecture;
import adaspec.model.ArchitectureText;
import adaspec.model.KvCache;
import adaspec.model.Model;
import adaspec.model.ModelFiles;
import adaspec.tensor.Safetensors;
import adaspec.tensor.Tensor;
import adaspec.text.Tokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;

/** A model directory in words and numbers: as much as can be read of it, and what the engine will refuse, and why. */
public final class ModelInspection {
    /** A safetensors file. */
    private record WeightFile(String name, long bytes, int tensors) {}

    private record EndToken(int id, String text) {}

    private final Path directory;
    private final Set<String> refused = new LinkedHashSet<>();
    private final List<WeightFile> files = new ArrayList<>();
    /** Bytes of the tensors of each type. */
    private final Map<String, Long> types = new TreeMap<>();
    private final List<EndToken> endTokens = new ArrayList<>();
    private Architecture architecture;
    private Tokenizer tokenizer;
    private String tokenizerKind;
    private long mappedBytes;
    private long copiedBytes;
    private long cacheBytes;

    private ModelInspection(Path directory) {
        this.directory = directory;
    }

    /**
     * Looks at everything in {@code directory} that the engine would read; all weights are read once.
     *
     * @throws InputException if there is no such directory; what is wrong inside is in {@link #refused}
     */
    public static ModelInspection of(Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new InputException("no model directory " + directory + "; a folder with config.json and model.safetensors was expected");
        }
        Model.requireReadable(directory);
        var inspection = new ModelInspection(directory);
        inspection.look();
        return inspection;
    }

    /** What the engine refuses of this directory: a sentence each; empty if it can be used. */
    public List<String> refused() {
        return List.copyOf(refused);
    }

    private void look() {
        Path config = directory.resolve("config.json");
        if (Files.exists(config)) {
            architecture = attempt(() -> Model.architectureOf(Json.readFile(config), config.toString()));
        }
        attempt(() -> weightFiles().stream().map(this::weightFile).toList());
        Path tokenizerFile = directory.resolve("tokenizer.json");
        if (Files.exists(tokenizerFile)) {
            tokenizer = attempt(() -> Tokenizer.load(directory));
            tokenizerKind = attempt(() -> kind(Json.readFile(tokenizerFile)));
        }
        attempt(this::open);
    }

    /** The answer, or null with a reason among {@link #refused}. */
    private <T> T attempt(Supplier<T> question) {
        try {
            return question.get();
        } catch (InputException e) {
            refused.add(e.getMessage());
            return null;
        }
    }

    /** The names that {@link Model#open} would open. */
    private Set<String> weightFiles() {
        Path index = directory.resolve("model.safetensors.index.json");
        Set<String> names = new LinkedHashSet<>();
        if (Files.exists(directory.resolve("model.safetensors"))) {
            names.add("model.safetensors");
        } else if (Files.exists(index)) {
            names.addAll(ModelFiles.shards(directory).values());
        }
        return names;
    }

    private WeightFile weightFile(String name) {
        try (Safetensors file = Safetensors.open(directory.resolve(name))) {
            for (Tensor tensor : file.tensors().values()) {
                types.merge(tensor.dtype().toString(), tensor.bytes(), Long::sum);
            }
            var found = new WeightFile(name, file.file().toFile().length(), file.tensors().size());
            files.add(found);
            return found;
        }
    }

    private String words(EndToken token) {
        boolean outside = architecture != null && token.id >= architecture.vocabSize();
        return token.id + (token.text == null ? "" : " " + token.text) + (outside ? " (outside the vocabulary: no text ends so)" : "");
    }

    private Model open() {
        try (Backend backend = Backend.open("reference", 1);
                var memory = backend.newAllocator();
                var cacheMemory = backend.newAllocator();
                Model model = Model.open(directory, null, memory)) {
            copiedBytes = backend.bytesHeld();
            mappedBytes = model.weights().bytes() - copiedBytes;
            cacheBytes = new KvCache(model.architecture(), 1, cacheMemory).bytes();
            for (int id : model.endTokens()) {
                String text = tokenizer == null || id >= tokenizer.size() ? null : tokenizer.tokenOf(id);
                endTokens.add(new EndToken(id, text));
            }
            if (tokenizer != null) {
                Vocabularies.shared(tokenizer, model);
            }
            return model;
        }
    }

    /** {@code BPE, normalizer NFC, pre-tokenizer ByteLevel}: the parts that tokenizer.json names. */
    private static String kind(JsonNode root) {
        List<String> words = new ArrayList<>();
        words.add(root.path("model").path("type").asText("BPE") + (root.path("model").path("byte_fallback").asBoolean() ? " with byte fallback" : ""));
        for (String part : List.of("normalizer", "pre_tokenizer", "post_processor")) {
            List<String> types = new ArrayList<>();
            collectTypes(root.path(part), types);
            if (!types.isEmpty()) {
                words.add(part.replace("_", "-") + " " + String.join(" + ", types));
            }
        }
        return String.join(", ", words);
    }

    private static void collectTypes(JsonNode part, List<String> types) {
        String type = part.path("type").asText("");
        if (!type.equals("Sequence")) {
            if (!type.isEmpty()) {
                types.add(type);
            }
            return;
        }
        for (String list : List.of("normalizers", "pretokenizers", "processors")) {
            part.path(list).forEach(inner -> collectTypes(inner, types));
        }
    }

    // ------------------------------------------------------------------------------------------------ telling

    /** A line for each thing: a word, then what is known. */
    public String render() {
        var text = new StringBuilder();
        line(text, "model", directory.toString());
        if (architecture != null) {
            line(text, "is", ArchitectureText.describe(architecture));
            line(text, "parameters", grouped(architecture.parameterCount()));
            line(text, "vocabulary", architecture.vocabSize() + " rows, the head " + (architecture.tiedHead() ? "is the embedding" : "has weights of its own"));
            line(text, "positions", Integer.toString(architecture.maxPositions()));
        }
        line(text, "tokenizer", tokenizerKind == null
                ? "none: ids can be continued, text cannot"
                : tokenizerKind + (tokenizer == null ? "" : ", " + tokenizer.size() + " tokens"));
        if (!endTokens.isEmpty()) {
            line(text, "ends with", String.join(", ", endTokens.stream().map(this::words).toList()));
        } else if (mappedBytes + copiedBytes > 0) {
            line(text, "ends with", "no end token: texts end at their limit");
        }
        files.forEach(file -> line(text, "file", file.name + ", " + file.tensors + " tensors, " + size(file.bytes)));
        types.forEach((type, bytes) -> line(text, "type", type + ", " + size(bytes)));
        if (mappedBytes + copiedBytes > 0) {
            line(text, "in memory", size(mappedBytes + copiedBytes) + " as the files have it: " + size(mappedBytes) + " mapped, " + size(copiedBytes)
                    + " converted");
            line(text, "cache", size(cacheBytes) + " a position, " + size(cacheBytes * architecture.maxPositions()) + " for all positions of a text");
        }
        refused.forEach(sentence -> line(text, "refused", sentence));
        if (refused.isEmpty()) {
            line(text, "usable", "yes");
        }
        return text.toString();
    }

    private static void line(StringBuilder text, String key, String words) {
        text.append(String.format(Locale.ROOT, "%-10s %s%n", key, words));
    }

    private static String grouped(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    private static String size(long bytes) {
        if (bytes < 1_000_000) {
            return String.format(Locale.ROOT, "%.1f kB", bytes / 1e3);
        }
        return bytes < 1_000_000_000 ? String.format(Locale.ROOT, "%.1f MB", bytes / 1e6) : String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
    }

    /** The same as data; what is not known is absent. */
    public ObjectNode toJson() {
        ObjectNode node = Json.MAPPER.createObjectNode();
        node.put("directory", directory.toString());
        node.put("usable", refused.isEmpty());
        refused.forEach(node.putArray("refused")::add);
        if (architecture != null) {
            node.put("model_type", architecture.family());
            node.put("description", ArchitectureText.describe(architecture));
            node.put("num_parameters", architecture.parameterCount());
            node.put("vocab_size", architecture.vocabSize());
            node.put("tie_word_embeddings", architecture.tiedHead());
            node.put("max_position_embeddings", architecture.maxPositions());
            node.put("hidden_size", architecture.hiddenSize());
            node.put("num_hidden_layers", architecture.layers());
            node.put("num_attention_heads", architecture.heads());
            node.put("num_key_value_heads", architecture.kvHeads());
            node.put("intermediate_size", architecture.intermediateSize());
        }
        if (tokenizerKind != null) {
            ObjectNode kind = node.putObject("tokenizer").put("kind", tokenizerKind);
            if (tokenizer != null) {
                kind.put("size", tokenizer.size());
            }
        }
        ArrayNode ends = node.putArray("end_tokens");
        endTokens.forEach(end -> ends.addObject().put("id", end.id).put("token", end.text));
        ArrayNode list = node.putArray("files");
        files.forEach(file -> list.addObject().put("name", file.name).put("bytes", file.bytes).put("tensors", file.tensors));
        ObjectNode bytes = node.putObject("type_bytes");
        types.forEach(bytes::put);
        node.put("disk_bytes", files.stream().mapToLong(WeightFile::bytes).sum());
        if (mappedBytes + copiedBytes > 0) {
            node.put("memory_bytes", mappedBytes + copiedBytes);
            node.put("cache_bytes_per_position", cacheBytes);
        }
        return node;
    }
}
