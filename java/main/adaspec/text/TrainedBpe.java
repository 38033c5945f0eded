package adaspec.text;

import adaspec.common.AtomicFile;
import adaspec.common.Json;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;

/**
 * What {@link BpeTrainer} learnt.
 *
 * @param tokens by id, in byte-level spelling
 * @param merges {@code "left right"}, in the order learnt
 */
public record TrainedBpe(List<String> tokens, List<String> merges) {
    /** Writes {@code tokenizer.json} and {@code tokenizer_config.json}, as the {@code tokenizers} and {@code transformers} libraries read them. */
    public void write(Path directory) {
        AtomicFile.writeString(directory.resolve("tokenizer_config.json"), pretty(config()));
        AtomicFile.writeString(directory.resolve("tokenizer.json"), pretty(tokenizer()));
    }

    private ObjectNode tokenizer() {
        ObjectNode json = Json.MAPPER.createObjectNode();
        json.put("version", "1.0").putNull("truncation").putNull("padding");
        addedToken(json.putArray("added_tokens").addObject().put("id", 0));
        json.putNull("normalizer");
        ObjectNode words = json.putObject("pre_tokenizer").put("type", "Sequence");
        var steps = words.putArray("pretokenizers");
        steps.addObject().put("type", "Digits").put("individual_digits", true);
        byteLevel(steps.addObject());
        byteLevel(json.putObject("post_processor"));
        byteLevel(json.putObject("decoder"));
        ObjectNode model = json.putObject("model").put("type", "BPE");
        model.putNull("dropout").putNull("unk_token").putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
        model.put("fuse_unk", false).put("byte_fallback", false).put("ignore_merges", false);
        ObjectNode vocabulary = model.putObject("vocab");
        for (int id = 0; id < tokens.size(); id++) {
            vocabulary.put(tokens.get(id), id);
        }
        var list = model.putArray("merges");
        merges.forEach(list::add);
        return json;
    }

    private ObjectNode config() {
        ObjectNode json = Json.MAPPER.createObjectNode();
        json.put("tokenizer_class", "PreTrainedTokenizerFast");
        json.put("bos_token", BpeTrainer.END_OF_TEXT).put("eos_token", BpeTrainer.END_OF_TEXT);
        json.put("clean_up_tokenization_spaces", false);
        addedToken(json.putObject("added_tokens_decoder").putObject("0"));
        return json;
    }

    private static void byteLevel(ObjectNode node) {
        node.put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", false).put("use_regex", true);
    }

    private static void addedToken(ObjectNode node) {
        node.put("content", BpeTrainer.END_OF_TEXT).put("single_word", false).put("lstrip", false).put("rstrip", false)
                .put("normalized", false).put("special", true);
    }

    private static String pretty(ObjectNode json) {
        try {
            return Json.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(json) + "\n";
        } catch (JsonProcessingException e) {
            throw new AssertionError("a tree can be written", e);
        }
    }
}
