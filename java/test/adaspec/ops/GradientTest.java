package adaspec.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every backward, on every device, against differences of its forward: the loss is a weighted sum of the forward's outputs, the weights are the
 * gradient that comes in.
 *
 * <p>Differences are of fourth order with steps of 0.03: the error of the formula is about 1e-6, that of outputs rounded to f32 about 1e-7 / 0.03
 * each.
 */
class GradientTest {
    private static final float STEP = 0.03f;
    private static final double TOLERANCE = 3e-4;

    static Stream<Ops> backends() {
        return TestBackends.all().stream();
    }

    private static void with(Consumer<Workspace.Step> test) {
        try (var workspace = new Workspace(TestBackends.allocator(), true);
                var step = workspace.begin()) {
            test.accept(step);
        }
    }

    private static Tensor random(Workspace.Step step, long seed, long... shape) {
        Tensor tensor = step.f32(shape);
        var random = new SplittableRandom(seed);
        for (long i = 0; i < tensor.size(); i++) {
            tensor.set(i, (float) random.nextGaussian());
        }
        return tensor;
    }

    private static Tensor zeros(Workspace.Step step, long... shape) {
        return step.f32(shape).zero();
    }

    private static double dot(Tensor a, Tensor weights) {
        double sum = 0;
        for (long i = 0; i < a.size(); i++) {
            sum += (double) a.get(i) * weights.get(i);
        }
        return sum;
    }

    /** {@code loss} runs the forward and gives its loss; {@code gradient} is what the backward said about {@code x}. */
    private static void check(String what, Tensor x, Tensor gradient, java.util.function.DoubleSupplier loss) {
        boolean some = false;
        for (long i = 0; i < x.size(); i++) {
            float middle = x.get(i);
            double[] at = new double[5];
            for (int k = -2; k <= 2; k++) {
                x.set(i, middle + k * STEP);
                at[k + 2] = loss.getAsDouble();
            }
            x.set(i, middle);
            double slope = (8 * (at[3] - at[1]) - (at[4] - at[0])) / (12 * STEP);
            assertEquals(slope, gradient.get(i), TOLERANCE * (1 + Math.abs(slope)), what + ", element " + i);
            some |= Math.abs(slope) > 0.01;
        }
        assertTrue(some, what + " has no slope to speak of: this test sees nothing");
    }

    @ParameterizedTest
    @MethodSource("backends")
    void embedding(Ops ops) {
        with(step -> {
            Tensor table = random(step, 1, 4, 3);
            Tensor ids = step.i32(2, 0, 2, 3, 2);
            Tensor weights = random(step, 2, 5, 3);
            Tensor out = step.f32(5, 3);
            Tensor gradient = zeros(step, 4, 3);
            ops.embeddingBackward(gradient, weights, ids);
            check("table", table, gradient, () -> {
                ops.embedding(out, table, ids);
                return dot(out, weights);
            });
        });
    }

    @ParameterizedTest
    @MethodSource("backends")
    void layerNorm(Ops ops) {
        with(step -> {
            Tensor x = random(step, 1, 3, 7);
            Tensor gain = random(step, 2, 7);
            Tensor bias = random(step, 3, 7);
            Tensor weights = random(step, 4, 3, 7);
            Tensor out = step.f32(3, 7);
            Tensor mean = step.f32(3);
            Tensor rstd = step.f32(3);
            java.util.function.DoubleSupplier loss = () -> {
                ops.layerNorm(out, mean, rstd, x, gain, bias, 1e-3f);
                return dot(out, weights);
            };
            loss.getAsDouble();
            Tensor dx = zeros(step, 3, 7);
            Tensor dGain = zeros(step, 7);
            Tensor dBias = zeros(step, 7);
            ops.layerNormBackward(dx, dGain, dBias, weights, x, mean, rstd, gain);
            check("x", x, dx, loss);
            check("gain", gain, dGain, loss);
            check("bias", bias, dBias, loss);
        });
    }

