package adaspec.model;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.tensor.DType;
import adaspec.tensor.Safetensors;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * A model directory as Hugging Face has them, opened: config.json, model.safetensors (or shards with an index), generation_config.json.
 *
 * <p>The weights live until {@link #close}; those of the file's own type are views of the mapped file.
 */
public final class Model implements AutoCloseable {
    /** Files that belong to the tokenizer and travel with the model byte for byte. */
    public static final List<String> TOKENIZER_FILES = List.of(
            "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja");

    private final Path directory;
    private final ObjectNode config;
    private final Architecture architecture;
    private final Weights weights;
    private final DType fileType;
    private final List<Safetensors> files;

    private Model(Path directory, ObjectNode config, Architecture architecture, Weights weights, DType fileType, List<Safetensors> files) {
        this.directory = directory;
        this.config = config;
        this.architecture = architecture;
        this.weights = weights;
        this.fileType = fileType;
        this.files = files;
    }

    /**
     * Opens {@code directory}. All weights are read once, and are finite.
     *
     * @param wanted    the type matrices are wanted in; null keeps each as the file has it, without a copy
     * @param allocator holds converted matrices and the (always f32) vectors; must outlive the model
     * @throws InputException if a file is missing or damaged, or a weight is NaN or infinite; the sentence names the tensor
     */
    public static Model open(Path directory, DType wanted, Workspace.Allocator allocator) {
        if (!Files.isDirectory(directory)) {
            throw new InputException("no model directory " + directory + "; a folder with config.json and model.safetensors was expected");
        }
        ObjectNode config = readConfig(directory.resolve("config.json"));
        Architecture architecture = architectureOf(config, directory.resolve("config.json").toString());
        List<Safetensors> files = new ArrayList<>();
        try {
            Map<String, Safetensors> byName = openFiles(directory, files);
            files.forEach(file -> file.readBy(allocator));
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            DType fileType = null;
            Map<String, List<String>> names = family(architecture.family()).tensorNames(architecture);
            for (Architecture.Parameter parameter : architecture.parameters()) {
                Stored stored = find(byName, names.get(parameter.name()), parameter.shape());
                stored.file.requireFinite(stored.name);
                if (fileType == null) {
                    fileType = stored.tensor.dtype();
                }
                DType type = !parameter.isMatrix() ? DType.F32 : wanted == null ? stored.tensor.dtype() : wanted;
                tensors.put(parameter.name(), stored.as(type, allocator));
            }
            if (architecture.tiedHead()) {
                requireNoOtherHead(byName, names, architecture);
            }
            return new Model(directory, config, architecture, Weights.of(architecture, tensors), fileType, files);
        } catch (RuntimeException | Error e) {
            files.forEach(Safetensors::close);
            throw e;
        }
    }

    /** A parameter as a file has it. */
    private record Stored(Safetensors file, String name, Tensor tensor) {
        /** The tensor where it lies, if it has the type and native code can read it there; else a copy. */
        Tensor as(DType type, Workspace.Allocator allocator) {
            if (type == tensor.dtype() && Safetensors.isAligned(tensor)) {
                return tensor;
            }
            Tensor copy = Tensor.of(allocator.allocate(tensor.size() * type.bytes()), type, tensor.shape());
            file.read(name, copy);
            return copy;
        }
    }

    private static Map<String, Safetensors> openFiles(Path directory, List<Safetensors> files) {
        Path single = directory.resolve("model.safetensors");
        Path index = directory.resolve(ModelFiles.INDEX);
        Map<String, Safetensors> byName = new LinkedHashMap<>();
        if (Files.exists(single)) {
            Safetensors file = Safetensors.open(single);
            files.add(file);
            file.tensors().keySet().forEach(name -> byName.put(name, file));
            byName.put("", file);
            return byName;
        }
        if (!Files.exists(index)) {
            throw new InputException(directory + " has no model.safetensors (nor model.safetensors.index.json)");
        }
        Map<String, Safetensors> opened = new LinkedHashMap<>();
        ModelFiles.shards(directory).forEach((tensor, name) -> {
            Safetensors file = opened.computeIfAbsent(name, n -> {
                Safetensors shard = Safetensors.open(directory.resolve(n));
                files.add(shard);
                return shard;
            });
            byName.put(tensor, file);
        });
        byName.put("", files.getFirst());
        return byName;
    }

    /** The parameter under the first of its {@code names} that a file has. */
    private static Stored find(Map<String, Safetensors> byName, List<String> names, long[] shape) {
        String name = names.stream().filter(byName::containsKey).findFirst().orElse(names.getFirst());
        Safetensors file = byName.getOrDefault(name, byName.get(""));
        return new Stored(file, name, file.require(name, shape));
    }

    /** A folder that may not be looked into has no files, as far as Java can tell. */
    public static void requireReadable(Path directory) {
        if (Files.isDirectory(directory) && !Files.isExecutable(directory)) {
            throw new InputException("cannot read " + directory + ": permission denied");
        }
    }

    /** Where a file of a tied model has a head too, it must be the embedding: transformers 4 would compute with the one, transformers 5 with the other. */
    private static void requireNoOtherHead(Map<String, Safetensors> byName, Map<String, List<String>> names, Architecture architecture) {
        for (String name : names.get(Architecture.HEAD)) {
            if (byName.containsKey(name)) {
                long[] shape = {architecture.vocabSize(), architecture.hiddenSize()};
                Stored head = find(byName, List.of(name), shape);
                Stored embedding = find(byName, names.get(Architecture.EMBEDDING), shape);
                if (head.tensor.dtype() != embedding.tensor.dtype() || head.tensor.segment().mismatch(embedding.tensor.segment()) != -1) {
                    throw new InputException(head.file.file() + " has " + name + ", which differs from " + embedding.name
                            + ", and config.json says \"tie_word_embeddings\": true; set it to false to use both, or leave the tensor out");
                }
            }
        }
    }

    private static ObjectNode readConfig(Path file) {
        requireReadable(file.toAbsolutePath().getParent());
        if (!Files.exists(file)) {
            throw new InputException("there is no " + file + "; a model directory has a config.json");
        }
        return readObject(file);
    }

    private static ObjectNode readObject(Path file) {
        if (Json.readFile(file) instanceof ObjectNode object) {
            return object;
        }
        throw new InputException(file + " is not a JSON object");
    }

    /** The architecture that a config.json describes; {@code where} begins the sentence of an error. */
    public static Architecture architectureOf(JsonNode config, String where) {
        ConfigReader reader = new ConfigReader(config, where);
        String type = reader.text("model_type", null);
        if (type == null) {
            throw reader.wrong("model_type", "one of " + new TreeSet<>(Family.ALL.keySet()));
        }
        return family(type, where).architecture(reader);
    }

    private static Family family(String type) {
        return family(type, "config.json");
    }

    private static Family family(String type, String where) {
        Family family = Family.ALL.get(type);
        if (family == null) {
            throw new InputException(
                    where + ": the architecture \"" + type + "\" is unknown; this version knows " + new TreeSet<>(Family.ALL.keySet()));
        }
        return family;
    }

    public Path directory() {
        return directory;
    }

    /** config.json as it was read. */
    public ObjectNode config() {
        return config.deepCopy();
    }

    public Architecture architecture() {
        return architecture;
    }

    public Weights weights() {
        return weights;
    }

    /** The type the file stores its matrices in. */
    public DType fileType() {
        return fileType;
    }

    /** Fails if somebody has written to a file of the weights since the model was opened. Asks the system for some microseconds. */
    public void requireUnchanged() {
        files.forEach(Safetensors::requireUnchanged);
    }

    /** The ids that end a text: {@code eos_token_id} (a number or a list) of generation_config.json if present there, else of config.json. */
    public int[] endTokens() {
        Path generation = directory.resolve("generation_config.json");
        JsonNode node = Files.exists(generation) ? readObject(generation).path("eos_token_id") : MissingNode.getInstance();
        Path where = generation;
        if (node.isMissingNode() || node.isNull()) {
            node = config.path("eos_token_id");
            where = directory.resolve("config.json");
        }
        List<JsonNode> values = new ArrayList<>();
        if (node.isArray()) {
            node.forEach(values::add);
        } else if (!node.isMissingNode() && !node.isNull()) {
            values.add(node);
        }
        int[] ids = new int[values.size()];
        for (int i = 0; i < ids.length; i++) {
            JsonNode value = values.get(i);
            if (!value.isIntegralNumber() || !value.canConvertToInt() || value.asInt() < 0) {
                throw new InputException(where + ": \"eos_token_id\" is " + InputException.excerpt(node)
                        + "; a token id or a list of them was expected");
            }
            ids[i] = value.asInt();
        }
        return ids;
    }

    @Override
    public void close() {
        files.forEach(Safetensors::close);
    }

    // ------------------------------------------------------------------------------------------------ writing

    /**
     * Writes a model directory: model.safetensors with matrices and vectors of {@code type}, config.json that transformers 4 and 5 read, and from
     * {@code companions} (null: none) the generation config and the tokenizer's files, byte for byte. Each file is written beside its place and
     * renamed; config.json comes last, so a directory that has one is whole.
     */
    public static void save(Path directory, ObjectNode config, Weights weights, DType type, Path companions) {
        Architecture architecture = weights.architecture();
        Map<String, List<String>> names = family(architecture.family()).tensorNames(architecture);
        try (java.lang.foreign.Arena arena = java.lang.foreign.Arena.ofShared()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            weights.tensors().forEach((canonical, tensor) -> {
                Tensor stored = tensor;
                if (tensor.dtype() != type) {
                    stored = Tensor.of(arena.allocate(tensor.size() * type.bytes(), 64), type, tensor.shape()).copyFrom(tensor);
                }
                tensors.put(names.get(canonical).getFirst(), stored);
            });
            Safetensors.write(directory.resolve("model.safetensors"), tensors, Map.of("format", "pt"));
        }
        if (companions != null) {
            List<String> files = new ArrayList<>(TOKENIZER_FILES);
            files.add("generation_config.json");
            files.forEach(name -> copyIfPresent(companions.resolve(name), directory.resolve(name)));
        }
        ObjectNode written = config.deepCopy();
        written.put("torch_dtype", type.torchName());
        written.put("dtype", type.torchName());
        family(architecture.family()).complete(written, architecture);
        AtomicFile.writeString(directory.resolve("config.json"), written.toPrettyString() + "\n");
    }

    /** Copies the tokenizer's files that are in {@code from} to {@code to}, byte for byte. */
    public static void copyTokenizer(Path from, Path to) {
        TOKENIZER_FILES.forEach(name -> copyIfPresent(from.resolve(name), to.resolve(name)));
    }

    private static void copyIfPresent(Path from, Path to) {
        if (Files.isRegularFile(from)) {
            try {
                AtomicFile.writeBytes(to, Files.readAllBytes(from));
            } catch (IOException e) {
                throw new InputException("cannot read " + from + ": " + AtomicFile.reason(e), e);
            }
        }
    }
}
