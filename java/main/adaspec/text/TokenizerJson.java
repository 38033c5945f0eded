package adaspec.text;

import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.text.AddedTokens.Added;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Reads {@code tokenizer.json}. All that changes ids is understood or refused by name; what only changes the library's own extras (offsets
 * trimmed, pair templates) is skipped.
 */
final class TokenizerJson {
    private final TokenizerFile file;

    TokenizerJson(Path directoryOrFile) {
        file = new TokenizerFile(Files.isDirectory(directoryOrFile) ? directoryOrFile.resolve("tokenizer.json") : directoryOrFile);
    }

    Tokenizer read() {
        JsonNode root = Json.readFile(file.path());
        if (!root.isObject()) {
            throw file.bad("is not a tokenizer: a JSON object was expected");
        }
        for (String cut : new String[] {"truncation", "padding"}) {
            if (!TokenizerFile.absent(root.get(cut))) {
                throw file.bad("sets \"" + cut + "\", which would change every encoding in silence; set it to null");
            }
        }
        JsonNode model = file.object(root.get("model"), "model");
        JsonNode type = model.get("type");
        if (!TokenizerFile.absent(type) && !type.asText().equals("BPE")) {
            throw file.bad("has model type " + InputException.excerpt(type) + "; only BPE is known");
        }
        VocabularyJson vocabulary = new VocabularyJson(file, model, root.get("added_tokens"));
        Normalizer normalizer = NormalizerJson.read(file, root.get("normalizer"));
        List<PreTokenizer> steps = PreTokenizerJson.read(file, root.get("pre_tokenizer"));
        // Spelling bytes comes last in all tokenizers in use; then the model does it, in one with finding symbols.
        boolean byteLevel = !steps.isEmpty() && steps.getLast() instanceof PreTokenizer.SpellBytes;
        if (byteLevel) {
            steps = steps.subList(0, steps.size() - 1);
        }
        Bpe bpe = bpe(model, vocabulary, byteLevel);
        PreTokenizer preTokenizer = steps.size() == 1 ? steps.get(0) : new PreTokenizer.Sequence(List.copyOf(steps));
        PostProcessorJson post = new PostProcessorJson(file, vocabulary::has, root.get("post_processor"));

        Map<Integer, Added> added = vocabulary.added();
        String[] tokens = vocabulary.tokens();
        String[] decoded = tokens.clone();
        added.forEach((id, token) -> decoded[id] = token.normalized() ? normalizer.normalize(token.content()) : token.content());
        TokenDecoder decoder = new TokenDecoder(DecoderJson.read(file, root.get("decoder")), decoded);
        return new Tokenizer(new Tokenizer.Parts(file.path(), tokens, Map.copyOf(vocabulary.all()), Map.copyOf(added), finder(false, added, decoded),
                finder(true, added, decoded), normalizer, preTokenizer, bpe, decoder, post.prefix(), post.suffix(), endOfText(vocabulary)));
    }

    private Bpe bpe(JsonNode model, VocabularyJson vocabulary, boolean byteLevel) {
        JsonNode dropout = model.get("dropout");
        if (!TokenizerFile.absent(dropout) && dropout.asDouble(1) != 0) {
            throw file.bad("sets model.dropout, which makes encodings random; set it to null");
        }
        for (String affix : new String[] {"continuing_subword_prefix", "end_of_word_suffix"}) {
            JsonNode value = model.get(affix);
            if (!TokenizerFile.absent(value) && !(value.isTextual() && value.asText().isEmpty())) {
                throw file.bad("sets model." + affix + " to " + InputException.excerpt(value) + ", which is not known here; set it to null");
            }
        }
        Map<String, Integer> ids = vocabulary.model();
        int[] byteTokens = null;
        if (file.flag(model, "byte_fallback", false, "model")) {
            byteTokens = new int[256];
            for (int b = 0; b < 256; b++) {
                byteTokens[b] = ids.getOrDefault(String.format("<0x%02X>", b), -1);
            }
        }
        boolean neverUnknown = byteTokens != null && Arrays.stream(byteTokens).allMatch(id -> id >= 0);
        boolean everyByte = true;
        for (int b = 0; b < 256; b++) {
            everyByte &= ids.containsKey(String.valueOf(ByteAlphabet.charOf(b)));
        }
        JsonNode unk = model.get("unk_token");
        int unknown = -1;
        if (!TokenizerFile.absent(unk)) {
            Integer id = unk.isTextual() ? ids.get(unk.asText()) : null;
            if (id == null && !neverUnknown && !(byteLevel && everyByte)) {
                throw file.bad("names " + InputException.excerpt(unk) + " as model.unk_token, but model.vocab has no such token");
            }
            unknown = id == null ? -1 : id;
        }
        List<int[]> merges = vocabulary.merges(model);
        Symbols symbols = new Symbols(byteLevel, ids, byteTokens, unknown, file.flag(model, "fuse_unk", false, "model"));
        String[] tokens = vocabulary.tokens();
        Joints joints = byteLevel ? null : new Joints(symbols, merges.stream().map(merge -> tokens[merge[2]]).toList());
        return new Bpe(symbols, merges, joints, file.flag(model, "ignore_merges", false, "model") ? ids : null);
    }

    private static AddedTokens finder(boolean normalized, Map<Integer, Added> added, String[] contents) {
        List<Added> tokens = added.values().stream().filter(token -> token.normalized() == normalized).toList();
        return new AddedTokens(tokens, tokens.stream().map(token -> contents[token.id()]).toList());
    }

    /** From the tokenizer_config.json beside the file, if there is one; it may name the token by a string or an object with its content. */
    private OptionalInt endOfText(VocabularyJson vocabulary) {
        Path config = file.path().resolveSibling("tokenizer_config.json");
        if (Files.exists(config)) {
            JsonNode eos = Json.readFile(config).path("eos_token");
            String name = eos.isObject() ? eos.path("content").asText() : eos.asText();
            if (!TokenizerFile.absent(eos)) {
                Integer id = vocabulary.all().get(name);
                if (id == null) {
                    throw new InputException(config + " names '" + name + "' as eos_token, but " + file.path() + " has no such token");
                }
                return OptionalInt.of(id);
            }
        }
        Integer id = vocabulary.all().get("<|endoftext|>");
        Added token = id == null ? null : vocabulary.added().get(id);
        return token != null && token.special() ? OptionalInt.of(id) : OptionalInt.empty();
    }
}
