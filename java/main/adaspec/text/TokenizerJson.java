package adaspec.text;

import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.text.AddedTokens.Added;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Reads {@code tokenizer.json}. All that changes ids is understood or refused by name; what only changes the library's own extras (offsets
 * trimmed, pair templates) is skipped.
 */
final class TokenizerJson {
    /** Above any vocabulary in use (the largest have some 260,000 tokens); a file that says more is damaged, and would cost gigabytes. */
    private static final int MOST_IDS = 1 << 22;

    private final Path file;
    private final Map<String, Integer> ids = new HashMap<>();
    private final Map<Integer, Added> added = new LinkedHashMap<>();
    private final Set<Integer> vocabularyIds = new HashSet<>();
    private int highest = -1;

    TokenizerJson(Path directoryOrFile) {
        file = Files.isDirectory(directoryOrFile) ? directoryOrFile.resolve("tokenizer.json") : directoryOrFile;
    }

    Tokenizer read() {
        JsonNode root = Json.readFile(file);
        if (!root.isObject()) {
            throw bad("is not a tokenizer: a JSON object was expected");
        }
        for (String cut : new String[] {"truncation", "padding"}) {
            if (!absent(root.get(cut))) {
                throw bad("sets \"" + cut + "\", which would change every encoding in silence; set it to null");
            }
        }
        JsonNode model = object(root.get("model"), "model");
        vocabulary(model);
        List<int[]> merges = merges(model);
        addedTokens(root.get("added_tokens"));
        String[] tokens = new String[highest + 1];
        ids.forEach((token, id) -> tokens[id] = token);
        boolean nfc = normalizer(root.get("normalizer"), "normalizer");
        Bpe bpe = bpe(model, merges);
        PreTokenizerJson pre = new PreTokenizerJson(file, root.get("pre_tokenizer"));
        decoder(root.get("decoder"), "decoder");
        List<Integer> prefix = new ArrayList<>();
        List<Integer> suffix = new ArrayList<>();
        postProcessor(root.get("post_processor"), "post_processor", prefix, suffix);
        return new Tokenizer(new Tokenizer.Parts(file, tokens, Map.copyOf(ids), Map.copyOf(added), finder(false, nfc), finder(true, nfc), nfc,
                pre.steps(), pre.prefixSpace(), pre.pattern(), bpe, array(prefix), array(suffix), endOfText()));
    }

    private void vocabulary(JsonNode model) {
        JsonNode type = model.get("type");
        if (!absent(type) && !type.asText().equals("BPE")) {
            throw bad("has model type " + type + "; only BPE is known");
        }
        JsonNode vocab = object(model.get("vocab"), "model.vocab");
        for (Map.Entry<String, JsonNode> entry : vocab.properties()) {
            int id = id(entry.getValue(), "model.vocab['" + entry.getKey() + "']");
            if (!vocabularyIds.add(id)) {
                throw bad("gives id " + id + " to two tokens of model.vocab, one of them '" + entry.getKey() + "'");
            }
            ids.put(entry.getKey(), id);
            highest = Math.max(highest, id);
        }
        if (ids.isEmpty()) {
            throw bad("has an empty model.vocab");
        }
    }

