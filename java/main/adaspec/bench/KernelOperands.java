package adaspec.bench;

import adaspec.bench.KernelMachine.Operand;
import adaspec.device.Kernels;
import adaspec.ops.Draw;
import adaspec.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Makes operands of one case, each with numbers of its own. */
final class KernelOperands {
    /** Of logits: leaves a few hundred likely tokens of fifty thousand, as text does. */
    static final double LOGIT_DEVIATION = 3;

    private final KernelMachine.Memory memory;
    private long seed = 1;

    KernelOperands(KernelMachine.Memory memory) {
        this.memory = memory;
    }

    Operand normal(long count) {
        return normal(count, 1);
    }

    Operand normal(long count, double deviation) {
        return memory.filled(count * Float.BYTES, Fill.normal(deviation, seed++));
    }

    Operand normalBf16(long count, double deviation) {
        return memory.filled(count * DType.BF16.bytes(), Fill.normalBf16(deviation, seed++));
    }

    /** (rows, v) logits; equal seeds give equal logits. */
    Operand logits(long rows, long v, long lawSeed) {
        return logits(DType.F32, rows, v, lawSeed);
    }

    /** As {@link #logits(long, long, long)}, rounded to bf16 or not. */
    Operand logits(DType type, long rows, long v, long lawSeed) {
        return memory.filled(rows * v * type.bytes(),
                type == DType.BF16 ? Fill.normalBf16(LOGIT_DEVIATION, lawSeed) : Fill.normal(LOGIT_DEVIATION, lawSeed));
    }

    Operand zeros(long count) {
        return memory.filled(count * Float.BYTES, Fill.zero());
    }

    Operand ones(long count) {
        return memory.filled(count * Float.BYTES, Fill.constant(1));
    }

    Operand ids(long count, int limit) {
        return memory.filled(count * Integer.BYTES, Fill.ids(limit, seed++));
    }

    /** first, first + step, ... as i32. */
    Operand steps(long count, int first, int step) {
        return memory.filled(count * Integer.BYTES, Fill.steps(first, step));
    }

    Operand constantIds(long count, int value) {
        return steps(count, value, 0);
    }

    Operand draws(int count, float temperature, int topK, float topP) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = Kernels.draws(arena, count);
            for (int i = 0; i < count; i++) {
                var draw = new Draw(1, i, i, temperature, topK, topP);
                Kernels.setDraw(
                        host, i, draw.seed(), draw.position(), draw.sequence(), draw.temperature(), draw.topK(), draw.topP());
            }
            return memory.filled(host.byteSize(), to -> to.copyFrom(host));
        }
    }

    /** A struct that the C ABI reads on the host, wherever the operands are. */
    static MemorySegment layout(KernelShapes s) {
        int q = s.queryHeads();
        int k = s.keyHeads();
        int d = s.headDim();
        return Kernels.headLayout(Arena.ofAuto(), q, k, d, 0, q * d, (q + k) * d, d, d, s.rowWidth());
    }

    /** A table of cosines and sines, as good as any: 1 and 0 would not be shorter work. */
    Operand rotaryTable(long rows, int rotary) {
        return memory.filled(rows * rotary * Float.BYTES, segment -> {
            for (long i = 0; i < rows; i++) {
                for (int j = 0; j < rotary / 2; j++) {
                    double angle = i * Math.pow(10_000, -2.0 * j / rotary);
                    segment.setAtIndex(ValueLayout.JAVA_FLOAT, i * rotary + j, (float) Math.cos(angle));
                    segment.setAtIndex(ValueLayout.JAVA_FLOAT, i * rotary + rotary / 2 + j, (float) Math.sin(angle));
                }
            }
        });
    }
}
