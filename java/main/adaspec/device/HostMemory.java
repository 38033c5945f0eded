package adaspec.device;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import adaspec.tensor.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Memory of the host, zeroed: small blocks from an arena of the JVM, large ones as pages straight from the system.
 *
 * <p>Pages come into being, and are zeroed, when they are first touched, in huge pages where the system has them: the JVM would zero every byte on
 * allocation, and would count it against its limit of direct memory. Where the system gives none (another system than Linux, a limit on the address
 * space) large blocks come from the arena too.
 */
final class HostMemory implements Workspace.Allocator {
    /** The size of a huge page on x86-64 and on most others. */
    private static final long HUGE_PAGE = 2L << 20;

    private static final long SMALL = HUGE_PAGE;
    /** More than a step of decoding takes, and little enough for thousands of sessions in the 128 TB of a process's addresses. */
    private static final long MOST_RESERVED = 1L << 35;
    private static final long LEAST_RESERVED = 1L << 30;

    private final Arena arena = Arena.ofShared();
    private final AtomicLong held;
    private final AtomicLong own = new AtomicLong();
    private final MappedFiles files;

    /**
     * @param held  the device's count of bytes
     * @param files those of the device
     */
    HostMemory(AtomicLong held, MappedFiles files) {
        this.held = held;
        this.files = files;
    }

    @Override
    public Runnable watch(MemorySegment map, Path file) {
        return files.watch(map, file);
    }

    @Override
    public MemorySegment allocate(long bytes) {
        MemorySegment mapped = bytes < SMALL ? null : Pages.map(bytes, arena);
        return counted(mapped != null ? mapped : arena.allocate(bytes, 64));
    }

    private MemorySegment counted(MemorySegment segment) {
        own.addAndGet(segment.byteSize());
        held.addAndGet(segment.byteSize());
        return segment;
    }

    @Override
    public MemorySegment reserve() {
        for (long bytes = MOST_RESERVED; bytes >= LEAST_RESERVED; bytes /= 2) {
            MemorySegment mapped = Pages.map(bytes, arena);
            if (mapped != null) {
                return counted(mapped);
            }
        }
        return null;
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
            held.addAndGet(-own.getAndSet(0));
        }
    }

    /** The system's mmap, munmap and madvise. */
    private static final class Pages {
        private static final boolean LINUX = System.getProperty("os.name").equals("Linux");
        private static final int READ_AND_WRITE = 0x1 | 0x2;
        /** Private, anonymous, and without a promise that all of it can be touched. */
        private static final int FLAGS = 0x2 | 0x20 | 0x4000;

        private static final int ADVISE_HUGE_PAGES = 14;
        private static final long FAILED = -1;

        private static final MethodHandle MAP = bind(
                "mmap", FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
        private static final MethodHandle UNMAP = bind("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
        private static final MethodHandle ADVISE = bind("madvise", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));

        private Pages() {}

        private static MethodHandle bind(String name, FunctionDescriptor type) {
            Linker linker = Linker.nativeLinker();
            return LINUX ? linker.downcallHandle(linker.defaultLookup().find(name).orElseThrow(), type) : null;
        }

        /** {@code bytes} from the start of a huge page on, until {@code arena} is closed; null where the system refuses. */
        static MemorySegment map(long bytes, Arena arena) {
            if (!LINUX) {
                return null;
            }
            long whole = bytes + HUGE_PAGE;
            try {
                long start = (long) MAP.invokeExact(MemorySegment.NULL, whole, READ_AND_WRITE, FLAGS, -1, 0L);
                if (start == FAILED) {
                    return null;
                }
                long aligned = (start + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
                // A wish: where there are no huge pages the answer is an error, and small ones do.
                int ignored = (int) ADVISE.invokeExact(aligned, bytes, ADVISE_HUGE_PAGES);
                return MemorySegment.ofAddress(aligned).reinterpret(bytes, arena, segment -> unmap(start, whole));
            } catch (RuntimeException | Error e) {
                throw e;
            } catch (Throwable e) {
                throw new IllegalStateException("mmap threw", e);
            }
        }

        private static void unmap(long start, long bytes) {
            try {
                int ignored = (int) UNMAP.invokeExact(start, bytes);
            } catch (Throwable e) {
                throw new IllegalStateException("munmap threw", e);
            }
        }
    }
}
