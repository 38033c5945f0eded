package adaspec.train;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** metrics.jsonl: one JSON object a line, appended as steps are logged. */
public final class MetricsLog {
    private final Path file;

    public MetricsLog(Path file) {
        this.file = file;
    }

    /** Appends {@code line} in one write, so that a reader sees whole lines. */
    void append(ObjectNode line) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.write(
                    file,
                    (line + "\n").getBytes(StandardCharsets.UTF_8),
                    StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND,
                    StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw new InputException("cannot write " + file + ": " + AtomicFile.reason(e), e);
        }
    }

    /** Brings the lines so far to the disk, before a checkpoint that counts on them. */
    void sync() {
        if (Files.exists(file)) {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.force(true);
            } catch (IOException e) {
                throw new InputException("cannot write " + file + ": " + AtomicFile.reason(e), e);
            }
        }
    }

    /** Drops the lines that came after step {@code step} of {@code stage}: those of its later steps and of later stages, and a line cut short. */
    public void rewind(String stage, long step) {
        if (Files.exists(file)) {
            AtomicFile.writeString(file, linesUntil(stage, step));
        }
    }

    /**
     * The lines that {@link #rewind} keeps, each with its end.
     *
     * @throws InputException if the file cannot be read or one of its lines is no JSON
     */
    public String linesUntil(String stage, long step) {
        if (!Files.exists(file)) {
            return "";
        }
        String text;
        try {
            text = Files.readString(file);
        } catch (IOException e) {
            throw new InputException("cannot read " + file + ": " + AtomicFile.reason(e), e);
        }
        int kept = 0;
        int number = 1;
        boolean inStage = false;
        for (int end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', kept)) {
            JsonNode line = Json.parse(text.substring(kept, end), file + " line " + number++);
            boolean own = line.path("stage").asText().equals(stage);
            if (own ? line.path("step").asLong() > step : inStage) {
                break;
            }
            inStage |= own;
            kept = end + 1;
        }
        return text.substring(0, kept);
    }

    /** What a step saw, under the names of metrics.jsonl; keys that do not apply are absent, as are values that are not finite. */
    static void putTraining(ObjectNode line, Tally tally, Normalizer normalizer, double gradNorm, double learningRate) {
        put(line, "train/loss", tally.loss(normalizer));
        if (tally.isDistilled()) {
            put(line, "train/kl_draft", tally.meanKlDraft());
            if (tally.hasReference()) {
                put(line, "train/kl_ref", tally.meanKlReference());
            }
            put(line, "train/expected_acceptance", tally.expectedAcceptance());
            if (tally.hasReference()) {
                put(line, "train/gap_mean", tally.meanGap());
            }
            put(line, "train/selected_fraction", tally.selectedFraction());
        }
        put(line, "train/grad_norm", gradNorm);
        put(line, "train/learning_rate", learningRate);
    }

    static void putEvaluation(ObjectNode line, Tally held) {
        put(line, "eval/loss", held.meanLoss());
        if (held.isDistilled()) {
            put(line, "eval/expected_acceptance", held.expectedAcceptance());
        }
    }

    static void putPerformance(ObjectNode line, Tally tally, double seconds) {
        put(line, "perf/tokens_per_second", tally.tokens() / seconds);
        put(line, "perf/step_seconds", seconds);
        if (tally.isDistilled()) {
            put(line, "perf/teacher_seconds", tally.teacherSeconds());
        }
        long peak = PeakMemory.bytes();
        if (peak > 0) {
            line.put("perf/peak_memory_bytes", peak);
        }
    }

    private static void put(ObjectNode line, String key, double value) {
        if (Double.isFinite(value)) {
            line.put(key, value);
        }
    }
}
