package adaspec.text;

import adaspec.common.InputException;
import adaspec.text.AddedTokens.Added;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads the tokens: {@code model.vocab}, {@code model.merges} and {@code added_tokens}. */
final class VocabularyJson {
    /** Above any vocabulary in use (the largest have some 260,000 tokens); a file that says more is damaged, and would cost gigabytes. */
    private static final int MOST_IDS = 1 << 22;

    private final TokenizerFile file;

    /** Ids by token: the model's, and with the added tokens. */
    private final Map<String, Integer> model = new HashMap<>();
    private final Map<String, Integer> all = new HashMap<>();

    private final Map<Integer, String> tokens = new HashMap<>();
    private final Map<Integer, Added> added = new LinkedHashMap<>();
    private int highest = -1;

    VocabularyJson(TokenizerFile file, JsonNode model, JsonNode addedTokens) {
        this.file = file;
        vocabulary(model);
        all.putAll(this.model);
        addedTokens(addedTokens);
    }

    Map<String, Integer> model() {
        return model;
    }

    Map<String, Integer> all() {
        return all;
    }

    Map<Integer, Added> added() {
        return added;
    }

    boolean has(int id) {
        return tokens.containsKey(id);
    }

    /** By id; null where no token has the id. */
    String[] tokens() {
        String[] byId = new String[highest + 1];
        tokens.forEach((id, token) -> byId[id] = token);
        return byId;
    }

    private void vocabulary(JsonNode node) {
        JsonNode vocab = file.object(node.get("vocab"), "model.vocab");
        for (Map.Entry<String, JsonNode> entry : vocab.properties()) {
            String where = "model.vocab['" + InputException.excerpt(entry.getKey()) + "']";
            int id = id(entry.getValue(), where);
            file.requireValid(entry.getKey(), where);
            if (tokens.put(id, entry.getKey()) != null) {
                throw file.bad("gives id " + id + " to two tokens of model.vocab, one of them '" + InputException.excerpt(entry.getKey()) + "'");
            }
            model.put(entry.getKey(), id);
            highest = Math.max(highest, id);
        }
        if (model.isEmpty()) {
            throw file.bad("has an empty model.vocab");
        }
    }

    /** (left, right, merged) in the order learnt. */
    List<int[]> merges(JsonNode node) {
        JsonNode list = file.array(node.get("merges"), "model.merges");
        List<int[]> merges = new ArrayList<>(list.size());
        for (int i = 0; i < list.size(); i++) {
            JsonNode merge = list.get(i);
            String[] pair = null;
            if (merge.isTextual()) {
                pair = merge.asText().split(" ", -1);
            } else if (merge.isArray() && merge.size() == 2 && merge.get(0).isTextual() && merge.get(1).isTextual()) {
                pair = new String[] {merge.get(0).asText(), merge.get(1).asText()};
            }
            if (pair == null || pair.length != 2) {
                throw file.bad("has " + InputException.excerpt(merge) + " as model.merges[" + i
                        + "]; two tokens were expected, as \"a b\" or [\"a\", \"b\"]");
            }
            merges.add(new int[] {known(pair[0], i), known(pair[1], i), known(pair[0] + pair[1], i)});
        }
        return merges;
    }

    private int known(String token, int merge) {
        Integer id = model.get(token);
        if (id == null) {
            throw file.bad("needs '" + InputException.excerpt(token) + "' for model.merges[" + merge + "], but model.vocab has no such token");
        }
        return id;
    }

    /** The library gives an added token its id in the vocabulary, else the next free one, whatever the file says: they must agree. */
    private void addedTokens(JsonNode list) {
        if (TokenizerFile.absent(list)) {
            return;
        }
        int vocabulary = model.size();
        int next = vocabulary;
        file.array(list, "added_tokens");
        for (int i = 0; i < list.size(); i++) {
            String where = "added_tokens[" + i + "]";
            JsonNode token = file.object(list.get(i), where);
            JsonNode text = token.get("content");
            if (text == null || !text.isTextual() || text.asText().isEmpty()) {
                throw file.bad("has no text as " + where + ".content");
            }
            String content = file.text(token, "content", where);
            int id = id(token.get("id"), where + ".id");
            if (added.containsKey(id)) {
                throw file.bad("gives id " + id + " to two added tokens, '" + InputException.excerpt(added.get(id).content()) + "' and '"
                        + InputException.excerpt(content) + "'");
            }
            Integer same = all.get(content);
            int expected = same != null ? same : next;
            if (id != expected) {
                throw file.bad("gives id " + id + " to the added token '" + InputException.excerpt(content) + "', where "
                        + (same != null ? "model.vocab says " : "the next free id is ") + expected);
            }
            if (same == null && has(id)) {
                throw file.bad("gives id " + id + " to the added token '" + InputException.excerpt(content)
                        + "' and to another token of model.vocab");
            }
            if (id >= vocabulary) {
                next = id + 1;
            }
            boolean special = file.flag(token, "special", false, where);
            added.put(id, new Added(id, content, file.flag(token, "single_word", false, where), file.flag(token, "lstrip", false, where),
                    file.flag(token, "rstrip", false, where), file.flag(token, "normalized", !special, where), special));
            all.put(content, id);
            tokens.put(id, content);
            highest = Math.max(highest, id);
        }
    }

    private int id(JsonNode node, String where) {
        if (node == null || !node.isIntegralNumber() || !node.canConvertToInt() || node.intValue() < 0 || node.intValue() >= MOST_IDS) {
            throw file.bad("has " + InputException.excerpt(node) + " as " + where + "; an id from 0 to " + (MOST_IDS - 1) + " was expected");
        }
        return node.intValue();
    }
}
