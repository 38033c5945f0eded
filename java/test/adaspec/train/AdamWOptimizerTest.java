package adaspec.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.common.Json;
import adaspec.model.Architecture;
import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.tensor.Tensor;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class AdamWOptimizerTest {
    static List<Ops> devices() {
        return TestBackends.all();
    }

    /** The golden has 96 matrix elements and 17 others; the arena has more: the rest has no gradient and stays 0. */
    @ParameterizedTest
    @MethodSource("devices")
    void tenStepsEqualTorch(Ops ops) {
        JsonNode golden = Json.readFile(Path.of("java/golden/train/adamw.json"));
        Architecture architecture = TinyModels.architecture(5, 8, 1, false);
        try (var allocator = TestBackends.allocator()) {
            Weights weights = Weights.zeros(architecture, allocator);
            Weights gradient = Weights.zeros(architecture, allocator);
            fill(weights.arenaMatrices(), 96, 5, 1);
            fill(weights.arenaVectors(), 17, 6, 1);
            var settings = AdamWOptimizer.Settings.of(golden.get("weight_decay").asDouble(), golden.get("clip").asDouble());
            var optimizer = new AdamWOptimizer(ops, weights, settings, allocator);
            float rate = (float) golden.get("lr").asDouble();
            int clipped = 0;
            for (int step = 1, seen = 0; step <= 10; step++) {
                double size = new double[] {1e-2, 1, 3, 1e-3, 0.1}[step % 5];
                // The gradient arrives scaled by a quarter, as an accumulated one may.
                fill(gradient.arenaMatrices(), 96, 100 + step, size / 4);
                fill(gradient.arenaVectors(), 17, 200 + step, size / 4);
                double norm = optimizer.norm(gradient);
                double expected = golden.get("norms").get(step - 1).asDouble();
                assertEquals(expected, 4 * norm, 1e-6 * expected);
                clipped += expected > 1 ? 1 : 0;
                optimizer.step(gradient, 4, norm, rate);
                JsonNode at = golden.get("steps").path(seen);
                if (at.path("step").asInt() == step) {
                    check(at.get("matrix"), weights.arenaMatrices(), step);
                    check(at.get("vector"), weights.arenaVectors(), step);
                    seen++;
                }
            }
            assertEquals(10, optimizer.steps());
            assertTrue(clipped > 2 && clipped < 8, "both sides of the clip were meant to be tried: " + clipped);
        }
    }

    private static void fill(Tensor tensor, int count, int seed, double size) {
        float[] values = SelectionTest.lattice(count, 0, seed);
        for (int i = 0; i < count; i++) {
            tensor.set(i, (float) (values[i] * size));
        }
    }

    private static void check(JsonNode expected, Tensor actual, int step) {
        assertTrue(expected.size() > 10 && actual.size() > expected.size());
        for (int i = 0; i < actual.size(); i++) {
            assertEquals(i < expected.size() ? expected.get(i).asDouble() : 0, actual.get(i), 1e-6, "step " + step + ", element " + i);
        }
    }
}
