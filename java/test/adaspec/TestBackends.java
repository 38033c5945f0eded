package adaspec;

import adaspec.device.Device;
import adaspec.ops.Ops;
import adaspec.ops.ReferenceOps;
import adaspec.tensor.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The devices a test runs on: the reference always, the processor's native library where it is built. */
public final class TestBackends {
    private TestBackends() {}

    /** The reference, and the processor where its library was built into this build's classes. {@code -Drequire=native} fails without it. */
    public static List<Ops> all() {
        return isNative() ? List.of(new ReferenceOps(), Ops.on(Device.open("cpu", 0))) : List.of(new ReferenceOps());
    }

    /** What {@code --device} is to be for a command whose device does not matter: the quicker one. */
    public static String device() {
        return isNative() ? "cpu" : "reference";
    }

    private static boolean isNative() {
        boolean is = TestBackends.class.getClassLoader().getResource("native/linux-x86_64/libadaspec_cpu.so") != null;
        if (!is && List.of(System.getProperty("require", "").split(",")).contains("native")) {
            throw new AssertionError("-Drequire=native, and libadaspec_cpu.so is not in this build");
        }
        return is;
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
