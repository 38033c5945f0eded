package adaspec.text;

import adaspec.common.InputException;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads {@code pre_tokenizer} of a {@code tokenizer.json}: steps, of which the last is the byte level. */
final class PreTokenizerJson {
    private final Path file;
    private final List<PreTokenizer> steps = new ArrayList<>();
    private boolean byteLevel;
    private boolean prefixSpace;
    private WordPattern pattern;

    PreTokenizerJson(Path file, JsonNode node) {
        this.file = file;
        if (node == null || node.isNull()) {
            throw bad("has no pre_tokenizer; one that ends in ByteLevel was expected");
        }
        read(node, "pre_tokenizer");
        if (!byteLevel) {
            throw bad("has no ByteLevel at the end of its pre_tokenizer; only byte-level tokenizers are known");
        }
    }

    /** The steps before the byte level. */
    PreTokenizer steps() {
        return steps.size() == 1 ? steps.get(0) : new PreTokenizer.Sequence(List.copyOf(steps));
    }

    boolean prefixSpace() {
        return prefixSpace;
    }

    /** The byte level's own pattern; null if it does not cut. */
    WordPattern pattern() {
        return pattern;
    }

    private void read(JsonNode node, String where) {
        if (byteLevel) {
            throw bad("has " + where + " after ByteLevel; ByteLevel must be the last step");
        }
        switch (node.path("type").asText()) {
            case "ByteLevel" -> {
                byteLevel = true;
                prefixSpace = flag(node, "add_prefix_space", true, where);
                pattern = flag(node, "use_regex", true, where) ? WordPattern.GPT2 : null;
            }
            case "Digits" -> steps.add(new PreTokenizer.Digits(flag(node, "individual_digits", false, where)));
            case "Split" -> steps.add(split(node, where));
            case "Sequence" -> {
                JsonNode list = node.get("pretokenizers");
                if (list == null || !list.isArray()) {
                    throw bad("has no list as " + where + ".pretokenizers");
                }
                for (int i = 0; i < list.size(); i++) {
                    read(list.get(i), where + ".pretokenizers[" + i + "]");
                }
            }
            default -> throw bad("has a " + where + " of type " + node.path("type")
                    + ", which is not known here; known: ByteLevel, Digits, Split, Sequence");
        }
    }

    private PreTokenizer split(JsonNode node, String where) {
        PreTokenizer.Behavior behavior = behavior(node.path("behavior").asText(), where);
        boolean invert = flag(node, "invert", false, where);
        JsonNode regex = node.path("pattern").path("Regex");
        JsonNode literal = node.path("pattern").path("String");
        if (regex.isTextual()) {
            WordPattern words = WordPattern.of(regex.asText());
            // These patterns match everywhere, so isolating the matches and removing what is between them are the same.
            boolean every = behavior == PreTokenizer.Behavior.ISOLATED || behavior == PreTokenizer.Behavior.REMOVED && invert;
            if (words == null || !every) {
                throw bad("splits by " + regex + " (" + where + ", behavior " + behavior
                        + "), which is not known here; known, isolated: GPT-2's, Llama 3's and Qwen 2's");
            }
            return new PreTokenizer.Words(words);
        }
        if (!literal.isTextual() || literal.asText().isEmpty()) {
            throw bad("has no pattern as " + where + ".pattern; {\"String\": ...} or {\"Regex\": ...} was expected");
        }
        return new PreTokenizer.Literal(literal.asText().toCharArray(), behavior, invert);
    }

    private PreTokenizer.Behavior behavior(String name, String where) {
        return switch (name) {
            case "Removed" -> PreTokenizer.Behavior.REMOVED;
            case "Isolated" -> PreTokenizer.Behavior.ISOLATED;
            case "MergedWithPrevious" -> PreTokenizer.Behavior.MERGED_WITH_PREVIOUS;
            case "MergedWithNext" -> PreTokenizer.Behavior.MERGED_WITH_NEXT;
            case "Contiguous" -> PreTokenizer.Behavior.CONTIGUOUS;
            default -> throw bad("has \"" + name + "\" as " + where
                    + ".behavior; Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous was expected");
        };
    }

    private boolean flag(JsonNode node, String key, boolean absent, String where) {
        JsonNode value = node.get(key);
        if (value == null || value.isNull()) {
            return absent;
        }
        if (!value.isBoolean()) {
            throw bad("has " + value + " as " + where + "." + key + "; true or false was expected");
        }
        return value.booleanValue();
    }

    private InputException bad(String what) {
        return new InputException(file + " " + what);
    }
}
