package adaspec.engine;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.model.Model;
import adaspec.model.Sequences;
import adaspec.model.Transformer;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import adaspec.text.JsonLines;
import adaspec.train.FrozenModels;
import adaspec.train.LogitsBudget;
import adaspec.train.MicroBatch;
import adaspec.train.Selection;
import adaspec.train.TokenGaps;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The filter made visible: for given ids the KL of the draft and of the reference to the target, the gap, and which tokens would be kept.
 * Computed in f32, one sequence at a time.
 */
public final class SelectionInspection {
    private static final MathContext DIGITS = new MathContext(9);

    /**
     * @param idsFile    one JSON array of token ids a line
     * @param startsFile one integer s of at least 1 a line: predictions of ids[s] and later count; null: all
     * @param selection  with scope {@link Selection.Scope#SEQUENCE}, or {@link Selection.Scope#BATCH} for the whole file
     */
    public record Request(Path target, Path draft, Path reference, Path idsFile, Path startsFile, Selection selection) {}

    private SelectionInspection() {}

    /** Writes one JSON object a line to {@code output}; nothing is written if anything is wrong. */
    public static void run(Request request, Backend backend, Path output) {
        try (var memory = backend.newAllocator();
                var workspace = backend.newWorkspace();
                Model target = Model.open(request.target, DType.F32, memory);
                Model draft = Model.open(request.draft, DType.F32, memory);
                Model reference = Model.open(request.reference, DType.F32, memory)) {
            int vocabulary = Vocabularies.shared(target, draft, reference);
            int positions = Math.min(
                    target.architecture().maxPositions(),
                    Math.min(draft.architecture().maxPositions(), reference.architecture().maxPositions()));
            List<int[]> lines = readIds(request.idsFile, vocabulary, positions);
            int[] starts = readStarts(request.startsFile, lines.size(), request.idsFile);
            var models = new FrozenModels(
                    new Transformer(backend.ops(), target.weights(), memory),
                    new Transformer(backend.ops(), reference.weights(), memory),
                    vocabulary,
                    workspace);
            var student = new Transformer(backend.ops(), draft.weights(), memory);
            List<TokenGaps> gaps = new ArrayList<>();
            int[] boundaries = new int[lines.size() + 1];
            for (int i = 0; i < lines.size(); i++) {
                int[] ids = lines.get(i);
                var batch = new MicroBatch(Sequences.single(ids), new int[] {Math.min(starts[i], Math.max(1, ids.length))});
                TokenGaps own = TokenGaps.of(models, student, batch, LogitsBudget.DEFAULT, workspace);
                gaps.add(finite(own, request.idsFile, i, ids.length));
                boundaries[i + 1] = boundaries[i] + gaps.get(i).gap().length;
            }
            boolean[] kept = keep(backend, workspace, request.selection, gaps, boundaries);
            write(output, lines, gaps, kept, boundaries);
        }
    }

    private static boolean[] keep(
            Backend backend, Workspace workspace, Selection selection, List<TokenGaps> gaps, int[] boundaries) {
        int total = boundaries[boundaries.length - 1];
        boolean[] kept = new boolean[total];
        if (total == 0) {
            return kept;
        }
        try (var step = workspace.begin()) {
            Tensor all = step.f32(total);
            for (int i = 0; i < gaps.size(); i++) {
                float[] own = gaps.get(i).gap();
                if (own.length > 0) {
                    all.rows(boundaries[i], boundaries[i + 1]).copyFrom(Tensor.ofFloats(own, own.length));
                }
            }
            for (int i : selection.keep(backend.ops(), all, boundaries, workspace)) {
                kept[i] = true;
            }
        }
        return kept;
    }

    private static TokenGaps finite(TokenGaps gaps, Path file, int line, int length) {
        for (int i = 0; i < gaps.gap().length; i++) {
            if (!Float.isFinite(gaps.klDraft()[i]) || !Float.isFinite(gaps.klReference()[i]) || !Float.isFinite(gaps.gap()[i])) {
                throw new InputException(file + ", line " + (line + 1) + ": the KL of token " + (length - gaps.gap().length + i) + " is "
                        + gaps.klDraft()[i] + " for the draft and " + gaps.klReference()[i]
                        + " for the reference; models with finite weights were expected");
            }
        }
        return gaps;
    }

    private static List<int[]> readIds(Path file, int vocabulary, int positions) {
        List<int[]> lines = new ArrayList<>();
        JsonLines.read(file, JsonLines.Blank.REFUSE, (node, line, where) -> {
            if (!node.isArray() || node.isEmpty()) {
                throw new InputException("a JSON array of at least one token id was expected");
            }
            if (node.size() > positions) {
                throw new InputException(node.size() + " ids; at most " + positions + " (max_position_embeddings) were expected");
            }
            int[] ids = new int[node.size()];
            for (int j = 0; j < ids.length; j++) {
                JsonNode id = node.get(j);
                if (!id.isIntegralNumber() || !id.canConvertToInt() || id.asInt() < 0 || id.asInt() >= vocabulary) {
                    throw new InputException("entry " + j + " is " + id + "; a token id from 0 to " + (vocabulary - 1) + " was expected");
                }
                ids[j] = id.asInt();
            }
            lines.add(ids);
        });
        return lines;
    }

    private static int[] readStarts(Path file, int count, Path idsFile) {
        int[] starts = new int[count];
        Arrays.fill(starts, 1);
        if (file == null) {
            return starts;
        }
        int lines = JsonLines.read(file, JsonLines.Blank.REFUSE, (node, line, where) -> {
            if (!node.isIntegralNumber() || !node.canConvertToInt() || node.asInt() < 1) {
                throw new InputException("a whole number of at least 1 was expected, not " + node);
            }
            if (line <= count) {
                starts[line - 1] = node.asInt();
            }
        });
        if (lines != count) {
            throw new InputException(file + " has " + lines + " lines, but " + idsFile + " has " + count + "; one integer for each was expected");
        }
        return starts;
    }

    private static void write(Path output, List<int[]> lines, List<TokenGaps> gaps, boolean[] kept, int[] boundaries) {
        AtomicFile.write(output, channel -> {
            for (int i = 0; i < lines.size(); i++) {
                String line = line(lines.get(i), gaps.get(i), kept, boundaries[i]) + "\n";
                AtomicFile.writeFully(channel, ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8)));
            }
        });
    }

    private static ObjectNode line(int[] ids, TokenGaps gaps, boolean[] kept, int first) {
        ObjectNode node = Json.MAPPER.createObjectNode();
        ArrayNode idsNode = node.putArray("ids");
        for (int id : ids) {
            idsNode.add(id);
        }
        int skipped = ids.length - 1 - gaps.gap().length;
        putNumbers(node.putArray("kl_draft"), skipped, gaps.klDraft());
        putNumbers(node.putArray("kl_ref"), skipped, gaps.klReference());
        putNumbers(node.putArray("gap"), skipped, gaps.gap());
        ArrayNode keptNode = node.putArray("kept");
        for (int i = 0; i < ids.length - 1; i++) {
            keptNode.add(i >= skipped && kept[first + i - skipped] ? 1 : 0);
        }
        return node;
    }

    private static void putNumbers(ArrayNode array, int skipped, float[] values) {
        for (int i = 0; i < skipped; i++) {
            array.addNull();
        }
        for (float value : values) {
            array.add(new BigDecimal(value).round(DIGITS));
        }
    }
}
