package adaspec.device;

import adaspec.common.InputException;
import adaspec.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Where models run: {@code cpu} (the native library) or {@code reference} (plain Java). Single operations also run on a {@link CudaDevice}.
 *
 * <p>A device that was asked for by name and is missing is an error, never a silent fall-back. May be shared by threads. The number of threads is the
 * process's: of two open devices the one opened last has set it; results do not depend on it.
 */
public final class Device implements AutoCloseable {
    private final String name;
    private final int threads;
    private final List<String> notes;
    private final Kernels kernels;
    private final NativeLibraries libraries;
    private final MappedFiles files;
    /** Made when it is first asked for. */
    private Gemm gemm;
    private final AtomicLong bytesHeld = new AtomicLong();

    private Device(String name, int threads, List<String> notes, Kernels kernels, NativeLibraries libraries, MappedFiles files) {
        this.name = name;
        this.threads = threads;
        this.notes = notes;
        this.kernels = kernels;
        this.libraries = libraries;
        this.files = files;
    }

    /**
     * Opens the device {@code requested}: {@code auto}, {@code cpu} or {@code reference}; {@code cuda[:N]} runs no models yet.
     *
     * @param threads of the processor; 0: all
     * @throws InputException if it is missing or unknown; {@code auto} takes {@code reference} instead and says why in {@link #notes}
     */
    public static Device open(String requested, int threads) {
        int count = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
        if (count < 1) {
            throw new InputException("--threads " + threads + " is out of range; 1 or more was expected");
        }
        if (requested.matches("cuda(:\\d+)?")) {
            throw new InputException("--device " + requested + ": on a GPU this version runs single operations (bench kernels) and no models yet; use"
                    + " --device cpu");
        }
        return switch (requested) {
            case "reference" -> reference(count, List.of());
            case "cpu" -> {
                try {
                    yield cpu(count);
                } catch (NativeLibraries.Missing e) {
                    throw new InputException("--device cpu: " + e.getMessage() + "; use --device reference, which is plain Java and slow", e);
                }
            }
            case "auto" -> {
                try {
                    yield cpu(count);
                } catch (NativeLibraries.Missing e) {
                    yield reference(count, List.of(e.getMessage() + "; running in plain Java (--device reference), which is slow"));
                }
            }
            default -> throw new InputException("--device " + requested + " is unknown; auto, cpu, cuda[:N] or reference was expected");
        };
    }

    private static Device reference(int threads, List<String> notes) {
        return new Device("reference", threads, notes, null, null, MappedFiles.UNWATCHED);
    }

    private static Device cpu(int threads) throws NativeLibraries.Missing {
        NativeLibraries libraries = NativeLibraries.load();
        MappedFiles files = libraries.pages().map(MappedFiles::new).orElse(MappedFiles.UNWATCHED);
        Kernels kernels = new Kernels(libraries.cpu(), files);
        try {
            kernels.setThreads(threads);
            // A tier forced by the environment that this processor lacks shows at the first operation.
            kernels.add(MemorySegment.NULL, MemorySegment.NULL, MemorySegment.NULL, 0);
        } catch (IllegalArgumentException | DeviceException e) {
            throw new InputException("--device cpu: " + e.getMessage(), e);
        }
        return new Device("cpu", threads, List.of(), kernels, libraries, files);
    }

    /** {@code cpu} or {@code reference}. */
    public String name() {
        return name;
    }

    /** At least 1. The reference device uses one whatever this says. */
    public int threads() {
        return threads;
    }

    /** What the user should know about the choice: a line each, mostly none. */
    public List<String> notes() {
        return notes;
    }

    /** The device in words: instructions, threads, libraries. */
    public String describe() {
        if (kernels == null) {
            return "reference: plain Java, one thread";
        }
        return describeKernels() + ", " + gemm().describe();
    }

    /** The device in words, as far as decoding uses it: without the library for matrix products. */
    public String describeKernels() {
        return kernels == null ? describe() : kernels.backend() + ", " + threads + (threads == 1 ? " thread" : " threads");
    }

    /** The native operations. */
    public Kernels kernels() {
        if (kernels == null) {
            throw new IllegalStateException("the device " + name + " has no native operations");
        }
        return kernels;
    }

    /** The library for matrix products, which serves training: loaded when it is first asked for, since decoding has no use for its 50 MB. */
    public synchronized Gemm gemm() {
        if (libraries == null) {
            throw new IllegalStateException("the device " + name + " has no library for matrix products");
        }
        if (gemm == null) {
            gemm = new OneDnnGemm(libraries.oneDnn(), libraries.openMp(), threads, files);
        }
        return gemm;
    }

    /** Memory of this device, zeroed, aligned to 64 bytes; it lives until the allocator is closed, whichever thread does that. */
    public Workspace.Allocator newAllocator() {
        return new HostMemory(bytesHeld, files);
    }

    /** Bytes that open allocators of this device hold, reserved ranges included: 0 once all of them are closed. */
    public long bytesHeld() {
        return bytesHeld.get();
    }

    /** Where things that the jar brings along are unpacked: the property {@code adaspec.cache}, $ADASPEC_CACHE, or a folder of the user's cache. */
    public static java.nio.file.Path cacheFolder() {
        return NativeCache.defaultRoot(System.getenv());
    }

    /**
     * Makes {@code cache}, for this user alone, if it is not there.
     *
     * @return where it really is
     * @throws java.io.IOException if other users could change what is in it, or it cannot be made
     */
    public static java.nio.file.Path requirePrivate(java.nio.file.Path cache) throws java.io.IOException {
        return PrivateFolder.root(cache);
    }

    /**
     * A folder of {@code cache}, a {@linkplain #requirePrivate private place}, that this user alone may write to; it is made if it is not there.
     *
     * @throws java.io.IOException if it is another user's, or others may write there
     */
    public static java.nio.file.Path requirePrivate(java.nio.file.Path cache, String name) throws java.io.IOException {
        return PrivateFolder.in(cache, name);
    }

    /** Gives back what the device holds; the processor holds nothing. Closing twice is calm. */
    @Override
    public void close() {}
}
