package adaspec.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** Reads {@code normalizer}. */
final class NormalizerJson {
    private final TokenizerFile file;
    private final List<Normalizer> steps = new ArrayList<>();

    private NormalizerJson(TokenizerFile file) {
        this.file = file;
    }

    static Normalizer read(TokenizerFile file, JsonNode node) {
        NormalizerJson json = new NormalizerJson(file);
        if (!TokenizerFile.absent(node)) {
            json.read(node, "normalizer");
        }
        return json.steps.size() == 1 ? json.steps.get(0) : new Normalizer.Sequence(List.copyOf(json.steps));
    }

    private void read(JsonNode node, String where) {
        switch (file.type(node, where)) {
            case "NFC" -> steps.add(Nfc.FORM);
            case "Prepend" -> steps.add(new Normalizer.Prepend(file.text(node, "prepend", where)));
            case "Replace" -> steps.add(new Normalizer.Replace(file.pattern(node, where), file.text(node, "content", where)));
            case "Sequence" -> file.each(node, "normalizers", where, this::read);
            default -> throw file.unknown(node, where, "NFC, Prepend, Replace, Sequence");
        }
    }
}
