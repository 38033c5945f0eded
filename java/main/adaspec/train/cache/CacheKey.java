package adaspec.train.cache;

import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.tensor.DType;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What a cache was made from. Equal keys give equal numbers, up to the rounding that another size of batches brings.
 *
 * @param precision  of the run: F32 or BF16; hidden states are kept in it
 * @param channels   C of the target
 * @param target     SHA-256 of the target's files by their names
 * @param tokenizer  SHA-256 of its tokenizer.json
 * @param data       the training samples
 */
public record CacheKey(DType precision, int channels, SortedMap<String, String> target, String tokenizer, Data data) {
    /**
     * Training samples.
     *
     * @param fingerprint of ids and masks in their order
     * @param samples     how many
     * @param answerRows  of all samples
     * @param maxLength   tokens that samples were cut at
     */
    public record Data(String fingerprint, int samples, long answerRows, int maxLength) {
        @Override
        public String toString() {
            return String.format(Locale.ROOT, "%,d samples cut at %,d tokens with %,d answer tokens", samples, maxLength, answerRows);
        }
    }

    public CacheKey {
        target = new TreeMap<>(target);
    }

    /** This key with another precision. */
    public CacheKey in(DType other) {
        return new CacheKey(other, channels, target, tokenizer, data);
    }

    /** Bytes of all hidden states, and with {@code reference} of the KL of one. */
    public long bytes(boolean reference) {
        return data.answerRows * ((long) channels * precision.bytes() + (reference ? DType.F32.bytes() : 0));
    }

    /** {@link #bytes} in words: {@code 12.3 MB for 41,000 answer tokens}. */
    public String size(boolean reference) {
        return String.format(Locale.ROOT, "%s for %,d answer tokens", Room.text(bytes(reference)), data.answerRows);
    }

    /** In words, what {@code wanted} has otherwise than this, the key of a cache; empty if nothing. */
    List<String> differencesTo(CacheKey wanted) {
        List<String> differences = new ArrayList<>();
        if (!target.equals(wanted.target)) {
            var names = new TreeSet<>(target.keySet());
            names.addAll(wanted.target.keySet());
            names.removeIf(name -> target.getOrDefault(name, "").equals(wanted.target.get(name)));
            differences.add("another target (its " + String.join(" and ", names) + (names.size() == 1 ? " has" : " have") + " another SHA-256)");
        }
        if (!tokenizer.equals(wanted.tokenizer)) {
            differences.add("another tokenizer (its tokenizer.json has another SHA-256)");
        }
        if (!data.fingerprint.equals(wanted.data.fingerprint)) {
            boolean alike = data.samples == wanted.data.samples && data.answerRows == wanted.data.answerRows && data.maxLength == wanted.data.maxLength;
            differences.add("other training data (" + data + (alike ? ", but others than here)" : "; here " + wanted.data + ")"));
        }
        if (precision != wanted.precision) {
            differences.add("another precision (" + precision.torchName() + "; here " + wanted.precision.torchName() + ")");
        }
        return differences;
    }

    ObjectNode toJson() {
        ObjectNode node = Json.MAPPER.createObjectNode();
        node.put("precision", precision.torchName());
        node.put("channels", channels);
        ObjectNode files = node.putObject("target_sha256");
        target.forEach(files::put);
        node.put("tokenizer_sha256", tokenizer);
        ObjectNode samples = node.putObject("data");
        samples.put("sha256", data.fingerprint).put("samples", data.samples).put("answer_tokens", data.answerRows);
        samples.put("model_max_length", data.maxLength);
        return node;
    }

    /** @param where begins the sentence of an error */
    static CacheKey fromJson(JsonNode node, String where) {
        JsonNode data = node.path("data");
        SortedMap<String, String> files = new TreeMap<>();
        node.path("target_sha256").properties().forEach(file -> files.put(file.getKey(), file.getValue().asText()));
        boolean sound = node.path("precision").isTextual()
                && node.path("channels").asInt() > 0
                && !files.isEmpty()
                && node.path("tokenizer_sha256").isTextual()
                && data.path("sha256").isTextual()
                && data.path("samples").asInt() > 0
                && data.path("answer_tokens").asLong() > 0;
        if (!sound) {
            throw new InputException(where + " is not the manifest of a teacher cache; clear the folder away and build the cache again");
        }
        return new CacheKey(
                DType.ofTorchName(node.path("precision").asText(), where),
                node.path("channels").asInt(),
                files,
                node.path("tokenizer_sha256").asText(),
                new Data(
                        data.path("sha256").asText(),
                        data.path("samples").asInt(),
                        data.path("answer_tokens").asLong(),
                        data.path("model_max_length").asInt()));
    }
}