    @ParameterizedTest
    @MethodSource("backends")
    void rmsNorm(Ops ops) {
        with(step -> {
            Tensor x = random(step, 1, 3, 7);
            Tensor gain = random(step, 2, 7);
            Tensor weights = random(step, 3, 3, 7);
            Tensor out = step.f32(3, 7);
            Tensor rstd = step.f32(3);
            java.util.function.DoubleSupplier loss = () -> {
                ops.rmsNorm(out, rstd, x, gain, 1e-3f);
                return dot(out, weights);
            };
            loss.getAsDouble();
            Tensor dx = zeros(step, 3, 7);
            Tensor dGain = zeros(step, 7);
            ops.rmsNormBackward(dx, dGain, weights, x, rstd, gain);
            check("x", x, dx, loss);
            check("gain", gain, dGain, loss);
        });
    }

    @ParameterizedTest
    @MethodSource("backends")
    void swiGlu(Ops ops) {
        with(step -> {
            Tensor x = random(step, 1, 3, 10);
            Tensor weights = random(step, 2, 3, 5);
            Tensor out = step.f32(3, 5);
            Tensor dx = step.f32(3, 10);
            ops.swiGluBackward(dx, weights, x);
            check("gates and ups", x, dx, () -> {
                ops.swiGlu(out, x);
                return dot(out, weights);
            });
        });
    }

    @ParameterizedTest
    @MethodSource("backends")
    void linear(Ops ops) {
        with(step -> {
            Tensor x = random(step, 1, 3, 5);
            Tensor weight = random(step, 2, 4, 5);
            Tensor bias = random(step, 3, 4);
            Tensor weights = random(step, 4, 3, 4);
            Tensor out = step.f32(3, 4);
            java.util.function.DoubleSupplier loss = () -> {
                ops.linear(out, x, weight, bias);
                return dot(out, weights);
            };
            Tensor dx = step.f32(3, 5);
            Tensor dWeight = zeros(step, 4, 5);
            Tensor dBias = zeros(step, 4);
            ops.linearBackwardInput(dx, weights, weight, false);
            ops.linearBackwardWeight(dWeight, weights, x);
            ops.biasBackward(dBias, weights);
            check("x", x, dx, loss);
            check("weight", weight, dWeight, loss);
            check("bias", bias, dBias, loss);
        });
    }

    @ParameterizedTest
    @MethodSource("backends")
    void rotary(Ops ops) {
        with(step -> {
            HeadLayout layout = HeadLayout.interleaved(2, 5);
            Tensor qkv = random(step, 1, 3, layout.rowWidth());
            Tensor table = random(step, 2, 4, 4);
            Tensor positions = step.i32(0, 3, 1);
            Tensor gradient = random(step, 3, 3, layout.rowWidth());
            Tensor weights = step.f32(3, layout.rowWidth()).copyFrom(gradient);
            Tensor out = step.f32(3, layout.rowWidth());
            // Rotation by a table that is orthogonal only up to scale: backward by the transposed map all the same.
            ops.rotary(gradient, layout, positions, table, true);
            check("qkv", qkv, gradient, () -> {
                out.copyFrom(qkv);
                ops.rotary(out, layout, positions, table, false);
                return dot(out, weights);
            });
        });
    }

