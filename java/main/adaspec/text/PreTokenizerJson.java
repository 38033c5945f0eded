package adaspec.text;

import adaspec.text.PreTokenizer.Behavior;
import adaspec.text.PreTokenizer.PrependScheme;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** Reads {@code pre_tokenizer}: its steps in order, {@code Sequence} and {@code ByteLevel} taken apart. */
final class PreTokenizerJson {
    private final TokenizerFile file;
    private final List<PreTokenizer> steps = new ArrayList<>();

    private PreTokenizerJson(TokenizerFile file) {
        this.file = file;
    }

    static List<PreTokenizer> read(TokenizerFile file, JsonNode node) {
        PreTokenizerJson json = new PreTokenizerJson(file);
        if (!TokenizerFile.absent(node)) {
            json.read(node, "pre_tokenizer");
        }
        return json.steps;
    }

    private void read(JsonNode node, String where) {
        switch (file.type(node, where)) {
            case "ByteLevel" -> {
                if (file.flag(node, "add_prefix_space", true, where)) {
                    steps.add(new PreTokenizer.PrefixSpace());
                }
                if (file.flag(node, "use_regex", true, where)) {
                    steps.add(PreTokenizer.words(WordPattern.GPT2));
                }
                steps.add(new PreTokenizer.SpellBytes());
            }
            case "Digits" -> steps.add(new PreTokenizer.Digits(file.flag(node, "individual_digits", false, where)));
            case "Metaspace" -> steps.add(metaspace(node, where));
            case "Split" -> {
                boolean invert = file.flag(node, "invert", false, where);
                steps.add(new PreTokenizer.Split(file.pattern(node, where), behavior(node, where), invert));
            }
            case "Sequence" -> file.each(node, "pretokenizers", where, this::read);
            default -> throw file.unknown(node, where, "ByteLevel, Digits, Metaspace, Split, Sequence");
        }
    }

    private PreTokenizer metaspace(JsonNode node, String where) {
        return new PreTokenizer.Metaspace(
                file.character(node, "replacement", where), scheme(file, node, where), file.flag(node, "split", true, where));
    }

    /** Older files say {@code add_prefix_space}, which only counts where it is false. */
    static PrependScheme scheme(TokenizerFile file, JsonNode node, String where) {
        String name = node.has("prepend_scheme") ? file.text(node, "prepend_scheme", where) : "always";
        PrependScheme scheme = switch (name) {
            case "always" -> PrependScheme.ALWAYS;
            case "first" -> PrependScheme.FIRST;
            case "never" -> PrependScheme.NEVER;
            default -> throw file.bad("has \"" + name + "\" as " + where + ".prepend_scheme; always, first or never was expected");
        };
        if (file.flag(node, "add_prefix_space", true, where)) {
            return scheme;
        }
        if (scheme != PrependScheme.NEVER && node.has("prepend_scheme")) {
            throw file.bad("says " + name + " as " + where + ".prepend_scheme but false as add_prefix_space; make them agree");
        }
        return PrependScheme.NEVER;
    }

    private Behavior behavior(JsonNode node, String where) {
        String name = file.text(node, "behavior", where);
        return switch (name) {
            case "Removed" -> Behavior.REMOVED;
            case "Isolated" -> Behavior.ISOLATED;
            case "MergedWithPrevious" -> Behavior.MERGED_WITH_PREVIOUS;
            case "MergedWithNext" -> Behavior.MERGED_WITH_NEXT;
            case "Contiguous" -> Behavior.CONTIGUOUS;
            default -> throw file.bad("has \"" + name + "\" as " + where
                    + ".behavior; Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous was expected");
        };
    }
}
