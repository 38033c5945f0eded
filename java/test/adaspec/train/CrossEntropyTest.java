package adaspec.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.model.Model;
import adaspec.model.Sequences;
import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.tensor.DType;
import adaspec.tensor.Safetensors;
import adaspec.tensor.Workspace;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class CrossEntropyTest {
    private static final Path GOLDEN = Path.of("java/golden/neox-parallel");

    static List<Ops> devices() {
        return TestBackends.all();
    }

    /** The batch of java/golden/gradient_golden.py, in two micro-batches, in one chunk and in many. */
    @ParameterizedTest
    @MethodSource("devices")
    void gradientEqualsPyTorch(Ops ops) {
        var batches = List.of(
                new MicroBatch(new Sequences(new int[] {5, 17, 3, 44, 60, 1, 2, 9}, new int[] {0, 7, 8}), new int[] {1, 1}),
                new MicroBatch(Sequences.single(new int[] {33, 33, 12, 7, 50, 21, 8, 8, 40, 2, 63}), new int[] {1}));
        for (long budget : new long[] {16 * 64 * 3, 1 << 20}) {
            try (var allocator = TestBackends.allocator();
                    var workspace = new Workspace(TestBackends.allocator(), true);
                    var model = Model.open(GOLDEN, DType.F32, allocator);
                    var golden = Safetensors.open(GOLDEN.resolve("gradients.safetensors"))) {
                var transformer = new Transformer(ops, model.weights().trainableCopy(allocator), allocator);
                Weights gradient = Weights.zeros(model.architecture(), allocator);
                var tally = new Tally();
                var objective = new CrossEntropy(transformer, new LogitsBudget(budget), workspace);
                objective.accumulate(1, batches, 1f / 16, gradient, tally);
                assertEquals(16, tally.keptTokens());
                assertEquals(19, tally.tokens());
                double norm = 0;
                for (var tensor : golden.tensors().values()) {
                    for (long i = 0; i < tensor.size(); i++) {
                        norm += Math.pow(tensor.get(i), 2);
                    }
                }
                var head = golden.require("embed_out.weight", 64, 32);
                double difference = 0;
                for (long i = 0; i < head.size(); i++) {
                    difference += Math.pow(head.get(i) - gradient.head().get(i), 2);
                }
                assertTrue(Math.sqrt(difference) <= 1e-5 * Math.sqrt(norm));
                assertEquals(Math.sqrt(norm), Math.sqrt(ops.sumOfSquares(gradient.arena())), 1e-5 * Math.sqrt(norm));

                var evaluated = new Tally();
                batches.forEach(batch -> objective.evaluate(batch, evaluated));
                assertEquals(tally.loss(Normalizer.ALL), evaluated.meanLoss(), 1e-5);
                assertTrue(!evaluated.isDistilled() && evaluated.answerTokens() == 16);
            }
        }
    }
}
