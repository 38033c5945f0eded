package adaspec.fuzz;

import adaspec.common.FlatYaml;
import adaspec.decode.Sampling;
import adaspec.engine.Backend;
import adaspec.engine.Engine;
import adaspec.engine.EngineOptions;
import adaspec.engine.GenerationSettings;
import adaspec.engine.ModelDirectories;
import adaspec.engine.Scoring;
import adaspec.tensor.DType;
import adaspec.tensor.Safetensors;
import adaspec.tensor.Tensor;
import adaspec.text.Dataset;
import adaspec.text.Prompt;
import adaspec.text.Tokenizer;
import adaspec.text.TokenizerComparison;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Stream;

/** Every kind of file that the engine reads from its user. */
final class Targets {
    private static final String LINE = "Ada counted 12 apples & naïve 😀\\n";

    private static final Path GOLDEN = Path.of(System.getProperty("basedir", ""), "java", "golden");

    /** Files that are used alone, or in a folder that is only read. */
    static final List<Target> FILES = List.of(
            new Target("safetensors", "model.safetensors", folder -> model(folder, "model.safetensors"), Mutations::safetensors, Targets::generate),
            new Target("index", "model.safetensors.index.json", Targets::shards, Mutations::json, Targets::generate),
            new Target("config", "config.json", folder -> model(folder, "config.json"), Mutations::json, Targets::generate),
            new Target(
                    "llama-safetensors", "model.safetensors", folder -> llama(folder, "model.safetensors"), Mutations::safetensors,
                    Targets::generate),
            new Target("llama-config", "config.json", folder -> llama(folder, "config.json"), Mutations::json, Targets::generate),
            new Target("generation-config", "generation_config.json", Targets::generationConfig, Mutations::json, Targets::generate),
            new Target("tokenizer", "tokenizer.json", Targets::tokenizers, Mutations::json, Targets::tokenize),
            new Target("sentencepiece", "tokenizer.json", Targets::sentencePiece, Mutations::json, Targets::tokenize),
            new Target("tokenizer-config", "tokenizer_config.json", Targets::tokenizerConfig, Mutations::json, Targets::tokenize),
            dataset("gsm8k", "question", "answer"),
            dataset("mbpp", "text", "code"),
            dataset("alpaca", "instruction", "input", "output"),
            dataset("prompt-completion", "prompt", "completion"),
            dataset("text", "text"),
            new Target("prompts", "lines.jsonl", folder -> lines(folder, "prompt"), Mutations::json, folder ->
                    Prompt.readFile(folder.resolve("lines.jsonl"), Tokenizer.load(folder))),
            new Target("token-ids", "ids.jsonl", Targets::tokenIds, Mutations::json, Targets::score),
            new Target("config-yaml", "config.yaml", Targets::yaml, Mutations::bytes, folder -> FlatYaml.read(folder.resolve("config.yaml"))));

    static final List<Target> ALL = Stream.of(FILES, FuzzedFolders.ALL).flatMap(List::stream).toList();

    private Targets() {}

    static Target named(String name) {
        Stream<Target> all = Stream.of(ALL, LargeFiles.ALL, Planted.ALL).flatMap(List::stream);
        return all.filter(target -> target.name().equals(name)).findFirst().orElseThrow();
    }

    // ------------------------------------------------------------------------------------------------ models

    private static List<byte[]> model(Path folder, String victim) throws IOException {
        ModelDirectories.write(folder, 2, 1, DType.F16);
        return List.of(Files.readAllBytes(folder.resolve(victim)));
    }

    private static List<byte[]> llama(Path folder, String victim) throws IOException {
        return Target.copied(GOLDEN.resolve("llama-grouped"), folder, victim);
    }

    private static List<byte[]> generationConfig(Path folder) throws IOException {
        model(folder, "config.json");
        return text(folder.resolve("generation_config.json"), "{\"eos_token_id\": [256, 3], \"do_sample\": false, \"top_k\": 50, \"top_p\": 1.0}");
    }

    private static List<byte[]> shards(Path folder) throws IOException {
        model(folder, "config.json");
        StringBuilder map = new StringBuilder();
        Path whole = folder.resolve("model.safetensors");
        try (var file = Safetensors.open(whole)) {
            List<Map<String, Tensor>> shards = List.of(new LinkedHashMap<>(), new LinkedHashMap<>());
            file.tensors().forEach((name, tensor) -> {
                int shard = map.length() / 40 % 2;
                shards.get(shard).put(name, tensor);
                map.append(map.isEmpty() ? "" : ",\n").append('"').append(name).append("\": \"shard-").append(shard).append(".safetensors\"");
            });
            for (int i = 0; i < shards.size(); i++) {
                Safetensors.write(folder.resolve("shard-" + i + ".safetensors"), shards.get(i), Map.of());
            }
        }
        Files.delete(whole);
        return text(folder.resolve("model.safetensors.index.json"), "{\"metadata\": {\"total_size\": 9}, \"weight_map\": {" + map + "}}");
    }

    private static void generate(Path folder) {
        var defaults = EngineOptions.defaults();
        try (Engine engine = Engine.open(folder, null, defaults)) {
            engine.generate(new int[] {7, 10}, GenerationSettings.of(Sampling.greedy(4)), id -> {});
        }
    }

