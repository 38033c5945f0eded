package adaspec.bench;

import adaspec.engine.Backend;
import adaspec.model.Architecture;
import adaspec.model.Model;
import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.LongStream;

/** A model to measure: random in a given shape, or a user's own. */
public sealed interface ModelSource {
    /** Makes or opens it. {@code memory} holds what is not a file's, and is closed after the model. */
    Opened open(Backend backend, Workspace.Allocator memory);

    /** A model that is open. */
    record Opened(Transformer model, AutoCloseable files) implements AutoCloseable {
        @Override
        public void close() {
            try {
                files.close();
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IllegalStateException("cannot close a model's files", e);
            }
        }
    }

    /**
     * Random weights of {@code shape}, matrices in {@code type}: made where they stay, without a wider copy. They are uniform of the deviation that
     * a new model has, which costs a tenth of a normal law and makes no difference to the time of anything.
     */
    record Random(PythiaShape shape, DType type, long seed) implements ModelSource {
        @Override
        public Opened open(Backend backend, Workspace.Allocator memory) {
            Architecture architecture = shape.architecture();
            Map<String, Tensor> tensors = new HashMap<>();
            for (Architecture.Parameter parameter : architecture.parameters()) {
                DType stored = parameter.isMatrix() ? type : DType.F32;
                Tensor tensor = Tensor.of(memory.allocate(parameter.size() * stored.bytes()), stored, parameter.shape());
                if (parameter.isMatrix()) {
                    fillUniform(tensor, architecture.initializerRange(), seed + tensors.size());
                } else if (parameter.name().endsWith("gain")) {
                    fill(tensor, 1);
                }
                tensors.put(parameter.name(), tensor);
            }
            return new Opened(new Transformer(backend.ops(), Weights.of(architecture, tensors), memory), () -> {});
        }

        private static void fillUniform(Tensor matrix, double deviation, long seed) {
            float most = (float) (deviation * Math.sqrt(3));
            LongStream.range(0, matrix.rows()).parallel().forEach(row -> {
                var random = new SplittableRandom(seed << 32 | row);
                long first = row * matrix.columns();
                for (long i = 0; i < matrix.columns(); i++) {
                    matrix.set(first + i, most * (random.nextInt() * 0x1p-31f));
                }
            });
        }

        private static void fill(Tensor vector, float value) {
            for (long i = 0; i < vector.size(); i++) {
                vector.set(i, value);
            }
        }

        @Override
        public String toString() {
            return shape + " " + type.name().toLowerCase(Locale.ROOT);
        }
    }

    /** A Hugging Face directory; {@code type} of its matrices, null: as the file has them. */
    record Directory(Path path, DType type) implements ModelSource {
        @Override
        public Opened open(Backend backend, Workspace.Allocator memory) {
            Model model = Model.open(path, type, memory);
            return new Opened(new Transformer(backend.ops(), model.weights(), memory), model);
        }

        @Override
        public String toString() {
            return path + (type == null ? "" : " " + type.name().toLowerCase(Locale.ROOT));
        }
    }
}
