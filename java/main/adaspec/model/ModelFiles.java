package adaspec.model;

import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.common.Sha256;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** The files of a model directory that decide what the model computes. */
public final class ModelFiles {
    static final String INDEX = "model.safetensors.index.json";

    private ModelFiles() {}

    /** The SHA-256 of config.json and of the weights (shards with their index), by file name. */
    public static SortedMap<String, String> hashes(Path directory) {
        SortedMap<String, String> hashes = new TreeMap<>();
        add(hashes, directory, "config.json");
        if (Files.exists(directory.resolve("model.safetensors"))) {
            add(hashes, directory, "model.safetensors");
        } else {
            add(hashes, directory, INDEX);
            shards(directory).values().forEach(shard -> add(hashes, directory, shard));
        }
        return hashes;
    }

    /**
     * Tensor -> the file that holds it, as model.safetensors.index.json says. A name cannot lead out of the folder: an index comes with a model from
     * somewhere else. (A link in the folder can, and is followed: caches of downloads are made of them, and no index makes one.)
     */
    public static Map<String, String> shards(Path directory) {
        Path index = directory.resolve(INDEX);
        JsonNode map = Json.readFile(index).path("weight_map");
        if (!map.isObject() || map.isEmpty()) {
            throw new InputException(index + " has no \"weight_map\" object; tensor names mapped to file names were expected");
        }
        Map<String, String> shards = new LinkedHashMap<>();
        map.properties().forEach(entry -> {
            String name = entry.getValue().asText();
            if (!entry.getValue().isTextual() || name.isEmpty() || name.contains("/") || name.contains("\\")) {
                throw new InputException(index + ": tensor " + entry.getKey() + " is said to be in "
                        + InputException.excerpt(entry.getValue()) + "; the name of a file in the same folder was expected");
            }
            shards.put(entry.getKey(), name);
        });
        return shards;
    }

    private static void add(SortedMap<String, String> hashes, Path directory, String name) {
        Path file = directory.resolve(name);
        if (!Files.isRegularFile(file)) {
            throw new InputException("there is no " + file + "; a model directory with config.json and its weights was expected");
        }
        hashes.computeIfAbsent(name, n -> Sha256.ofFile(file));
    }
}