    // ------------------------------------------------------------------------------------------------ tokenizers

    private static List<byte[]> tokenizers(Path folder) throws IOException {
        Files.createDirectories(folder);
        ObjectNode rich = ModelDirectories.tokenizer();
        ObjectNode vocabulary = (ObjectNode) rich.get("model").get("vocab");
        vocabulary.put("<|endoftext|>", 256);
        ArrayNode merges = (ArrayNode) rich.get("model").get("merges");
        for (String merge : new String[] {"h e", "l l", "he ll", "Ġ a", "1 2"}) {
            vocabulary.put(merge.replace(" ", ""), vocabulary.size());
            merges.add(merge);
        }
        merges.addArray().add("hell").add("o");
        vocabulary.put("hello", vocabulary.size());
        rich.putObject("normalizer").put("type", "NFC");
        ArrayNode steps = rich.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
        steps.addObject().put("type", "Digits").put("individual_digits", true);
        steps.addObject().put("type", "Split").put("behavior", "Isolated").put("invert", false).putObject("pattern").put("String", "ab");
        steps.addObject().put("type", "ByteLevel").put("add_prefix_space", true).put("use_regex", true);
        ObjectNode template = rich.putObject("post_processor").put("type", "TemplateProcessing");
        template.putArray("single").addObject().putObject("SpecialToken").put("id", "<|endoftext|>").put("type_id", 0);
        ((ArrayNode) template.get("single")).addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
        template.putObject("special_tokens").putObject("<|endoftext|>").put("id", "<|endoftext|>").putArray("ids").add(256);
        Files.writeString(folder.resolve("good.json"), ModelDirectories.tokenizer().toString());
        return List.of(
                ModelDirectories.tokenizer().toString().getBytes(StandardCharsets.UTF_8), rich.toPrettyString().getBytes(StandardCharsets.UTF_8));
    }

    private static List<byte[]> sentencePiece(Path folder) throws IOException {
        Files.createDirectories(folder);
        byte[] good = Files.readAllBytes(GOLDEN.resolve("text/sentencepiece.tokenizer.json"));
        Files.write(folder.resolve("good.json"), good);
        return List.of(good);
    }

    private static List<byte[]> tokenizerConfig(Path folder) throws IOException {
        Files.createDirectories(folder);
        text(folder.resolve("tokenizer.json"), ModelDirectories.tokenizer().toString());
        Files.copy(folder.resolve("tokenizer.json"), folder.resolve("good.json"));
        Path file = folder.resolve("tokenizer_config.json");
        List<byte[]> both = new ArrayList<>(text(file, "{\"eos_token\": \"<|endoftext|>\", \"model_max_length\": 96}"));
        both.addAll(text(file, "{\"eos_token\": {\"content\": \"<|endoftext|>\", \"lstrip\": false}}"));
        return both;
    }

    private static void tokenize(Path folder) {
        Tokenizer tokenizer = Tokenizer.load(folder);
        int[] ids = tokenizer.encode("hello hello 1212 ab\t <|endoftext|>naïve 😀\n", true).ids();
        tokenizer.decode(ids);
        tokenizer.fingerprint();
        TokenizerComparison.firstDifference(Tokenizer.load(folder.resolve("good.json")), tokenizer);
    }

    // ------------------------------------------------------------------------------------------------ lines

    private static Target dataset(String format, String... fields) {
        return new Target("dataset-" + format, "lines.jsonl", folder -> lines(folder, fields), Mutations::json, folder -> Dataset.read(
                List.of(folder.resolve("lines.jsonl")), null, Tokenizer.load(folder), OptionalInt.of(256), 400));
    }

    private static List<byte[]> lines(Path folder, String... fields) throws IOException {
        Files.createDirectories(folder);
        text(folder.resolve("tokenizer.json"), ModelDirectories.tokenizer().toString());
        StringBuilder lines = new StringBuilder();
        for (int line = 0; line < 4; line++) {
            String separator = "{";
            for (String field : fields) {
                lines.append(separator).append('"').append(field).append("\": \"").append(LINE).append("#### ").append(line).append('"');
                separator = ", ";
            }
            lines.append("}\n");
        }
        return text(folder.resolve("lines.jsonl"), lines.toString());
    }

    private static List<byte[]> tokenIds(Path folder) throws IOException {
        model(folder, "config.json");
        return text(folder.resolve("ids.jsonl"), "[72, 101, 108]\n[0]\n[255, 256, 259, 1]\n");
    }

    private static void score(Path folder) {
        try (Backend backend = Backend.open("cpu", 1)) {
            var request = new Scoring.Request(folder, folder.resolve("ids.jsonl"), null, DType.F32, 2);
            Scoring.run(request, backend, folder.resolve("scores.jsonl"), done -> {});
        }
    }

    private static List<byte[]> yaml(Path folder) throws IOException {
        Files.createDirectories(folder);
        return text(
                folder.resolve("config.yaml"), "# a run\ntarget: models/a\nk: 0.4\nmax-steps: 20\noverwrite: true\ntrain-file:\n- a.jsonl\n- 'b: c'\n");
    }

    private static List<byte[]> text(Path file, String text) throws IOException {
        Files.writeString(file, text);
        return List.of(text.getBytes(StandardCharsets.UTF_8));
    }
}
