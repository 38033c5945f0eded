package adaspec.engine;

import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.device.Device;
import adaspec.model.Architecture;
import adaspec.model.Model;
import adaspec.model.Weights;
import adaspec.tensor.DType;
import adaspec.text.Tokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/** Makes new models with random weights. */
public final class ModelInitializer {
    /** 256 TiB: what an address of 48 bits can reach. */
    private static final double MOST_BYTES = 0x1p48;

    private ModelInitializer() {}

    /**
     * Writes a new model to {@code output}, which must be absent or empty: matrices from normal(0, initializer_range), norm gains 1, biases 0, in the
     * type that the config names (absent: f32), and the tokenizer's files byte for byte.
     *
     * @param tokenizer a folder with tokenizer.json
     * @return how many parameters it has
     */
    public static long initialize(Path config, Path tokenizer, Path output, long seed) {
        JsonNode node = Json.readFile(config);
        if (!(node instanceof ObjectNode object)) {
            throw new InputException(config + " is not a JSON object; a config.json was expected");
        }
        Architecture architecture = Model.architectureOf(object, config.toString());
        DType type = typeOf(object, config);
        if (!Files.isDirectory(tokenizer)) {
            throw new InputException("--tokenizer " + tokenizer + " is not a folder; a folder with tokenizer.json was expected");
        }
        int tokens = Tokenizer.load(tokenizer).size();
        if (tokens > architecture.vocabSize()) {
            throw new InputException("the tokenizer in " + tokenizer + " has " + tokens + " tokens, but \"vocab_size\" in " + config + " is "
                    + architecture.vocabSize() + "; a vocab_size of at least " + tokens + " was expected");
        }
        requirePossible(architecture, config);
        RunDirectory.requireEmpty(output);
        boolean isNew = !Files.exists(output);
        try (Device host = Device.open("reference", 1);
                var memory = host.newAllocator()) {
            Weights weights = Weights.zeros(architecture, memory);
            weights.initialize(seed);
            Model.copyTokenizer(tokenizer, output);
            Model.save(output, object, weights, type, null);
        } catch (RuntimeException | Error e) {
            clear(output, isNew);
            throw e;
        }
        return architecture.parameterCount();
    }

    private static void requirePossible(Architecture architecture, Path config) {
        // In double, which does not overflow: the extents of a config may be anything.
        double elements = 0;
        for (Architecture.Parameter parameter : architecture.parameters()) {
            elements += Arrays.stream(parameter.shape()).asDoubleStream().reduce(1, (a, b) -> a * b);
        }
        double bytes = elements * DType.F32.bytes();
        if (bytes > MOST_BYTES) {
            throw new InputException(String.format(
                    Locale.ROOT, "%s describes a model of %.0f GB in f32, more than any machine holds; check its sizes", config, bytes / 1e9));
        }
    }

    /** Removes what a failed attempt wrote to a folder that was absent or empty, so that the next attempt finds it as this one did. */
    private static void clear(Path output, boolean isNew) {
        try {
            if (Files.isDirectory(output)) {
                try (DirectoryStream<Path> content = Files.newDirectoryStream(output)) {
                    for (Path file : content) {
                        Files.delete(file);
                    }
                }
                if (isNew) {
                    Files.delete(output);
                }
            }
        } catch (IOException ignored) {
            // The first failure is the one worth telling.
        }
    }

    private static DType typeOf(ObjectNode config, Path file) {
        for (String key : new String[] {"dtype", "torch_dtype"}) {
            JsonNode value = config.path(key);
            if (!value.isMissingNode() && !value.isNull()) {
                if (!value.isTextual()) {
                    throw new InputException(file + ": \"" + key + "\" is " + value + "; float32, bfloat16 or float16 was expected");
                }
                return DType.ofTorchName(value.asText(), file + ": \"" + key + "\"");
            }
        }
        return DType.F32;
    }
}
