package adaspec.engine;

import adaspec.decode.DraftSampleMethod;
import adaspec.decode.ModelProposer;
import adaspec.decode.PlainDecoder;
import adaspec.decode.Sampling;
import adaspec.decode.Session;
import adaspec.decode.SpeculativeDecoder;
import adaspec.device.Device;
import adaspec.model.Model;
import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import adaspec.train.AdamWOptimizer;
import adaspec.train.Distillation;
import adaspec.train.FrozenModels;
import adaspec.train.LogitsBudget;
import adaspec.train.MicroBatch;
import adaspec.train.Normalizer;
import adaspec.train.Selection;
import adaspec.train.Tally;
import adaspec.train.TinyModels;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * A program that decodes and takes a step of training with whatever tier of the processor's library its environment forces, and prints each result as a
 * name and the bits of its numbers. Argument: the folder of {@link TierTest}'s models.
 */
final class TierProbe {
    static final int VOCABULARY = 61;
    static final int[] PROMPT = new Random(3).ints(37, 0, VOCABULARY).toArray();

    private TierProbe() {}

    public static void main(String[] arguments) {
        for (int threads : new int[] {1, 3}) {
            try (Device device = Device.open("cpu", threads)) {
                System.out.println("device " + device.describe());
                results(Ops.on(device), Path.of(arguments[0])).forEach((name, values) -> System.out.println(threads + " " + name + " " + bits(values)));
            }
        }
    }

    private static String bits(float[] values) {
        var text = new StringBuilder();
        for (float value : values) {
            text.append(Integer.toHexString(Float.floatToRawIntBits(value))).append(',');
        }
        return text.toString();
    }

    /** The numbers of a line that {@link #main} printed. */
    static float[] numbers(String bits) {
        String[] parts = bits.split(",");
        float[] values = new float[parts.length];
        for (int i = 0; i < parts.length; i++) {
            values[i] = Float.intBitsToFloat(Integer.parseUnsignedInt(parts[i], 16));
        }
        return values;
    }

    static Map<String, float[]> results(Ops ops, Path models) {
        Map<String, float[]> results = new LinkedHashMap<>();
        try (Backend backend = Backend.open("reference", 1);
                var memory = backend.newAllocator();
                var workspace = backend.newWorkspace()) {
            for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16}) {
                try (Model target = Model.open(models.resolve("target-" + type), null, memory);
                        Model draft = Model.open(models.resolve("draft-" + type), null, memory)) {
                    var targetModel = new Transformer(ops, target.weights(), memory);
                    decode(results, type, targetModel, new Transformer(ops, draft.weights(), memory), workspace, backend);
                }
            }
            try (Model target = Model.open(models.resolve("target-F32"), null, memory);
                    Model draft = Model.open(models.resolve("draft-F32"), null, memory)) {
                train(results, new Transformer(ops, target.weights(), memory), draft.weights(), workspace, memory);
            }
        }
        return results;
    }

    private static void decode(
            Map<String, float[]> results, DType type, Transformer target, Transformer draft, Workspace workspace, Backend backend) {
        int positions = target.architecture().maxPositions();
        try (var read = new Session("the target", target, VOCABULARY, positions, workspace, backend.newAllocator());
                var guess = new Session("the draft", draft, VOCABULARY, positions, workspace, backend.newAllocator())) {
            for (int chunk : new int[] {PROMPT.length, 1, 2, 5, 16}) {
                results.put("laws-" + type + "-" + chunk, laws(read, chunk, workspace));
                read.rewind(0);
            }
            int[] none = {};
            int[] plain = new PlainDecoder(read, none).decode(PROMPT, Sampling.greedy(20), 0, token -> {}).ids();
            var proposer = new ModelProposer(guess, DraftSampleMethod.PROBABILISTIC);
            int[] fast = new SpeculativeDecoder(read, proposer, 4, none).decode(PROMPT, Sampling.greedy(20), 0, token -> {}).ids();
            results.put("plain-" + type, floats(plain));
            results.put("speculative-" + type, floats(fast));
        }
    }

    private static float[] floats(int[] ids) {
        float[] values = new float[ids.length];
        IntStream.range(0, ids.length).forEach(i -> values[i] = ids[i]);
        return values;
    }

    /** (PROMPT.length, VOCABULARY): the law after every position, asked for in chunks. */
    private static float[] laws(Session session, int chunk, Workspace workspace) {
        float[] all = new float[PROMPT.length * VOCABULARY];
        for (int from = 0; from < PROMPT.length; from += chunk) {
            int to = Math.min(PROMPT.length, from + chunk);
            try (var step = workspace.begin()) {
                Tensor laws = step.f32(to - from, VOCABULARY);
                session.advance(java.util.Arrays.copyOfRange(PROMPT, from, to), laws);
                System.arraycopy(laws.toFloats(), 0, all, from * VOCABULARY, (to - from) * VOCABULARY);
            }
        }
        return all;
    }

    /** One step of selective distillation: its loss, its gradient, and the weights after it. */
    private static void train(Map<String, float[]> results, Transformer target, Weights start, Workspace workspace, Workspace.Allocator memory) {
        Ops ops = target.ops();
        Weights draft = start.trainableCopy(memory);
        var reference = new Transformer(ops, start, memory);
        Weights gradient = Weights.zeros(draft.architecture(), memory);
        var teachers = new FrozenModels(target, reference, VOCABULARY, workspace);
        // The reference is not the draft: else all gaps are 0 and rounding alone would select.
        draft.arenaMatrices().set(5, draft.arenaMatrices().get(5) + 1);
        var objective = new Distillation(
                teachers, new Transformer(ops, draft, memory), new Selection(0.4, Selection.Scope.MICRO_BATCH), new LogitsBudget(1 << 20), workspace);
        List<MicroBatch> step = List.of(TinyModels.batch(5, VOCABULARY, 1), TinyModels.batch(4, VOCABULARY, 2));
        var tally = new Tally();
        objective.accumulate(1, step, 1f / 16, gradient, tally);
        // A large epsilon: with a small one the first step has the size of the learning rate wherever the gradient is 0 but for rounding.
        var optimizer = new AdamWOptimizer(ops, draft, new AdamWOptimizer.Settings(0.9f, 0.999f, 1e-2f, 0.1f, 1), memory);
        optimizer.step(gradient, 1, optimizer.norm(gradient), 1e-2f);
        results.put("loss", new float[] {(float) tally.loss(Normalizer.ALL), tally.keptTokens()});
        results.put("gradient", gradient.arena().toFloats());
        results.put("stepped", draft.arena().toFloats());
    }
}
