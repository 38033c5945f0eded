package adaspec.train;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.model.Model;
import adaspec.model.Weights;
import adaspec.tensor.DType;
import adaspec.tensor.Safetensors;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * A whole checkpoint of {@link Checkpoints}: the state of a stage after a step, to take the stage up from. trainer_state.json holds the size and the
 * CRC-32C of every other file, so that damage is seen before anything is built on it.
 */
public final class Checkpoint {
    static final String OPTIMIZER = "optimizer.safetensors";
    static final String STATE = "trainer_state.json";
    private static final String FIRST_MOMENT = "exp_avg.";
    private static final String SECOND_MOMENT = "exp_avg_sq.";

    private final Path folder;
    private final JsonNode state;

    private Checkpoint(Path folder, JsonNode state) {
        this.folder = folder;
        this.state = state;
    }

    /**
     * Opens a checkpoint and compares its files with what it says of them.
     *
     * @throws InputException if it is damaged or incomplete
     */
    public static Checkpoint open(Path folder) {
        Path stateFile = folder.resolve(STATE);
        if (!Files.isRegularFile(stateFile)) {
            throw new InputException(Files.isDirectory(folder)
                    ? folder + " is not a whole checkpoint: it has no " + STATE
                    : "there is no checkpoint " + folder);
        }
        JsonNode state = Json.readFile(stateFile);
        for (String key : new String[] {"stage", "step", "total_steps", "steps_per_epoch", "tokens", "seconds", "run", "files"}) {
            if (!state.has(key)) {
                throw new InputException(folder + " is not a whole checkpoint: its " + STATE + " has no \"" + key + "\"");
            }
        }
        JsonNode step = state.get("step");
        if (!step.isIntegralNumber() || step.asLong() < 0 || step.asLong() > state.get("total_steps").asLong()
                || !state.get("run").isObject() || !state.get("files").isObject()) {
            throw new InputException(folder + " is damaged: its " + STATE + " is not what was written");
        }
        ObjectNode found = checksums(folder);
        state.get("files").properties().forEach(file -> {
            JsonNode there = found.get(file.getKey());
            if (there == null || !bytes(file.getValue()).equals(bytes(there))) {
                throw new InputException(folder + " is damaged: " + file.getKey() + (there == null
                        ? " is missing"
                        : " is not what was written (" + bytes(there) + ", then " + bytes(file.getValue()) + ")"));
            }
        });
        if (!state.get("files").has(OPTIMIZER) || !state.get("files").has("model.safetensors")) {
            throw new InputException(folder + " is not a whole checkpoint: it has no model or no optimizer");
        }
        return new Checkpoint(folder, state);
    }

    private static String bytes(JsonNode file) {
        return file.path("bytes").asText() + " bytes with the CRC-32C " + file.path("crc32c").asText();
    }

    /** Name -> size and CRC-32C of the files of {@code folder}, the state aside. */
    static ObjectNode checksums(Path folder) {
        ObjectNode sums = Json.MAPPER.createObjectNode();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                String name = file.getFileName().toString();
                if (Files.isRegularFile(file) && !name.equals(STATE)) {
                    sums.putObject(name).put("bytes", Files.size(file)).put("crc32c", String.format("%08x", crc32c(file)));
                }
            }
        } catch (IOException e) {
            throw new InputException("cannot read " + folder + ": " + AtomicFile.reason(e), e);
        }
        return sums;
    }

    private static long crc32c(Path file) throws IOException {
        var sum = new CRC32C();
        ByteBuffer piece = ByteBuffer.allocateDirect(1 << 20);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            while (channel.read(piece) >= 0) {
                sum.update(piece.flip());
                piece.clear();
            }
        }
        return sum.getValue();
    }

    /** The moments as they lie in {@link #OPTIMIZER}. */
    static void putMoments(AdamWOptimizer optimizer, Map<String, Tensor> file) {
        optimizer.firstMoment().tensors().forEach((name, tensor) -> file.put(FIRST_MOMENT + name, tensor));
        optimizer.secondMoment().tensors().forEach((name, tensor) -> file.put(SECOND_MOMENT + name, tensor));
    }

    /** Copies the model into {@code weights}, bit for bit. */
    public void restore(Weights weights, Workspace.Allocator allocator) {
        try (Model model = Model.open(folder, DType.F32, allocator)) {
            if (!model.weights().tensors().keySet().equals(weights.tensors().keySet())) {
                throw new InputException(folder + " holds another kind of model than the one in training");
            }
            weights.tensors().forEach((name, tensor) -> tensor.copyFrom(sameShape(name, model.weights().get(name), tensor)));
        }
    }

    /** Copies the moments and the number of steps into {@code optimizer}. */
    void restore(AdamWOptimizer optimizer) {
        try (var file = Safetensors.open(folder.resolve(OPTIMIZER))) {
            optimizer.firstMoment().tensors().forEach((name, tensor) -> tensor.copyFrom(file.require(FIRST_MOMENT + name, tensor.shape())));
            optimizer.secondMoment().tensors().forEach((name, tensor) -> tensor.copyFrom(file.require(SECOND_MOMENT + name, tensor.shape())));
            String steps = file.metadata().getOrDefault("steps", Long.toString(step()));
            if (!steps.matches("\\d{1,18}")) {
                throw new InputException(folder + " is damaged: the \"steps\" of its " + OPTIMIZER + " are no whole number");
            }
            optimizer.resumeAt(Long.parseLong(steps));
        }
    }

    private Tensor sameShape(String name, Tensor stored, Tensor wanted) {
        if (!java.util.Arrays.equals(stored.shape(), wanted.shape())) {
            throw new InputException(folder + ": " + name + " has the shape " + java.util.Arrays.toString(stored.shape()) + "; "
                    + java.util.Arrays.toString(wanted.shape()) + " was expected");
        }
        return stored;
    }

    /** The folder that was opened. */
    public Path folder() {
        return folder;
    }

    public String stage() {
        return state.get("stage").asText();
    }

    /** Steps that are done. */
    public long step() {
        return state.get("step").asLong();
    }

    /** Whether the stage is done. */
    public boolean isLast() {
        return step() == state.get("total_steps").asLong();
    }

    long tokens() {
        return state.get("tokens").asLong();
    }

    double seconds() {
        return state.get("seconds").asDouble();
    }

    /** The step of the best evaluation, or -1. */
    public long bestStep() {
        return state.path("best_step").asLong(-1);
    }

    double bestAcceptance() {
        return state.path("best_expected_acceptance").asDouble(Double.NEGATIVE_INFINITY);
    }

    double heldOutLoss() {
        return state.path("held_out_loss").asDouble(Double.NaN);
    }

    double heldOutAcceptance() {
        return state.path("held_out_expected_acceptance").asDouble(Double.NaN);
    }

    /** What the run was given: texts by names. */
    public JsonNode run() {
        return state.get("run");
    }

    /** What the stage had come to. */
    public Trainer.Outcome outcome() {
        return new Trainer.Outcome(stage(), step(), tokens(), seconds(), heldOutLoss(), heldOutAcceptance());
    }
}
