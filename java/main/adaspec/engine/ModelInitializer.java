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
import java.nio.file.Files;
import java.nio.file.Path;

/** Makes new models with random weights. */
public final class ModelInitializer {
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
        RunDirectory.requireEmpty(output);
        try (Device host = Device.open("reference", 1);
                var memory = host.newAllocator()) {
            Weights weights = Weights.zeros(architecture, memory);
            weights.initialize(seed);
            Model.copyTokenizer(tokenizer, output);
            Model.save(output, object, weights, type, null);
        }
        return architecture.parameterCount();
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
