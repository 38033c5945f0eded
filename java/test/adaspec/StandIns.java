package adaspec;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** What the native build makes for tests in the place of a GPU: the emulated kernels and libraries under the names of NVIDIA's. */
public final class StandIns {
    private StandIns() {}

    /** The folder of the native build. */
    public static Path build() {
        Path usual = Path.of(System.getProperty("basedir", ""), "target", "cmake");
        return Path.of(System.getProperty("adaspec.cmake", usual.toString())).toAbsolutePath();
    }

    /** A file or folder among them. A build without native tests skips the test; one with them and not this fails it. */
    public static Path file(String name) {
        return made(build().resolve("standin").resolve(name));
    }

    private static Path made(Path file) {
        boolean skipped = Boolean.parseBoolean(System.getProperty("adaspec.skipNativeTests", "true"));
        if (!Files.exists(file) && !skipped) {
            throw new AssertionError(file + " is missing, though this build made the native tests");
        }
        Assumptions.assumeTrue(Files.exists(file), () -> file + " is missing: the native tests were not built");
        return file;
    }

    /** The kernels as the emulator runs them, in a library of the ABI. */
    public static Path emulatedKernels() {
        return made(build().resolve("cuda/emulator/libadaspec_emulated.so"));
    }
}
