package adaspec.text;

import adaspec.common.InputException;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A {@code tokenizer.json} in hand: its parts with the sentences that name the file and the part where one is not as it must be. */
record TokenizerFile(Path path) {
    /** Reads one element of a list of parts. */
    @FunctionalInterface
    interface Element {
        void read(JsonNode node, String where);
    }

    static boolean absent(JsonNode node) {
        return node == null || node.isNull() || node.isMissingNode();
    }

    InputException bad(String what) {
        return new InputException(path + " " + what);
    }

    JsonNode object(JsonNode node, String where) {
        if (node == null || !node.isObject()) {
            throw bad("has no object as " + where);
        }
        return node;
    }

    JsonNode array(JsonNode node, String where) {
        if (node == null || !node.isArray()) {
            throw bad("has no list as " + where);
        }
        return node;
    }

    /** Every element of the list {@code node[key]}. */
    void each(JsonNode node, String key, String where, Element element) {
        JsonNode list = array(node.get(key), where + "." + key);
        for (int i = 0; i < list.size(); i++) {
            element.read(list.get(i), where + "." + key + "[" + i + "]");
        }
    }

    <T> List<T> list(JsonNode node, String key, String where, java.util.function.BiFunction<JsonNode, String, T> element) {
        List<T> values = new ArrayList<>();
        each(node, key, where, (child, place) -> values.add(element.apply(child, place)));
        return values;
    }

    String type(JsonNode node, String where) {
        JsonNode type = object(node, where).get("type");
        if (type == null || !type.isTextual()) {
            throw bad("has no type in " + where);
        }
        return type.asText();
    }

    String text(JsonNode node, String key, String where) {
        JsonNode value = node.get(key);
        if (value == null || !value.isTextual()) {
            throw bad("has " + InputException.excerpt(value) + " as " + where + "." + key + "; a text was expected");
        }
        if (!value.asText().isEmpty()) {
            requireValid(value.asText(), where + "." + key);
        }
        return value.asText();
    }

    /** A text of one character. */
    String character(JsonNode node, String key, String where) {
        String value = text(node, key, where);
        if (value.codePointCount(0, value.length()) != 1) {
            throw bad("has " + InputException.excerpt(node.get(key)) + " as " + where + "." + key + "; one character was expected");
        }
        return value;
    }

    boolean flag(JsonNode node, String key, boolean absent, String where) {
        JsonNode value = node.get(key);
        if (absent(value)) {
            return absent;
        }
        if (!value.isBoolean()) {
            throw bad("has " + InputException.excerpt(value) + " as " + where + "." + key + "; true or false was expected");
        }
        return value.booleanValue();
    }

    int count(JsonNode node, String key, String where) {
        JsonNode value = node.get(key);
        if (value == null || !value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 0) {
            throw bad("has " + InputException.excerpt(value) + " as " + where + "." + key + "; a whole number from 0 on was expected");
        }
        return value.intValue();
    }

    InputException unknown(JsonNode node, String where, String expected) {
        return bad("has a " + where + " of type " + (absent(node) ? "null" : node.path("type").asText())
                + ", which is not known here; known: " + expected);
    }

    /** What {@code Split} and {@code Replace} look for. */
    TextPattern pattern(JsonNode node, String where) {
        JsonNode pattern = object(node, where).path("pattern");
        JsonNode regex = pattern.path("Regex");
        JsonNode literal = pattern.path("String");
        if (regex.isTextual()) {
            WordPattern words = WordPattern.of(regex.asText());
            if (words != null) {
                return new TextPattern.Words(words);
            }
            try {
                return Regex.of(regex.asText());
            } catch (RegexException e) {
                throw bad("has a regular expression as " + where + ".pattern.Regex that " + e.getMessage() + ": " + InputException.excerpt(regex));
            }
        }
        if (!literal.isTextual() || literal.asText().isEmpty()) {
            throw bad("has no pattern as " + where + ".pattern; {\"String\": ...} or {\"Regex\": ...} was expected");
        }
        return new TextPattern.Literal(literal.asText());
    }

    /** Texts come from JSON, whose escapes can spell halves of characters. */
    void requireValid(String text, String where) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                if (Character.isLowSurrogate(text.charAt(i)) || i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1))) {
                    throw bad("has a lone surrogate in " + where + ", which is not valid Unicode");
                }
                i++;
            }
        }
    }
}
