package adaspec.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;

import adaspec.TestBackends;
import adaspec.common.Json;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every loss and its gradient against PyTorch's autograd in f64 (java/golden/train/losses_golden.py). Tolerance: a loss is a sum of f32 terms of its own
 * size and of log-sum-exps near 5, each rounded to 2e-7.
 */
class LossGoldenTest {
    private static final int ROWS = 4;
    private static final int IDS = 19;
    private static final int[] ANSWERS = {3, 18, 0, 5};
    private static final double TOLERANCE = 1e-6;

    static Stream<Ops> backends() {
        return TestBackends.all().stream();
    }

    private static JsonNode golden() {
        return Json.readFile(Path.of("java/golden/train/losses.json"));
    }

    /** The numbers of {@code lattice} in losses_golden.py, times 4. */
    private static Tensor logits(Workspace.Step step, int state) {
        Tensor logits = step.f32(ROWS, IDS);
        for (int i = 0; i < ROWS * IDS; i++) {
            state = 1664525 * state + 1013904223;
            logits.set(i / IDS, i % IDS, 4 * ((state >>> 8) / 8388608f - 1));
        }
        return logits;
    }

    private static Tensor draftLogits(Workspace.Step step, Tensor target) {
        Tensor draft = logits(step, 12);
        draft.rows(3, 4).copyFrom(target.rows(3, 4));
        draft.set(3, 5, target.get(3, 5) + 2);
        return draft;
    }

    private static void compare(String name, Tensor loss, Tensor gradient) {
        JsonNode expected = golden().get(name);
        for (int i = 0; i < ROWS; i++) {
            assertEquals(expected.get("loss").get(i).doubleValue(), loss.get(i), TOLERANCE * (1 + loss.get(i)), name + ", row " + i);
            for (int v = 0; v < IDS; v++) {
                double want = expected.get("gradient").get(i * IDS + v).doubleValue();
                assertEquals(want, gradient.get(i, v), TOLERANCE * (1 + Math.abs(want)), name + ", gradient " + i + ", " + v);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void divergences(Ops ops) {
        for (Divergence divergence : Divergence.values()) {
            try (var workspace = new Workspace(TestBackends.allocator(), true);
                    var step = workspace.begin()) {
                Tensor target = logits(step, 11);
                Tensor draft = draftLogits(step, target);
                var row = new RowStatistics(
                        step.f32(ROWS), step.f32(ROWS), step.f32(ROWS), step.f32(ROWS), null, step.f32(ROWS), step.f32(ROWS));
                ops.distillForward(divergence, row, null, null, target, draft, null);
                Tensor gradient = step.f32(ROWS, IDS);
                ops.distillBackward(divergence, gradient, target, draft, row, null, 1);
                compare(divergence.name().toLowerCase(Locale.ROOT), row.loss(), gradient);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void crossEntropy(Ops ops) {
        try (var workspace = new Workspace(TestBackends.allocator(), true);
                var step = workspace.begin()) {
            Tensor draft = draftLogits(step, logits(step, 11));
            Tensor loss = step.f32(ROWS);
            Tensor lse = step.f32(ROWS);
            ops.crossEntropy(loss, lse, draft, step.i32(ANSWERS));
            Tensor gradient = step.f32(ROWS, IDS);
            ops.crossEntropyBackward(gradient, draft, lse, step.i32(ANSWERS), 1);
            compare("ce", loss, gradient);
        }
    }
}
