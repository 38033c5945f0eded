package adaspec.text;

import adaspec.common.InputException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/** Reads {@code post_processor}: the ids before and after a text. What it does to offsets and to pairs of texts has no meaning here. */
final class PostProcessorJson {
    private final TokenizerFile file;
    private final IntPredicate known;
    private final List<Integer> prefix = new ArrayList<>();
    private final List<Integer> suffix = new ArrayList<>();

    /** @param known whether a token has the id */
    PostProcessorJson(TokenizerFile file, IntPredicate known, JsonNode node) {
        this.file = file;
        this.known = known;
        if (!TokenizerFile.absent(node)) {
            read(node, "post_processor");
        }
    }

    int[] prefix() {
        return prefix.stream().mapToInt(Integer::intValue).toArray();
    }

    int[] suffix() {
        return suffix.stream().mapToInt(Integer::intValue).toArray();
    }

    private void read(JsonNode node, String where) {
        switch (file.type(node, where)) {
            case "ByteLevel" -> { }
            case "TemplateProcessing" -> template(node, where);
            case "Sequence" -> file.each(node, "processors", where, this::read);
            default -> throw file.unknown(node, where, "ByteLevel, TemplateProcessing, Sequence");
        }
    }

    private void template(JsonNode node, String where) {
        List<Integer> before = new ArrayList<>();
        boolean[] seen = new boolean[1];
        file.each(node, "single", where, (piece, place) -> {
            file.object(piece, place);
            if (piece.has("Sequence")) {
                if (seen[0] || !piece.get("Sequence").path("id").asText().equals("A")) {
                    throw file.bad("has " + InputException.excerpt(piece) + " as " + place + "; the text A was expected once");
                }
                seen[0] = true;
                return;
            }
            String name = piece.path("SpecialToken").path("id").asText();
            String ids = where + ".special_tokens['" + name + "'].ids";
            for (JsonNode id : file.array(node.path("special_tokens").path(name).get("ids"), ids)) {
                if (!id.isIntegralNumber() || !id.canConvertToInt() || !known.test(id.intValue())) {
                    throw file.bad("adds id " + InputException.excerpt(id) + " in " + ids + ", which no token has");
                }
                (seen[0] ? suffix : before).add(id.intValue());
            }
        });
        if (!seen[0]) {
            throw file.bad("has a template without the text A in " + where + ".single");
        }
        prefix.addAll(0, before);
    }
}
