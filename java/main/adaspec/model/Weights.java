package adaspec.model;

import adaspec.common.InputException;
import adaspec.ops.Ops;
import adaspec.ops.Philox;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * The parameters of a model, or a gradient, or a moment of the optimiser: one tensor for each name of {@link Architecture#parameters}.
 *
 * <p>Trainable weights lie in one f32 arena, matrices first, so that the optimiser walks two flat ranges and a checkpoint is one block.
 * Frozen weights may keep the type of their file; vectors (norms, biases) are always f32.
 */
public final class Weights {
    /** What block i computes with. Biases of norms are null where the architecture has none. Shapes: see {@link Architecture#parameters}. */
    record Layer(
            Tensor norm1Gain,
            Tensor norm1Bias,
            LinearMap qkv,
            LinearMap attentionOut,
            Tensor norm2Gain,
            Tensor norm2Bias,
            LinearMap mlpIn,
            LinearMap mlpOut) {}

    private final Architecture architecture;
    private final Map<String, Tensor> tensors;
    private final List<Layer> layers = new ArrayList<>();
    private final Tensor arena;
    private final long matrixElements;
    /** The rounded copy that a model in training computes with, or null: it computes with these. */
    private Weights rounded;

    private Weights(Architecture architecture, Map<String, Tensor> tensors, Tensor arena, long matrixElements) {
        this.architecture = architecture;
        this.tensors = tensors;
        this.arena = arena;
        this.matrixElements = matrixElements;
        for (int i = 0; i < architecture.layers(); i++) {
            String layer = "layers." + i + ".";
            layers.add(new Layer(
                    tensors.get(layer + "norm1.gain"),
                    tensors.get(layer + "norm1.bias"),
                    linearMap(layer, architecture.qkvParts()),
                    linearMap(layer, List.of("attention_out")),
                    tensors.get(layer + "norm2.gain"),
                    tensors.get(layer + "norm2.bias"),
                    linearMap(layer, architecture.mlpInParts()),
                    linearMap(layer, List.of("mlp_out"))));
        }
    }

    private LinearMap linearMap(String layer, List<String> parts) {
        return new LinearMap(
                parts.stream().map(part -> tensors.get(layer + part + ".weight")).toList(),
                parts.stream().map(part -> tensors.get(layer + part + ".bias")).toList());
    }

    /** Weights over given tensors, one for each parameter with its shape. */
    public static Weights of(Architecture architecture, Map<String, Tensor> tensors) {
        Map<String, Tensor> ordered = new LinkedHashMap<>();
        for (Architecture.Parameter parameter : architecture.parameters()) {
            Tensor tensor = tensors.get(parameter.name());
            if (tensor == null || !java.util.Arrays.equals(tensor.shape(), parameter.shape())) {
                throw new IllegalArgumentException(parameter.name() + " is " + tensor);
            }
            ordered.put(parameter.name(), tensor);
        }
        return new Weights(architecture, ordered, null, 0);
    }

    /** A zeroed f32 arena: matrices in the order of {@link Architecture#parameters}, then vectors in that order. */
    public static Weights zeros(Architecture architecture, Workspace.Allocator allocator) {
        Tensor arena = Tensor.of(
                        allocator.allocate(architecture.parameterCount() * DType.F32.bytes()), DType.F32, architecture.parameterCount())
                .zero();
        long matrices = architecture.parameters().stream().filter(Architecture.Parameter::isMatrix).mapToLong(Architecture.Parameter::size).sum();
        Map<String, Tensor> placed = new LinkedHashMap<>();
        place(architecture, true, arena, 0, placed);
        place(architecture, false, arena, matrices, placed);
        return new Weights(architecture, inOrder(architecture, placed), arena, matrices);
    }

    /** Lays the matrices, or the vectors, one after the other into {@code arena} from element {@code offset} on. */
    private static void place(Architecture architecture, boolean matrices, Tensor arena, long offset, Map<String, Tensor> placed) {
        for (Architecture.Parameter parameter : architecture.parameters()) {
            if (parameter.isMatrix() == matrices) {
                placed.put(parameter.name(), arena.rows(offset, offset + parameter.size()).view(parameter.shape()));
                offset += parameter.size();
            }
        }
    }

    private static Map<String, Tensor> inOrder(Architecture architecture, Map<String, Tensor> tensors) {
        Map<String, Tensor> ordered = new LinkedHashMap<>();
        architecture.parameters().forEach(p -> ordered.put(p.name(), tensors.get(p.name())));
        return ordered;
    }

    /**
     * Lets the model in training compute with matrices rounded to {@code type} while the optimiser moves these f32 ones: {@link #computed} is from now on
     * a copy whose vectors are shared and whose matrices follow at each {@link #refresh}. With F32 nothing changes.
     */
    public Weights computedIn(DType type, Ops ops, Workspace.Allocator allocator) {
        if (type != DType.F32) {
            Tensor matrices = Tensor.of(allocator.allocate(matrixElements * type.bytes()), type, matrixElements);
            Map<String, Tensor> placed = new LinkedHashMap<>(tensors);
            place(architecture, true, matrices, 0, placed);
            rounded = new Weights(architecture, inOrder(architecture, placed), matrices, matrixElements);
            refresh(ops);
        }
        return computed();
    }

    /** What a model in training computes with: these weights, or their rounded copy. */
    public Weights computed() {
        return rounded == null ? this : rounded;
    }

    /** Rounds the matrices to {@link #computed} anew, after they changed. */
    public void refresh(Ops ops) {
        if (rounded != null && matrixElements > 0) {
            ops.cast(rounded.arena, arenaMatrices());
        }
    }

    /** An f32 arena holding these weights: what training starts from. */
    public Weights trainableCopy(Workspace.Allocator allocator) {
        Weights copy = zeros(architecture, allocator);
        tensors.forEach((name, tensor) -> copy.get(name).copyFrom(tensor));
        return copy;
    }

    /**
     * Fills an arena as a new model: matrices from normal(0, initializer_range), norm gains 1, biases 0. A number is a function of the seed,
     * the parameter's place in the list and its index, so the same seed gives the same bytes.
     */
    public void initialize(long seed) {
        int place = 0;
        for (Architecture.Parameter parameter : architecture.parameters()) {
            Tensor tensor = get(parameter.name());
            if (parameter.isMatrix()) {
                fillNormal(tensor, seed, place, architecture.initializerRange());
            } else {
                float value = parameter.name().endsWith("gain") ? 1f : 0f;
                for (long i = 0; i < tensor.size(); i++) {
                    tensor.set(i, value);
                }
            }
            place++;
        }
    }

    /** Box-Muller on pairs of 53-bit and 32-bit uniforms of one Philox block. */
    private static void fillNormal(Tensor tensor, long seed, int place, double deviation) {
        long n = tensor.size();
        LongStream.range(0, (n + 1) / 2).parallel().forEach(pair -> {
            int[] block = Philox.block(seed, pair, place, Philox.INIT);
            double u1 = ((((block[0] & 0xffffffffL) << 21) | ((block[1] & 0xffffffffL) >>> 11)) + 0.5) * 0x1.0p-53;
            double u2 = (((block[2] & 0xffffffffL) << 21) | ((block[3] & 0xffffffffL) >>> 11)) * 0x1.0p-53;
            double radius = Math.sqrt(-2 * StrictMath.log(u1)) * deviation;
            tensor.set(2 * pair, (float) (radius * StrictMath.cos(2 * Math.PI * u2)));
            if (2 * pair + 1 < n) {
                tensor.set(2 * pair + 1, (float) (radius * StrictMath.sin(2 * Math.PI * u2)));
            }
        });
    }

    /** Rounds every value to what {@code type} can hold, to nearest: what a file of that type would give back. */
    public void roundTo(DType type) {
        if (type == DType.F32) {
            return;
        }
        for (Tensor tensor : tensors.values()) {
            for (long i = 0, n = tensor.size(); i < n; i++) {
                float value = tensor.get(i);
                tensor.set(i, type == DType.BF16
                        ? DType.bf16ToFloat(DType.floatToBf16(value))
                        : Float.float16ToFloat(Float.floatToFloat16(value)));
            }
        }
    }

    public Architecture architecture() {
        return architecture;
    }

    /** The tensor of a canonical name. */
    public Tensor get(String name) {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException("no parameter is called " + name);
        }
        return tensor;
    }

    /** All tensors by canonical name, in the order of {@link Architecture#parameters}. */
    public Map<String, Tensor> tensors() {
        return java.util.Collections.unmodifiableMap(tensors);
    }

    Layer layer(int i) {
        return layers.get(i);
    }

    public Tensor embedding() {
        return get(Architecture.EMBEDDING);
    }

    /** (V, C): the vocabulary head; the embedding where tied. */
    public Tensor head() {
        return get(architecture.tiedHead() ? Architecture.EMBEDDING : Architecture.HEAD);
    }

    public Tensor finalGain() {
        return get(Architecture.FINAL_GAIN);
    }

    /** Null where norms have no bias. */
    public Tensor finalBias() {
        return tensors.get(Architecture.FINAL_BIAS);
    }

    /** The whole arena as a vector; only for trainable weights and their like. */
    public Tensor arena() {
        if (arena == null) {
            throw new IllegalStateException("these weights are frozen: they have no arena");
        }
        return arena;
    }

    /** The part of the arena that weight decay applies to: the matrices. */
    public Tensor arenaMatrices() {
        return arena().rows(0, matrixElements);
    }

    /** The rest of the arena: norms and biases. */
    public Tensor arenaVectors() {
        return arena().rows(matrixElements, arena.rows());
    }

    /** Bytes of all tensors. */
    public long bytes() {
        return tensors.values().stream().mapToLong(Tensor::bytes).sum();
    }

    /** Fails with a sentence that names the tensor if a value is NaN or infinite; {@code where} names the model. */
    public void requireFinite(String where) {
        tensors.forEach((name, tensor) -> {
            for (long i = 0, n = tensor.size(); i < n; i++) {
                float value = tensor.get(i);
                if (!Float.isFinite(value)) {
                    throw new InputException(where + ": parameter " + name + " holds " + value + " at index " + i + "; finite weights were expected");
                }
            }
        });
    }
}
