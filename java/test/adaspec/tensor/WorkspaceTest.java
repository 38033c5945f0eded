package adaspec.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import adaspec.TestBackends;
import adaspec.device.Device;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class WorkspaceTest {
    @Test
    void memoryIsGivenBackAtTheEndOfAStepAndUsedAgain() {
        try (var workspace = new Workspace(TestBackends.allocator())) {
            long first;
            try (var step = workspace.begin()) {
                first = step.f32(1000, 7).segment().address();
            }
            try (var step = workspace.begin()) {
                assertEquals(first, step.f32(3).segment().address());
                long beforeInner = step.f32(5).segment().address();
                long inner;
                try (var nested = workspace.begin()) {
                    inner = nested.f32(9).segment().address();
                }
                assertTrue(inner > beforeInner);
                assertEquals(inner, step.f32(9).segment().address());
            }
            // Larger than a slab: a slab of its own, and the next step finds it again.
            try (var step = workspace.begin()) {
                step.f32(10_000_000);
                step.f32(10);
            }
            long reserved = workspace.reservedBytes();
            try (var step = workspace.begin()) {
                step.f32(10_000_000);
                step.f32(10);
            }
            assertEquals(reserved, workspace.reservedBytes());
            assertTrue(workspace.peakBytes() >= 40_000_000);
        }
    }

    /** A batch that is a little larger than all before must not need its whole memory anew, as it would in slabs cut to fit. */
    @Test
    void stepsOfGrowingSizeShareOneReservedRange() {
        try (var device = Device.open("reference", 1);
                var workspace = new Workspace(device.newAllocator())) {
            assumeTrue(System.getProperty("os.name").equals("Linux"), "only Linux reserves address space");
            for (int n = 5_000_000; n < 5_001_000; n += 100) {
                try (var step = workspace.begin()) {
                    Tensor a = step.f32(n);
                    Tensor b = step.f32(n);
                    a.set(n - 1, 1);
                    b.set(0, 2);
                    assertEquals(1, a.get(n - 1));
                    assertEquals(0, a.segment().address() % 64);
                }
            }
            assertEquals(workspace.peakBytes(), workspace.reservedBytes());
            assertTrue(workspace.peakBytes() < 8 * 5_001_000 + 1000);
        }
    }

    @Test
    void largeBlocksArriveZeroedAndEndWithTheirAllocator() {
        try (var device = Device.open("reference", 1);
                var memory = device.newAllocator()) {
            MemorySegment block = memory.allocate(64L << 20);
            assertEquals(64L << 20, block.byteSize());
            assertEquals(0, block.get(ValueLayout.JAVA_LONG, (64L << 20) - 8));
            block.set(ValueLayout.JAVA_LONG, (64L << 20) - 8, 5);
            assertEquals(5, block.get(ValueLayout.JAVA_LONG, (64L << 20) - 8));
            memory.close();
            assertThrows(IllegalStateException.class, () -> block.get(ValueLayout.JAVA_LONG, 0));
        }
    }

    @Test
    void tensorsOfOneStepDoNotOverlapAndArriveOnCacheLines() {
        try (var workspace = new Workspace(TestBackends.allocator());
                var step = workspace.begin()) {
            Tensor a = step.f32(3);
            Tensor b = step.f32(5);
            assertTrue(b.segment().address() >= a.segment().address() + a.bytes());
            assertEquals(0, b.segment().address() % 64);
        }
    }

    @Test
    void anOuterStepCannotTakeOrEndWhileAnInnerOneIsOpen() {
        try (var workspace = new Workspace(TestBackends.allocator())) {
            var outer = workspace.begin();
            var inner = workspace.begin();
            assertThrows(IllegalStateException.class, () -> outer.f32(1));
            assertThrows(IllegalStateException.class, outer::close);
            inner.close();
            inner.close();
            outer.close();
            assertThrows(IllegalStateException.class, () -> outer.f32(1));
        }
    }

    @Test
    void poisonedMemoryShowsReadsBeforeWrites() {
        try (var workspace = new Workspace(TestBackends.allocator(), true);
                var step = workspace.begin()) {
            assertTrue(Float.isNaN(step.f32(4).get(2)));
        }
    }

    @Test
    void columnsAndRowsShareMemoryUnderAStride() {
        Tensor matrix = Tensor.ofFloats(new float[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 3, 4);
        Tensor middle = matrix.columns(1, 3);
        assertEquals(6, middle.get(1, 1));
        assertEquals(9, middle.rows(2, 3).get(0, 0));
        middle.set(2, 0, -9);
        assertEquals(-9, matrix.get(2, 1));
        assertThrows(IllegalStateException.class, () -> middle.view(6));
        assertThrows(IndexOutOfBoundsException.class, () -> matrix.rows(2, 4));
        assertThrows(IndexOutOfBoundsException.class, () -> matrix.columns(3, 5));
    }
}
