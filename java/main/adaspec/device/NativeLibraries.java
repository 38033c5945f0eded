package adaspec.device;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.Locale;

/**
 * The native libraries of this build, loaded once per process: libgomp first, so that oneDNN and our own library share it and its threads.
 *
 * <p>From a folder of classes they are loaded where they lie; from a jar through {@link NativeCache}.
 */
record NativeLibraries(SymbolLookup openMp, SymbolLookup oneDnn, SymbolLookup cpu, Path folder) {
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
                    : unpack(new NativeCache(NativeCache.defaultRoot(System.getenv())), name -> open(resources, base + name));
            // The arena is the process's: code may still run in a library while the last device closes.
            SymbolLookup openMp = SymbolLookup.libraryLookup(folder.resolve("libgomp.so.1"), Arena.global());
            SymbolLookup oneDnn = SymbolLookup.libraryLookup(folder.resolve("libdnnl.so.3"), Arena.global());
            SymbolLookup cpu = SymbolLookup.libraryLookup(folder.resolve("libadaspec_cpu.so"), Arena.global());
            return new NativeLibraries(openMp, oneDnn, cpu, folder);
        } catch (IOException e) {
            throw new Missing("the native libraries cannot be unpacked: " + AtomicFile.reason(e), e);
        } catch (IllegalArgumentException | URISyntaxException e) {
            throw new Missing("the native libraries cannot be loaded: " + e.getMessage(), e);
        }
    }

    private static Path unpack(NativeCache cache, NativeCache.Source source) throws IOException {
        try {
            return cache.unpack(source);
        } catch (InputException e) {
            throw new IOException(e.getMessage() + ", or name one with -Dadaspec.cache=DIR", e);
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
