package adaspec.train.cache;

import adaspec.common.Json;
import adaspec.common.Sha256;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What the reference's KL depends on besides the cache's own key.
 *
 * @param files      SHA-256 of the reference's files by their names
 * @param vocabulary ids that the laws are compared over
 */
public record ReferenceKey(SortedMap<String, String> files, int vocabulary) {
    private static final int NAME_DIGITS = 16;

    public ReferenceKey {
        files = new TreeMap<>(files);
    }

    /** Short and different for different references. */
    String name() {
        return Sha256.ofText(toJson().toString()).substring(0, NAME_DIGITS);
    }

    ObjectNode toJson() {
        ObjectNode node = Json.MAPPER.createObjectNode();
        ObjectNode hashes = node.putObject("reference_sha256");
        files.forEach(hashes::put);
        return node.put("vocabulary", vocabulary);
    }
}
