package adaspec.engine;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.eval.Scorer;
import adaspec.model.Model;
import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.tensor.DType;
import adaspec.text.JsonLines;
import adaspec.text.Tokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

/** Scores a file of token ids or texts under one model: a line in, a line out. */
public final class Scoring {
    private static final MathContext DIGITS = new MathContext(9);

    /**
     * @param idsFile  one JSON array of token ids a line; null if textFile is given
     * @param textFile one JSON string a line, encoded by the model's tokenizer; null if idsFile is given
     * @param weights  F32: as they are, widened; BF16: rounded to bf16 first. Arithmetic is in f32 either way
     * @param top      how many of the most probable tokens to give at each position; 0 for none
     */
    public record Request(Path model, Path idsFile, Path textFile, DType weights, int top) {}

    private record Line(String where, int[] ids) {}

    private Scoring() {}

    /**
     * Writes {@code {"ids","logprobs","top"}} a line to {@code output}; nothing is written if anything is wrong.
     *
     * @param progress hears how many lines are done
     * @return the number of lines
     */
    public static int run(Request request, Backend backend, Path output, IntConsumer progress) {
        try (var memory = backend.newAllocator();
                var workspace = backend.newWorkspace();
                Model model = Model.open(request.model(), request.weights(), memory)) {
            Weights weights = request.weights() == DType.F32 ? model.weights() : model.weights().trainableCopy(memory);
            var scorer = new Scorer(request.model().toString(), new Transformer(backend.ops(), weights, memory), workspace);
            List<Line> lines = request.idsFile() != null ? readIds(request.idsFile(), scorer) : readTexts(request, scorer);
            AtomicFile.write(output, channel -> {
                for (int i = 0; i < lines.size(); i++) {
                    String line = score(lines.get(i), scorer, request.top()) + "\n";
                    AtomicFile.writeFully(channel, ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8)));
                    progress.accept(i + 1);
                }
            });
            return lines.size();
        }
    }

    private static ObjectNode score(Line line, Scorer scorer, int top) {
        try {
            return toJson(line.ids(), scorer.score(line.ids(), top));
        } catch (InputException e) {
            throw new InputException(line.where() + ": " + e.getMessage(), e);
        }
    }

    private static ObjectNode toJson(int[] ids, Scorer.Scores scores) {
        ObjectNode node = Json.MAPPER.createObjectNode();
        ArrayNode idsNode = node.putArray("ids");
        for (int id : ids) {
            idsNode.add(id);
        }
        ArrayNode logprobs = node.putArray("logprobs").addNull();
        for (int i = 1; i < ids.length; i++) {
            logprobs.add(digits(scores.logprobs()[i]));
        }
        if (scores.top() != null) {
            ArrayNode top = node.putArray("top");
            for (Scorer.TokenLogprob[] best : scores.top()) {
                ArrayNode entry = top.addArray();
                for (Scorer.TokenLogprob token : best) {
                    entry.addArray().add(token.id()).add(digits(token.logprob()));
                }
            }
        }
        return node;
    }

    /** A head may rule a token out: its logit is -inf, which JSON has no number for; the least double stands for it. */
    private static BigDecimal digits(double logprob) {
        return new BigDecimal(Math.max(logprob, -Double.MAX_VALUE)).round(DIGITS);
    }

    private static List<Line> readIds(Path file, Scorer scorer) {
        List<Line> lines = new ArrayList<>();
        JsonLines.read(file, JsonLines.Blank.REFUSE, (value, number, where) -> {
            if (!value.isArray()) {
                throw new InputException("a JSON array of token ids was expected, not " + InputException.excerpt(value));
            }
            int[] ids = new int[value.size()];
            for (int i = 0; i < ids.length; i++) {
                JsonNode id = value.get(i);
                if (!id.isIntegralNumber() || !id.canConvertToInt()) {
                    throw new InputException("entry " + i + " is " + InputException.excerpt(id) + "; a token id was expected");
                }
                ids[i] = id.asInt();
            }
            scorer.requireScorable(ids);
            lines.add(new Line(where, ids));
        });
        return lines;
    }

    private static List<Line> readTexts(Request request, Scorer scorer) {
        Tokenizer tokenizer = Tokenizer.load(request.model());
        List<Line> lines = new ArrayList<>();
        JsonLines.read(request.textFile(), JsonLines.Blank.REFUSE, (value, number, where) -> {
            if (!value.isTextual()) {
                throw new InputException("a JSON string was expected, not " + InputException.excerpt(value));
            }
            int[] ids = tokenizer.encode(value.asText(), true).ids();
            scorer.requireScorable(ids);
            lines.add(new Line(where, ids));
        });
        return lines;
    }
}