    private List<int[]> merges(JsonNode model) {
        JsonNode list = array(model.get("merges"), "model.merges");
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
                throw bad("has " + merge + " as model.merges[" + i + "]; two tokens were expected, as \"a b\" or [\"a\", \"b\"]");
            }
            merges.add(new int[] {known(pair[0], i), known(pair[1], i), known(pair[0] + pair[1], i)});
        }
        return merges;
    }

    private int known(String token, int merge) {
        Integer id = ids.get(token);
        if (id == null) {
            throw bad("needs '" + token + "' for model.merges[" + merge + "], but model.vocab has no such token");
        }
        return id;
    }

    private Bpe bpe(JsonNode model, List<int[]> merges) {
        int[] symbolOfByte = new int[256];
        int missing = -1;
        for (int b = 0; b < 256; b++) {
            symbolOfByte[b] = ids.getOrDefault(String.valueOf(ByteAlphabet.charOf(b)), -1);
            missing = symbolOfByte[b] < 0 ? b : missing;
        }
        JsonNode dropout = model.get("dropout");
        if (!absent(dropout) && dropout.asDouble(1) != 0) {
            throw bad("sets model.dropout, which makes encodings random; set it to null");
        }
        for (String affix : new String[] {"continuing_subword_prefix", "end_of_word_suffix"}) {
            JsonNode value = model.get(affix);
            if (!absent(value) && !(value.isTextual() && value.asText().isEmpty())) {
                throw bad("sets model." + affix + " to " + value + ", which byte-level BPE does not have");
            }
        }
        if (flag(model, "byte_fallback", "model") && missing >= 0) {
            throw bad("sets model.byte_fallback and lacks a symbol for byte " + missing + "; only byte-level vocabularies are known");
        }
        JsonNode unk = model.get("unk_token");
        int unknown = -1;
        if (!absent(unk)) {
            Integer id = unk.isTextual() ? ids.get(unk.asText()) : null;
            if (id == null && missing >= 0) {
                throw bad("names " + unk + " as model.unk_token, but model.vocab has no such token");
            }
            unknown = id == null ? -1 : id;
        }
        return new Bpe(symbolOfByte, merges, new Bpe.Unknown(unknown, flag(model, "fuse_unk", "model")),
                flag(model, "ignore_merges", "model") ? wholeWords(model) : null);
    }

    private Map<String, Integer> wholeWords(JsonNode model) {
        Map<String, Integer> words = new HashMap<>();
        model.get("vocab").properties().forEach(entry -> words.put(entry.getKey(), entry.getValue().intValue()));
        return words;
    }

    /** The library gives an added token its id in the vocabulary, else the next free one, whatever the file says: they must agree. */
    private void addedTokens(JsonNode list) {
        if (absent(list)) {
            return;
        }
        int vocabulary = ids.size();
        int next = vocabulary;
        array(list, "added_tokens");
        for (int i = 0; i < list.size(); i++) {
            String where = "added_tokens[" + i + "]";
            JsonNode token = object(list.get(i), where);
            JsonNode text = token.get("content");
            if (text == null || !text.isTextual() || text.asText().isEmpty()) {
                throw bad("has no text as " + where + ".content");
            }
            String content = text.asText();
            int id = id(token.get("id"), where + ".id");
            if (added.containsKey(id)) {
                throw bad("gives id " + id + " to two added tokens, '" + added.get(id).content() + "' and '" + content + "'");
            }
            Integer same = ids.get(content);
            int expected = same != null ? same : next;
            if (id != expected) {
                throw bad("gives id " + id + " to the added token '" + content + "', where "
                        + (same != null ? "model.vocab says " : "the next free id is ") + expected);
            }
            if (same == null && vocabularyIds.contains(id)) {
                throw bad("gives id " + id + " to the added token '" + content + "' and to another token of model.vocab");
            }
            if (id >= vocabulary) {
                next = id + 1;
            }
            boolean special = flag(token, "special", where);
            boolean normalized = token.has("normalized") ? flag(token, "normalized", where) : !special;
            added.put(id, new Added(id, content, flag(token, "single_word", where), flag(token, "lstrip", where), flag(token, "rstrip", where),
                    normalized, special));
            ids.put(content, id);
            highest = Math.max(highest, id);
        }
    }

    private AddedTokens finder(boolean normalized, boolean nfc) {
        List<Added> tokens = added.values().stream().filter(token -> token.normalized() == normalized).toList();
        return new AddedTokens(tokens, tokens.stream().map(token -> normalized && nfc ? Nfc.normalize(token.content()) : token.content()).toList());
    }

    /** Whether the text is brought into normalization form C. */
    private boolean normalizer(JsonNode node, String where) {
        if (absent(node)) {
            return false;
        }
        boolean nfc = false;
        switch (type(node, where)) {
            case "NFC" -> nfc = true;
            case "Sequence" -> {
                JsonNode list = array(node.get("normalizers"), where + ".normalizers");
                for (int i = 0; i < list.size(); i++) {
                    nfc |= normalizer(list.get(i), where + ".normalizers[" + i + "]");
                }
            }
            default -> throw unknown(node, where, "NFC, Sequence");
        }
        return nfc;
    }

    private void decoder(JsonNode node, String where) {
        switch (absent(node) ? "null" : type(node, where)) {
            case "ByteLevel" -> { }
            case "Sequence" -> {
                JsonNode list = array(node.get("decoders"), where + ".decoders");
                if (list.size() != 1) {
                    throw bad("has " + list.size() + " decoders in " + where + "; one ByteLevel decoder was expected");
                }
                decoder(list.get(0), where + ".decoders[0]");
            }
            default -> throw unknown(node, where, "ByteLevel");
        }
    }

    private void postProcessor(JsonNode node, String where, List<Integer> prefix, List<Integer> suffix) {
        if (absent(node)) {
            return;
        }
        switch (type(node, where)) {
            case "ByteLevel" -> { }
            case "TemplateProcessing" -> template(node, where, prefix, suffix);
            case "Sequence" -> {
                JsonNode list = array(node.get("processors"), where + ".processors");
                for (int i = 0; i < list.size(); i++) {
                    postProcessor(list.get(i), where + ".processors[" + i + "]", prefix, suffix);
                }
            }
            default -> throw unknown(node, where, "ByteLevel, TemplateProcessing, Sequence");
        }
    }

    private void template(JsonNode node, String where, List<Integer> prefix, List<Integer> suffix) {
        List<Integer> before = new ArrayList<>();
        JsonNode single = array(node.get("single"), where + ".single");
        boolean seen = false;
        for (int i = 0; i < single.size(); i++) {
            String place = where + ".single[" + i + "]";
            JsonNode piece = object(single.get(i), place);
            if (piece.has("Sequence")) {
                if (seen || !piece.get("Sequence").path("id").asText().equals("A")) {
                    throw bad("has " + piece + " as " + place + "; the text A was expected once");
                }
                seen = true;
            } else {
                String name = piece.path("SpecialToken").path("id").asText();
                JsonNode list = array(node.path("special_tokens").path(name).get("ids"), where + ".special_tokens['" + name + "'].ids");
                for (JsonNode id : list) {
                    int value = id(id, where + ".special_tokens['" + name + "'].ids");
                    if (!vocabularyIds.contains(value) && !added.containsKey(value)) {
                        throw bad("adds id " + value + " in " + where + ", which no token has");
                    }
                    (seen ? suffix : before).add(value);
                }
            }
        }
        if (!seen) {
            throw bad("has a template without the text A in " + where + ".single");
        }
        prefix.addAll(0, before);
    }

    /** From the tokenizer_config.json beside the file, if there is one; it may name the token by a string or an object with its content. */
    private OptionalInt endOfText() {
        Path config = file.resolveSibling("tokenizer_config.json");
        if (Files.exists(config)) {
            JsonNode eos = Json.readFile(config).path("eos_token");
            String name = eos.isObject() ? eos.path("content").asText() : eos.asText();
            if (!absent(eos) && !eos.isMissingNode()) {
                Integer id = ids.get(name);
                if (id == null) {
                    throw new InputException(config + " names '" + name + "' as eos_token, but " + file + " has no such token");
                }
                return OptionalInt.of(id);
            }
        }
        Integer id = ids.get("<|endoftext|>");
        return id != null && added.containsKey(id) && added.get(id).special() ? OptionalInt.of(id) : OptionalInt.empty();
    }

    private int id(JsonNode node, String where) {
        if (node == null || !node.isIntegralNumber() || !node.canConvertToInt() || node.intValue() < 0 || node.intValue() >= MOST_IDS) {
            throw bad("has " + node + " as " + where + "; an id from 0 to " + (MOST_IDS - 1) + " was expected");
        }
        return node.intValue();
    }

    private boolean flag(JsonNode node, String key, String where) {
        JsonNode value = node.get(key);
        if (!absent(value) && !value.isBoolean()) {
            throw bad("has " + value + " as " + where + "." + key + "; true or false was expected");
        }
        return !absent(value) && value.booleanValue();
    }

    private String type(JsonNode node, String where) {
        JsonNode type = object(node, where).get("type");
        if (type == null || !type.isTextual()) {
            throw bad("has no type in " + where);
        }
        return type.asText();
    }

    private InputException unknown(JsonNode node, String where, String expected) {
        return bad("has a " + where + " of type " + (absent(node) ? "null" : node.path("type").asText())
                + ", which is not known here; known: " + expected);
    }

    private JsonNode object(JsonNode node, String where) {
        if (node == null || !node.isObject()) {
            throw bad("has no object as " + where);
        }
        return node;
    }

    private JsonNode array(JsonNode node, String where) {
        if (node == null || !node.isArray()) {
            throw bad("has no list as " + where);
        }
        return node;
    }

    private InputException bad(String what) {
        return new InputException(file + " " + what);
    }

    private static boolean absent(JsonNode node) {
        return node == null || node.isNull();
    }

    private static int[] array(List<Integer> values) {
        return values.stream().mapToInt(Integer::intValue).toArray();
    }
}
