package adaspec.model;

import adaspec.ops.Ops;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.function.Consumer;

/**
 * The linear maps of training in the precision of a run: operands as they are (f32), or rounded to bf16 just before each product, which is accumulated
 * in f32 either way. Everything between the products is f32.
 */
final class LinearMaps {
    private final Ops ops;
    private final DType operands;

    /** @param operands F32 or BF16 */
    LinearMaps(Ops ops, DType operands) {
        if (operands != DType.F32 && operands != DType.BF16) {
            throw new IllegalArgumentException("products of " + operands + " operands; F32 or BF16 was expected");
        }
        this.ops = ops;
        this.operands = operands;
    }

    /** What a product reads of x: x itself, or its rounded copy, taken from {@code step}. */
    Tensor operand(Workspace.Step step, Tensor x) {
        if (operands == x.dtype()) {
            return x;
        }
        Tensor rounded = step.tensor(operands, x.shape());
        ops.cast(rounded, x);
        return rounded;
    }

    /** What a product reads of the matrix (rows, columns) that {@code fill} writes; where it is rounded the f32 values are not kept. */
    Tensor operand(Workspace.Step step, long rows, long columns, Consumer<Tensor> fill) {
        Tensor operand = step.tensor(operands, rows, columns);
        if (operands == DType.F32) {
            fill.accept(operand);
            return operand;
        }
        try (var inner = step.inner()) {
            Tensor exact = inner.f32(rows, columns);
            fill.accept(exact);
            ops.cast(operand, exact);
        }
        return operand;
    }

    /**
     * The backward of out (N, O) = map of x (N, I): dx (N, I) is overwritten, the map of {@code gradient}, which lies in an arena, is added to.
     *
     * @param step    its memory is borrowed
     * @param dOut    (N, O) f32
     * @param operand x as the forward's product read it
     */
    void backward(Workspace.Step step, Tensor dx, LinearMap gradient, Tensor dOut, LinearMap map, Tensor operand) {
        backward(step, dx, gradient.weight(), gradient.bias(), dOut, map.weight(), operand);
    }

    /**
     * The backward of out (N, O) = x (N, I) weight(O, I)^T + bias: dx (N, I) is overwritten, dWeight and dBias (null: no bias) are added to.
     *
     * @param step    its memory is borrowed
     * @param dOut    (N, O) f32
     * @param operand x as the forward's product read it
     */
    void backward(Workspace.Step step, Tensor dx, Tensor dWeight, Tensor dBias, Tensor dOut, Tensor weight, Tensor operand) {
        try (var inner = step.inner()) {
            Tensor rounded = operand(inner, dOut);
            ops.linearBackwardInput(dx, rounded, weight, false);
            ops.linearBackwardWeight(dWeight, rounded, operand);
        }
        if (dBias != null) {
            ops.biasBackward(dBias, dOut);
        }
    }
}