    @ParameterizedTest
    @MethodSource("backends")
    void attention(Ops ops) {
        for (HeadLayout layout : List.of(HeadLayout.interleaved(2, 3), HeadLayout.stacked(4, 2, 3))) {
            with(step -> {
                Tensor qkv = random(step, 1, 6, layout.rowWidth());
                Tensor starts = step.i32(0, 2, 6);
                Tensor weights = random(step, 2, 6, layout.outputWidth());
                Tensor out = step.f32(6, layout.outputWidth());
                Tensor lse = step.f32(6, layout.queryHeads());
                java.util.function.DoubleSupplier loss = () -> {
                    ops.attention(out, lse, qkv, layout, starts, 0.5f);
                    return dot(out, weights);
                };
                loss.getAsDouble();
                Tensor gradient = step.f32(6, layout.rowWidth());
                ops.attentionBackward(gradient, weights, out, lse, qkv, layout, starts, 0.5f);
                check("qkv", qkv, gradient, loss);
            });
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void gelu(Ops ops) {
        for (Gelu kind : Gelu.values()) {
            with(step -> {
                Tensor x = random(step, 1, 40);
                Tensor weights = random(step, 2, 40);
                Tensor out = step.f32(40);
                Tensor gradient = step.f32(40);
                ops.geluBackward(gradient, weights, x, kind);
                check(kind.toString(), x, gradient, () -> {
                    ops.gelu(out, x, kind);
                    return dot(out, weights);
                });
            });
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void gatherAndScatter(Ops ops) {
        with(step -> {
            Tensor x = random(step, 1, 5, 3);
            Tensor rows = step.i32(4, 1);
            Tensor weights = random(step, 2, 2, 3);
            Tensor out = step.f32(2, 3);
            Tensor gradient = zeros(step, 5, 3);
            ops.scatterAddRows(gradient, weights, rows);
            check("x", x, gradient, () -> {
                ops.gatherRows(out, x, rows);
                return dot(out, weights);
            });
        });
    }

    /**
     * The gradient of the sum of 2 times each loss over rows 2 and 0 by the draft's logits. LK_HYBRID's holds its weight of the acceptance constant, so the
     * loss that is differentiated holds it too.
     */
    @ParameterizedTest
    @MethodSource("backends")
    void distillation(Ops ops) {
        for (Divergence divergence : Divergence.values()) {
            with(step -> {
                Tensor target = random(step, 1, 3, 9);
                Tensor draft = random(step, 2, 3, 9);
                RowStatistics row = statistics(step);
                ops.distillForward(divergence, row, null, null, target, draft, null);
                Tensor some = step.f32(2, 9);
                ops.distillBackward(divergence, some, target, draft, row, step.i32(2, 0), 2);
                Tensor gradient = zeros(step, 3, 9);
                ops.scatterAddRows(gradient, some, step.i32(2, 0));
                RowStatistics now = statistics(step);
                check(divergence.toString(), draft, gradient, () -> {
                    double sum = 0;
                    for (int i : new int[] {2, 0}) {
                        if (divergence == Divergence.LK_HYBRID) {
                            double weight = Math.exp(-3 * row.acceptance().get(i));
                            ops.distillForward(Divergence.TV, now, null, null, target, draft, null);
                            sum += weight * now.klDraft().get(i) + (1 - weight) * now.loss().get(i);
                        } else {
                            ops.distillForward(divergence, now, null, null, target, draft, null);
                            sum += now.loss().get(i);
                        }
                    }
                    return 2 * sum;
                });
            });
        }
    }

    private static RowStatistics statistics(adaspec.tensor.Workspace.Step step) {
        return new RowStatistics(step.f32(3), step.f32(3), step.f32(3), step.f32(3), null, step.f32(3), step.f32(3));
    }

    @ParameterizedTest
    @MethodSource("backends")
    void crossEntropy(Ops ops) {
        with(step -> {
            Tensor logits = random(step, 1, 3, 9);
            Tensor targets = step.i32(8, 0, 3);
            Tensor loss = step.f32(3);
            Tensor lse = step.f32(3);
            java.util.function.DoubleSupplier sum = () -> {
                ops.crossEntropy(loss, lse, logits, targets);
                return 2.0 * ((double) loss.get(0) + loss.get(1) + loss.get(2));
            };
            sum.getAsDouble();
            Tensor gradient = step.f32(3, 9);
            ops.crossEntropyBackward(gradient, logits, lse, targets, 2);
            check("logits", logits, gradient, sum);
        });
    }
}
