package adaspec.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import adaspec.tensor.DType;
import adaspec.train.PhaseClock.Phase;
import org.junit.jupiter.api.Test;

/** Floors of the tiny shape, counted by hand: V 512; target C 64, 2 layers, I 256; draft C 32, 1 layer, I 128. 3 sequences of 5 tokens. */
class StepFloorsTest {
    private static final double ROWS = 3 * 4;
    private static final double KEPT = 5;
    /** Pairs of a query and a key it sees: 1 + 2 + 3 + 4 + 5 in each sequence. */
    private static final double PAIRS = 3 * 15;

    private static StepFloors floors(DType precision, boolean remembered, Peaks peaks) {
        return new StepFloors(TrainingShape.TINY.target(), TrainingShape.TINY.draft(), 3, 5, KEPT, precision, remembered, peaks);
    }

    @Test
    void productsCountAMultiplicationAndAnAdditionForEachTerm() {
        // A million operations a second in f32, bytes in no time.
        var floors = floors(DType.F32, false, new Peaks(1e6, Double.NaN, Double.POSITIVE_INFINITY));
        double target = 2 * 15 * 2 * (64 * 192 + 64 * 64 + 2 * 64 * 256) + 2 * (2 * 2 * PAIRS * 64);
        double draft = 2 * 15 * (32 * 96 + 32 * 32 + 2 * 32 * 128) + 2 * 2 * PAIRS * 32;
        assertEquals(target * 1e-6, floors.seconds(Phase.TARGET_BODY), 1e-9);
        assertEquals(draft * 1e-6, floors.seconds(Phase.REFERENCE_BODY), 1e-9);
        assertEquals(draft * 1e-6, floors.seconds(Phase.DRAFT_BODY), 1e-9);
        assertEquals(2 * draft * 1e-6, floors.seconds(Phase.BODY_BACKWARD), 1e-9);
        assertEquals(2 * ROWS * 512 * 64 * 1e-6, floors.seconds(Phase.TARGET_HEAD), 1e-9);
        assertEquals(2 * ROWS * 512 * 32 * 1e-6, floors.seconds(Phase.REFERENCE_HEAD), 1e-9);
        assertEquals(2 * ROWS * 512 * 32 * 1e-6, floors.seconds(Phase.DRAFT_HEAD), 1e-9);
        assertEquals(2 * (2 * KEPT * 512 * 32) * 1e-6, floors.seconds(Phase.HEAD_BACKWARD), 1e-9);
        assertEquals(0, floors.seconds(Phase.LOSS));
    }

    @Test
    void streamsCountEachByteOnce() {
        var floors = floors(DType.BF16, false, new Peaks(Double.NaN, Double.POSITIVE_INFINITY, 1e6));
        assertEquals(2 * ROWS * 512 * 4 * 1e-6, floors.seconds(Phase.LOSS), 1e-9);
        assertEquals(2 * ROWS * 512 * 4 * 1e-6, floors.seconds(Phase.REFERENCE_HEAD), 1e-9);
        assertEquals(3 * KEPT * 512 * 4 * 1e-6, floors.seconds(Phase.LOSS_GRADIENT), 1e-9);
        assertEquals(ROWS * 4 * 1e-6, floors.seconds(Phase.SELECTION), 1e-9);
        // Embedding and head; four matrices with biases; three norms.
        double parameters = 2 * 512 * 32 + (32 * 96 + 96) + (32 * 32 + 32) + (32 * 128 + 128) + (128 * 32 + 32) + 3 * 2 * 32;
        assertEquals(parameters * (9 * 4 + 2) * 1e-6, floors.seconds(Phase.OPTIMIZER), 1e-9);
        assertEquals(0, floors.seconds(Phase.TARGET_BODY));
    }

    @Test
    void whatIsRememberedIsOnlyRead() {
        var floors = floors(DType.BF16, true, new Peaks(1e6, 1e6, 1e6));
        assertEquals(ROWS * 64 * 2 * 1e-6, floors.seconds(Phase.TARGET_BODY), 1e-9);
        assertEquals(0, floors.seconds(Phase.REFERENCE_BODY));
        assertEquals(ROWS * 4 * 1e-6, floors.seconds(Phase.REFERENCE_HEAD), 1e-9);
        assertEquals(2 * ROWS * 512 * 64 * 1e-6, floors.seconds(Phase.TARGET_HEAD), 1e-9);
    }
}
