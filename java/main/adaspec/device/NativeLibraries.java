package adaspec.device;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The native libraries of this build, loaded once per process: libgomp first, so that oneDNN and our own library share it and its threads. oneDNN is
 * loaded when it is first asked for.
 *
 * <p>From a folder of classes they are loaded where they lie; from a jar through {@link NativeCache}.
 */
record NativeLibraries(SymbolLookup openMp, SymbolLookup cpu, Path folder) {
    /** The library with the operations for NVIDIA GPUs. */
    static final String CUDA = "libadaspec_cuda.so";

    /** What survives files that are cut off. */
    static final String PAGES = "libadaspec_pages.so";

    private static final String PLATFORM = "linux-x86_64";

    /** Why there are none: a sentence without its end. */
    static final class Missing extends Exception {
        private static final long serialVersionUID = 1L;

        Missing(String reason, Throwable cause) {
            super(reason, cause);
        }
    }

    /** Libraries belong to the process, and loading one twice would give the same handles: hence the one static field. */
    private static NativeLibraries loaded;

    /** oneDNN. */
    SymbolLookup oneDnn() {
        try {
            return SymbolLookup.libraryLookup(folder.resolve("libdnnl.so.3"), Arena.global());
        } catch (IllegalArgumentException e) {
            throw new DeviceException("oneDNN cannot be loaded: " + e.getMessage());
        }
    }

    /** The library that watches mapped files; empty where the build is older than it. */
    Optional<SymbolLookup> pages() {
        Path file = folder.resolve(PAGES);
        return Files.exists(file) ? Optional.of(SymbolLookup.libraryLookup(file, Arena.global())) : Optional.empty();
    }

    /** The operations for NVIDIA GPUs: only where a CUDA compiler was there to build them. */
    SymbolLookup cuda() throws Missing {
        Path file = folder.resolve(CUDA);
        if (!Files.exists(file)) {
            throw new Missing(CUDA + " is missing from this build, which found no CUDA compiler", null);
        }
        try {
            return SymbolLookup.libraryLookup(file, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new Missing(CUDA + " cannot be loaded: " + e.getMessage(), e);
        }
    }

    static synchronized NativeLibraries load() throws Missing {
        if (loaded == null) {
            loaded = load(NativeLibraries.class.getClassLoader());
        }
        return loaded;
    }

    private static NativeLibraries load(ClassLoader resources) throws Missing {
        String here = System.getProperty("os.name").toLowerCase(Locale.ROOT) + "-" + System.getProperty("os.arch");
        if (!here.equals("linux-amd64")) {
            throw new Missing("the native library is built for " + PLATFORM + " and this is " + here, null);
        }
        String base = "native/" + PLATFORM + "/";
        URL library = resources.getResource(base + "libadaspec_cpu.so");
        if (library == null) {
            throw new Missing("libadaspec_cpu.so is missing from this build", null);
        }
        try {
            Path folder = library.getProtocol().equals("file")
                    ? Path.of(library.toURI()).getParent()
                    : unpack(NativeCache.defaultRoot(System.getenv()), name -> open(resources, base + name));
            quietOpenMp(System.getenv());
            // The arena is the process's: code may still run in a library while the last device closes.
            SymbolLookup openMp = SymbolLookup.libraryLookup(folder.resolve("libgomp.so.1"), Arena.global());
            SymbolLookup cpu = SymbolLookup.libraryLookup(folder.resolve("libadaspec_cpu.so"), Arena.global());
            return new NativeLibraries(openMp, cpu, folder);
        } catch (IOException e) {
            throw new Missing("the native libraries cannot be unpacked: " + e.getMessage(), e);
        } catch (IllegalArgumentException | URISyntaxException e) {
            throw new Missing("the native libraries cannot be loaded: " + e.getMessage() + "; where programs may not lie in that folder (noexec), name"
                    + " another with ADASPEC_CACHE=DIR", e);
        }
    }

    /**
     * Idle OpenMP threads sleep almost at once. By default they spin for milliseconds before they sleep: where another program wants the cores, each
     * small operation then waits for a time slice (measured with two busy neighbours on two cores: 11 ms an operation instead of 0.05). libgomp reads
     * this when it is loaded; what the user has set stands.
     */
    private static void quietOpenMp(Map<String, String> environment) {
        if (environment.containsKey("GOMP_SPINCOUNT") || environment.containsKey("OMP_WAIT_POLICY")) {
            return;
        }
        Linker linker = Linker.nativeLinker();
        MemorySegment setenv = linker.defaultLookup().find("setenv").orElseThrow();
        try (Arena arena = Arena.ofConfined()) {
            int status = (int) linker.downcallHandle(setenv, FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT))
                    .invokeExact(arena.allocateFrom("GOMP_SPINCOUNT"), arena.allocateFrom("100"), 0);
            if (status != 0) {
                throw new IllegalStateException("setenv failed");
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("setenv threw", e);
        }
    }

    private static Path unpack(Path root, NativeCache.Source source) throws IOException {
        try {
            return new NativeCache(root).unpack(source);
        } catch (InputException e) {
            throw new IOException(e.getMessage() + ", or name one with ADASPEC_CACHE=DIR", e);
        } catch (FileSystemException e) {
            // Its message is a path and perhaps a reason.
            throw new IOException("cannot use " + (e.getFile() == null ? root : e.getFile()) + ": " + AtomicFile.reason(e)
                    + "; name a folder with ADASPEC_CACHE=DIR", e);
        } catch (IOException e) {
            throw new IOException(e.getMessage() + "; name a folder of your own with ADASPEC_CACHE=DIR", e);
        }
    }

    private static InputStream open(ClassLoader resources, String name) throws IOException {
        InputStream in = resources.getResourceAsStream(name);
        if (in == null) {
            throw new FileNotFoundException(name + " is missing from this build");
        }
        return in;
    }
}
