package adaspec;

import adaspec.ops.Ops;
import adaspec.ops.ReferenceOps;
import adaspec.tensor.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The devices a test runs on: the reference always, the processor's native library where it is built. */
public final class TestBackends {
    private TestBackends() {}

    public static List<Ops> all() {
        return List.of(new ReferenceOps());
    }

    /** Memory for a test; close it or leave it to the collector. */
    public static Workspace.Allocator allocator() {
        Arena arena = Arena.ofShared();
        return new Workspace.Allocator() {
            @Override
            public MemorySegment allocate(long bytes) {
                return arena.allocate(bytes, 64);
            }

            @Override
            public void close() {
                arena.close();
            }
        };
    }
}
