package adaspec.model;

import adaspec.common.InputException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** Typed reads of config.json, with errors that name the file, the key, the value and what was expected. */
final class ConfigReader {
    private final JsonNode root;
    private final String where;

    ConfigReader(JsonNode root, String where) {
        this.root = root;
        this.where = where;
    }

    String where() {
        return where;
    }

    /** The object at {@code key} as a reader of its own, or null if absent or null. */
    ConfigReader object(String key) {
        JsonNode node = root.path(key);
        if (node.isMissingNode() || node.isNull()) {
            return null;
        }
        if (!node.isObject()) {
            throw wrong(key, "an object");
        }
        return new ConfigReader(node, where + ", " + key);
    }

    boolean has(String key) {
        return !root.path(key).isMissingNode() && !root.path(key).isNull();
    }

    /** A positive integer that must be there. */
    int positive(String key, long most) {
        JsonNode node = root.path(key);
        if (!node.isIntegralNumber() || node.asLong() < 1 || node.asLong() > most || !node.canConvertToLong()) {
            throw wrong(key, "a whole number from 1 to " + most);
        }
        return node.asInt();
    }

    int positive(String key, long most, int absent) {
        return has(key) ? positive(key, most) : absent;
    }

    double number(String key, double least, double most, double absent) {
        if (!has(key)) {
            return absent;
        }
        JsonNode node = root.path(key);
        if (!node.isNumber() || !(node.asDouble() >= least && node.asDouble() <= most)) {
            throw wrong(key, "a number from " + least + " to " + most);
        }
        return node.asDouble();
    }

    boolean flag(String key, boolean absent) {
        if (!has(key)) {
            return absent;
        }
        if (!root.path(key).isBoolean()) {
            throw wrong(key, "true or false");
        }
        return root.path(key).asBoolean();
    }

    String text(String key, String absent) {
        if (!has(key)) {
            return absent;
        }
        if (!root.path(key).isTextual()) {
            throw wrong(key, "a string");
        }
        return root.path(key).asText();
    }

    /** The strings of an array; none where it is absent. */
    List<String> texts(String key) {
        List<String> texts = new ArrayList<>();
        JsonNode node = root.path(key);
        if (has(key) && !node.isArray()) {
            throw wrong(key, "an array of strings");
        }
        for (JsonNode element : node) {
            if (!element.isTextual()) {
                throw wrong(key, "an array of strings");
            }
            texts.add(element.asText());
        }
        return texts;
    }

    InputException wrong(String key, String expected) {
        JsonNode node = root.path(key);
        String value = node.isMissingNode() ? "is missing" : "is " + InputException.excerpt(node);
        return new InputException(where + ": \"" + key + "\" " + value + "; " + expected + " was expected");
    }
}
