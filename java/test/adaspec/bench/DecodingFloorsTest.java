package adaspec.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import adaspec.engine.Backend;
import adaspec.tensor.DType;
import org.junit.jupiter.api.Test;

/** Floors of the tiny shape, counted by hand: V 512, C 64, 2 layers, I 256. */
class DecodingFloorsTest {
    private static final long MATRICES = 2 * (64 * 192 + 64 * 64 + 2 * 64 * 256);
    /** Biases of a layer's four projections and two norms, and the final norm. */
    private static final long VECTORS = 2 * (192 + 64 + 256 + 64 + 4 * 64) + 2 * 64;

    private static DecodingFloors floors(DType type) {
        try (var backend = Backend.open("reference", 1);
                var memory = backend.newAllocator();
                var opened = new ModelSource.Random(PythiaShape.TINY, type, 1).open(backend, memory)) {
            return DecodingFloors.of(opened.model().weights());
        }
    }

    @Test
    void aStepReadsAllWeightsButOneRowOfTheEmbedding() {
        assertEquals(2 * (MATRICES + 64 + 512 * 64) + 4 * VECTORS, floors(DType.BF16).weightBytes());
        assertEquals(4 * (MATRICES + 64 + 512 * 64 + VECTORS), floors(DType.F32).weightBytes());
    }

    @Test
    void aStepReadsTheCacheOfThePositionsBeforeItAndItsOwn() {
        DecodingFloors floors = floors(DType.BF16);
        assertEquals(2 * 2 * 64 * 4, floors.positionBytes());
        // The steps after a text of 10 tokens read 10, 11 and 12 positions.
        assertEquals(floors.weightBytes() + 11 * floors.positionBytes(), floors.stepBytes(10, 3), 1e-9);
        assertEquals(floors.weightBytes() + 10 * floors.positionBytes(), floors.stepBytes(10, 1), 1e-9);
    }

    @Test
    void aPromptTakesItsMatricesItsAttentionAndOneRowOfTheHead() {
        double attention = 2 * 4 * (1 + 2 + 3 + 4 + 5) * 64;
        assertEquals(2 * 5 * MATRICES + attention + 2 * 512 * 64, floors(DType.BF16).prefillOperations(5), 1e-9);
    }
}
