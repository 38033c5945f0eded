package adaspec.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** Reads {@code decoder}. */
final class DecoderJson {
    private final TokenizerFile file;
    private final List<DecoderStage> stages = new ArrayList<>();

    private DecoderJson(TokenizerFile file) {
        this.file = file;
    }

    static List<DecoderStage> read(TokenizerFile file, JsonNode node) {
        if (TokenizerFile.absent(node)) {
            return List.of(new DecoderStage.Joined());
        }
        DecoderJson json = new DecoderJson(file);
        json.read(node, "decoder");
        return json.stages;
    }

    private void read(JsonNode node, String where) {
        switch (file.type(node, where)) {
            case "ByteLevel" -> stages.add(new DecoderStage.ByteLevel());
            case "ByteFallback" -> stages.add(new DecoderStage.ByteFallback());
            case "Fuse" -> stages.add(new DecoderStage.Fuse());
            case "Metaspace" -> stages.add(new DecoderStage.Metaspace(
                    file.character(node, "replacement", where),
                    PreTokenizerJson.scheme(file, node, where) != PreTokenizer.PrependScheme.NEVER));
            case "Replace" -> stages.add(new DecoderStage.Replace(file.pattern(node, where), file.text(node, "content", where)));
            case "Strip" -> stages.add(new DecoderStage.Strip(
                    file.character(node, "content", where).codePointAt(0), file.count(node, "start", where), file.count(node, "stop", where)));
            case "Sequence" -> file.each(node, "decoders", where, this::read);
            default -> throw file.unknown(node, where, "ByteFallback, ByteLevel, Fuse, Metaspace, Replace, Strip, Sequence");
        }
    }
}
