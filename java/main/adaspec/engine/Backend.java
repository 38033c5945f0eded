package adaspec.engine;

import adaspec.common.InputException;
import adaspec.ops.Ops;
import adaspec.ops.ReferenceOps;
import adaspec.tensor.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;

/**
 * Where a model runs: the operations of a device and memory on it. One thread at a time, as its {@link Ops}; whatever was made from it is used
 * before it is closed.
 */
public final class Backend implements AutoCloseable {
    private final Ops ops;
    private final Supplier<Workspace.Allocator> memory;
    private final String description;
    private final Runnable close;

    /**
     * @param memory      makes allocators on the device, each closed by whoever asked for it
     * @param description the device in words
     * @param close       gives the device back
     */
    public Backend(Ops ops, Supplier<Workspace.Allocator> memory, String description, Runnable close) {
        this.ops = ops;
        this.memory = memory;
        this.description = description;
        this.close = close;
    }

    /**
     * Opens a device.
     *
     * @param device  auto, cpu, reference, cuda or cuda:N
     * @param threads of the processor, at least 1
     * @throws InputException if the device was asked for by name and is not there
     */
    public static Backend open(String device, int threads) {
        return switch (device) {
            case "auto", "reference" -> reference();
            case "cpu" -> throw new InputException("the device cpu is not there: this build has no native library; use --device reference");
            default -> throw new InputException("the device " + device + " is not there: this version has no kernels for it; use --device cpu");
        };
    }

    /** Plain Java: slow, and the oracle of the others. */
    public static Backend reference() {
        return new Backend(new ReferenceOps(), Backend::processorMemory, "reference (plain Java, one thread)", () -> {});
    }

    /** Memory of this process, aligned to 64 bytes. */
    static Workspace.Allocator processorMemory() {
        Arena arena = Arena.ofShared();
        return new Workspace.Allocator() {
            private boolean closed;

            @Override
            public MemorySegment allocate(long bytes) {
                return arena.allocate(Math.max(1, bytes), 64);
            }

            @Override
            public void close() {
                if (!closed) {
                    closed = true;
                    arena.close();
                }
            }
        };
    }

    public Ops ops() {
        return ops;
    }

    /** Memory on the device that lives until its own close. */
    public Workspace.Allocator newAllocator() {
        return memory.get();
    }

    /** Memory for steps, closed by the caller. */
    public Workspace newWorkspace() {
        return new Workspace(memory.get());
    }

    /** The device in words. */
    public String description() {
        return description;
    }

    @Override
    public void close() {
        close.run();
    }
}
