package adaspec.device;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * cuBLAS, loaded once per process, and JCublas2 on it.
 *
 * <p>JCublas2 is linked with libcublas.so.12. Where only cuBLAS 13 is there, a library of this build with that name and its versioned symbols
 * ({@code cuda/forward}) is loaded before it and hands every call on. It is looked for: the file that $ADASPEC_CUBLAS names, and nothing else;
 * without that, what the loader knows as libcublas.so.12, then as libcublas.so.13; then these names in the folders of {@link LibrarySearch}.
 *
 * @param version   major, minor and patch
 * @param file      where it lies
 * @param forwarded whether calls go through the forwarding library
 */
record CublasLibrary(String version, String file, boolean forwarded) {
    static final String FORWARDING = "libadaspec_cublas12.so";

    private static final String VARIABLE = "ADASPEC_CUBLAS";
    private static final List<Integer> VERSIONS = List.of(12, 13);

    /** Libraries belong to the process: hence the one static field. */
    private static CublasLibrary loaded;

    /** A library that the loader has taken. */
    private record Found(SymbolLookup symbols, String major, String version) {}

    /**
     * Loads cuBLAS and JCublas2.
     *
     * @param folder of this build's native libraries
     * @throws DeviceException if there is none, or none that can be used
     */
    static synchronized CublasLibrary load(Path folder) {
        if (loaded == null) {
            loaded = load(folder, System.getenv(), LibrarySearch.here());
        }
        return loaded;
    }

    private static CublasLibrary load(Path folder, Map<String, String> environment, LibrarySearch search) {
        Found found = find(environment.get(VARIABLE), search);
        boolean forwarded = found.major.equals("13");
        if (!forwarded && !found.major.equals("12")) {
            throw new DeviceException("cuBLAS " + found.version + " is neither 12 nor 13");
        }
        if (forwarded) {
            try {
                SymbolLookup.libraryLookup(folder.resolve(FORWARDING), Arena.global());
            } catch (IllegalArgumentException e) {
                throw new DeviceException(FORWARDING + ", which hands calls for cuBLAS 12 to cuBLAS 13, is missing from this build");
            }
        }
        try {
            JCudaNatives.initialize("jcuda.jcublas.JCublas2", folder);
        } catch (LinkageError e) {
            throw new DeviceException("JCublas2 cannot be loaded: " + JCudaRuntime.firstLine(e));
        }
        return new CublasLibrary(found.version, place("libcublas.so." + found.major).orElse("a place that the system does not tell"), forwarded);
    }

    private static Found find(String named, LibrarySearch search) {
        if (named != null && !named.isBlank()) {
            return open(Path.of(named)).orElseThrow(() -> new DeviceException(VARIABLE + " is " + named + ", which cannot be loaded as cuBLAS"));
        }
        return VERSIONS.stream().flatMap(version -> openByName(version).stream()).findFirst()
                .or(() -> VERSIONS.stream()
                        .flatMap(version -> search.first("libcublas.so." + version).stream())
                        .flatMap(file -> open(file).stream())
                        .findFirst())
                .orElseThrow(() -> new DeviceException("cuBLAS was not found: neither libcublas.so.12 nor libcublas.so.13 is known to the loader or"
                        + " lies in a usual folder of CUDA or Python; " + VARIABLE + "=FILE names one"));
    }

    private static Optional<Found> openByName(int version) {
        lookup("libcublasLt.so." + version);
        return lookup("libcublas.so." + version).flatMap(CublasLibrary::identify);
    }

    /** libcublasLt first: where cuBLAS does not say where to look for it, it is taken from the same folder. */
    private static Optional<Found> open(Path file) {
        Path name = file.getFileName();
        if (name != null) {
            lookup(file.toAbsolutePath().resolveSibling(name.toString().replace("libcublas.", "libcublasLt.")).toString());
        }
        return lookup(file.toAbsolutePath().toString()).flatMap(CublasLibrary::identify);
    }

    private static Optional<SymbolLookup> lookup(String name) {
        try {
            return Optional.of(SymbolLookup.libraryLookup(name, Arena.global()));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** Asks the library for its version, which needs no GPU. */
    private static Optional<Found> identify(SymbolLookup library) {
        return library.find("cublasGetProperty").map(symbol -> {
            var function = Linker.nativeLinker().downcallHandle(symbol, FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));
            String[] parts = new String[3];
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment value = arena.allocate(JAVA_INT);
                for (int i = 0; i < parts.length; i++) {
                    int status = (int) function.invokeExact(i, value);
                    parts[i] = status == 0 ? Integer.toString(value.get(JAVA_INT, 0)) : "?";
                }
            } catch (RuntimeException | Error e) {
                throw e;
            } catch (Throwable e) {
                throw new IllegalStateException("cublasGetProperty threw", e);
            }
            return new Found(library, parts[0], String.join(".", parts));
        });
    }

    /** The file behind a loaded library, as the system lists it. */
    private static Optional<String> place(String name) {
        try {
            return Files.readAllLines(Path.of("/proc/self/maps")).stream()
                    .filter(line -> line.contains("/" + name))
                    .map(line -> line.substring(line.indexOf('/')))
                    .findFirst();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** In words. */
    String describe() {
        return "cuBLAS " + version + " (" + file + (forwarded ? ", by forwarding" : "") + ")";
    }
}
