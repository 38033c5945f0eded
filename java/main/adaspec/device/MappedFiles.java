package adaspec.device;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import adaspec.common.InputException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The mapped files that a device's operations read. One that somebody cuts off, or that its disk gives no more, would end the process in the middle of
 * native code; libadaspec_pages.so gives zeros instead and counts, and the operation that has read them fails here.
 */
final class MappedFiles {
    /** What a device knows whose build lacks the library: nothing is watched. */
    static final MappedFiles UNWATCHED = new MappedFiles();

    private final MethodHandle watch;
    private final MethodHandle lost;
    private final MethodHandle forget;
    /** One i32, of the process: how often something was lost. */
    private final MemorySegment losses;
    /** The library's number of a map -> its file. */
    private final Map<Integer, Path> files = new ConcurrentHashMap<>();

    private MappedFiles() {
        watch = null;
        lost = null;
        forget = null;
        losses = MemorySegment.NULL.reinterpret(0);
    }

    MappedFiles(SymbolLookup library) {
        watch = bind(library, "watch", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));
        lost = bind(library, "lost", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
        forget = bind(library, "forget", FunctionDescriptor.ofVoid(JAVA_INT));
        try {
            losses = ((MemorySegment) bind(library, "losses", FunctionDescriptor.of(ADDRESS)).invokeExact()).reinterpret(Integer.BYTES);
        } catch (Throwable e) {
            throw Kernels.impossible(e);
        }
    }

    private static MethodHandle bind(SymbolLookup library, String name, FunctionDescriptor type) {
        MemorySegment symbol = library.find("adaspec_pages_" + name)
                .orElseThrow(() -> new LinkageError("the native library lacks adaspec_pages_" + name + "; it is of another version than this jar"));
        return Linker.nativeLinker().downcallHandle(symbol, type);
    }

    /**
     * Watches a whole map.
     *
     * @return to be run before the map is undone
     */
    Runnable watch(MemorySegment map, Path file) {
        if (watch == null || map.byteSize() == 0) {
            return () -> {};
        }
        int number;
        try {
            number = (int) watch.invokeExact(map, map.byteSize());
        } catch (Throwable e) {
            throw Kernels.impossible(e);
        }
        if (number < 0) {
            throw new DeviceException("no more files can be watched than the " + files.size() + " that are");
        }
        files.put(number, file);
        return () -> forget(number);
    }

    private void forget(int number) {
        if (files.remove(number) != null) {
            try {
                forget.invokeExact(number);
            } catch (Throwable e) {
                throw Kernels.impossible(e);
            }
        }
    }

    /** @throws InputException if one of this device's files was cut off: what was computed since is not to be used */
    void requireWhole() {
        if (losses.byteSize() != 0 && losses.get(JAVA_INT, 0) != 0) {
            files.forEach(this::requireWhole);
        }
    }

    private void requireWhole(int number, Path file) {
        int gone;
        try {
            gone = (int) lost.invokeExact(number);
        } catch (Throwable e) {
            throw Kernels.impossible(e);
        }
        if (gone != 0) {
            throw new InputException(file + " has become shorter, or cannot be read any more, while it was in use; leave a model's files alone until"
                    + " the command has ended, and start again");
        }
    }
}
