package adaspec.model;

import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.common.Sha256;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SortedMap;
import java.util.TreeMap;

/** The files of a model directory that decide what the model computes. */
public final class ModelFiles {
    private ModelFiles() {}

    /** The SHA-256 of config.json and of the weights (shards with their index), by file name. */
    public static SortedMap<String, String> hashes(Path directory) {
        SortedMap<String, String> hashes = new TreeMap<>();
        add(hashes, directory, "config.json");
        if (Files.exists(directory.resolve("model.safetensors"))) {
            add(hashes, directory, "model.safetensors");
        } else {
            String index = "model.safetensors.index.json";
            add(hashes, directory, index);
            Json.readFile(directory.resolve(index)).path("weight_map").forEach(shard -> add(hashes, directory, shard.asText()));
        }
        return hashes;
    }

    private static void add(SortedMap<String, String> hashes, Path directory, String name) {
        Path file = directory.resolve(name);
        if (!Files.isRegularFile(file)) {
            throw new InputException("there is no " + file + "; a model directory with config.json and its weights was expected");
        }
        hashes.computeIfAbsent(name, n -> Sha256.ofFile(file));
    }
}
