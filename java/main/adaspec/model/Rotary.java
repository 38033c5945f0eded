package adaspec.model;

import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;

/** The angles of the rotary position embedding (Su et al., RoFormer, 2021). */
final class Rotary {
    private Rotary() {}

    /**
     * (P, R): for each position R/2 cosines, then R/2 sines of position * base^(-2i/R). Frequencies and angles are rounded to f32 where transformers
     * rounds them, so that late positions agree with it.
     */
    static Tensor table(Architecture architecture, Workspace.Allocator allocator) {
        int rotary = architecture.rotaryDim();
        int positions = architecture.maxPositions();
        int half = rotary / 2;
        Tensor table = Tensor.of(allocator.allocate((long) positions * rotary * DType.F32.bytes()), DType.F32, positions, rotary);
        for (int i = 0; i < half; i++) {
            float frequency = (float) (1.0 / (float) Math.pow(architecture.rotaryBase(), (float) (2 * i) / rotary));
            for (int position = 0; position < positions; position++) {
                float angle = position * frequency;
                table.set(position, i, (float) Math.cos(angle));
                table.set(position, half + i, (float) Math.sin(angle));
            }
        }
        return table;
    }
}
