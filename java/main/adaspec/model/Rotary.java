package adaspec.model;

import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;

/**
 * The angles of the rotary position embedding (Su et al., RoFormer, 2021), for as many positions as were asked for so far: a config.json may promise
 * millions of positions that no text of a run reaches.
 */
final class Rotary {
    private static final int FIRST = 512;

    private final Architecture architecture;
    private final Workspace.Allocator allocator;
    private Tensor table;

    /** @param allocator holds the tables; a larger one takes the place of a smaller one, whose memory stays with the allocator */
    Rotary(Architecture architecture, Workspace.Allocator allocator) {
        this.architecture = architecture;
        this.allocator = allocator;
    }

    /** Makes {@link #table} long enough for {@code positions} positions. */
    void cover(int positions) {
        if (table == null || table.rows() < positions) {
            long doubled = table == null ? FIRST : 2 * table.rows();
            table = fill(Math.toIntExact(Math.min(Math.max(doubled, positions), Math.max(architecture.maxPositions(), positions))));
        }
    }

    /**
     * (at least the positions covered, R): for each position R/2 cosines, then R/2 sines of position * base^(-2i/R), scaled. Frequencies and angles are
     * rounded to f32 where transformers rounds them, so that late positions agree with it.
     */
    Tensor table() {
        return table;
    }

    private Tensor fill(int positions) {
        int rotary = architecture.rotaryDim();
        int half = rotary / 2;
        Tensor filled = Tensor.of(allocator.allocate((long) positions * rotary * DType.F32.bytes()), DType.F32, positions, rotary);
        for (int i = 0; i < half; i++) {
            float unscaled = (float) (1.0 / (float) Math.pow(architecture.rotaryBase(), (float) (2 * i) / rotary));
            float frequency = architecture.rotaryScaling().scale(unscaled);
            for (int position = 0; position < positions; position++) {
                float angle = position * frequency;
                filled.set(position, i, (float) Math.cos(angle));
                filled.set(position, half + i, (float) Math.sin(angle));
            }
        }
        return filled;
    }
}
