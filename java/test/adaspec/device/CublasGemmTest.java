package adaspec.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.Processes;
import adaspec.StandIns;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** JCublas2 as it is, on stand-ins for cuBLAS 12 and 13 that compute and keep a record: which one is found, how it is set up, what a product becomes. */
class CublasGemmTest {
    private Path twelve;
    private Path thirteen;
    private Path driver;

    @TempDir
    private Path temporary;

    @BeforeEach
    void requireStandIns() {
        StandIns.emulatedKernels();
        twelve = StandIns.file("cublas12");
        thirteen = StandIns.file("cublas13");
        driver = StandIns.file("driver");
    }

    private List<String> probe(String what, Map<String, String> environment) throws Exception {
        var command = new ArrayList<>(Processes.java("--enable-native-access=ALL-UNNAMED"));
        command.addAll(List.of("-Djava.io.tmpdir=" + temporary, "-Dadaspec.cmake=" + StandIns.build(), CublasProbe.class.getName(), what));
        Processes.Ended ended = Processes.run(command, environment);
        assertEquals(0, ended.code(), ended.err());
        return ended.out().lines().toList();
    }

    private List<String> multiply(Path... folders) throws Exception {
        return probe("multiply", Map.of("LD_LIBRARY_PATH", path(folders)));
    }

    private static String path(Path... folders) {
        return Arrays.stream(folders).map(Path::toString).collect(Collectors.joining(":"));
    }

    private static void checkProducts(List<String> lines, int major, String how) {
        String all = String.join("\n", lines);
        assertTrue(lines.getFirst().matches("cuBLAS " + major + "\\.1\\.2 \\(/.*/libcublas\\.so\\." + major + how + "\\)"), all);
        assertEquals("held 33554432", lines.get(1), "the workspace is device memory");
        double worst = Double.parseDouble(lines.get(2).substring(lines.get(2).lastIndexOf(' ')));
        assertTrue(worst <= 1, all);
        assertEquals("cublasGemmEx of (2, 2) x (2, 2) with row strides 1, 1, 1 failed with CUBLAS_STATUS_INVALID_VALUE (7), " + lines.getFirst(),
                lines.get(4));
        assertEquals("not given back: 0", lines.get(5));
        assertEquals(List.of("loaded after libcublasLt", "create", "stream (nil)", "workspace given 33554432", "math mode 16"), lines.subList(6, 11));
        List<String> products = lines.subList(11, lines.size() - 2);
        assertEquals(64 + 1, products.size(), all);
        // (3, 5) = a (3, 7) b (7, 5): the factors change places, with b transposed first.
        assertEquals("gemm 0 0 5 3 7 types 0 0 0 compute 68 algorithm -1", products.get(1));
        assertTrue(products.contains("gemm 1 0 5 3 7 types 14 14 0 compute 68 algorithm -1"), all);
        assertEquals("destroy", lines.get(lines.size() - 2));
    }

    @Test
    void cublas12IsUsedAsItIs() throws Exception {
        checkProducts(multiply(twelve), 12, "");
    }

    @Test
    void cublas13IsUsedUnderTheNameOf12() throws Exception {
        List<String> lines = multiply(thirteen);
        checkProducts(lines, 13, ", by forwarding");
        assertEquals("missing function: 15", lines.get(3), "a function that is missing in 13 is not supported");
    }

    @Test
    void of12And13The12IsTakenWhereTheFileIsNotNamed() throws Exception {
        checkProducts(multiply(thirteen, twelve), 12, "");
    }

    @Test
    void theFileThatIsNamedIsTakenWhateverTheLoaderKnows() throws Exception {
        String named = thirteen.resolve("libcublas.so.13").toString();
        checkProducts(probe("multiply", Map.of("LD_LIBRARY_PATH", path(twelve), "ADASPEC_CUBLAS", named)), 13, ", by forwarding");
        String other = twelve.resolve("libcublas.so.12").toString();
        checkProducts(probe("multiply", Map.of("LD_LIBRARY_PATH", path(thirteen), "ADASPEC_CUBLAS", other)), 12, "");
    }

    private static void requireNoCublas() {
        for (String name : List.of("libcublas.so.12", "libcublas.so.13")) {
            Assumptions.assumeTrue(LibrarySearch.here().first(name).isEmpty(), "this machine has " + name);
        }
    }

    /** As a Python environment brings it along, of which the loader knows nothing. */
    @Test
    void aPythonEnvironmentsIsFound() throws Exception {
        requireNoCublas();
        Path folder = temporary.resolve("env/lib/python3.12/site-packages/nvidia/cu13/lib");
        Files.createDirectories(folder.getParent());
        Files.createSymbolicLink(folder, thirteen);
        checkProducts(probe("multiply", Map.of("VIRTUAL_ENV", temporary.resolve("env").toString())), 13, ", by forwarding");
    }

    @Test
    void whatIsMissingOrNoCublasIsASentence() throws Exception {
        requireNoCublas();
        assertEquals(List.of("no cuBLAS: cuBLAS was not found: neither libcublas.so.12 nor libcublas.so.13 is known to the loader or lies in a usual"
                + " folder of CUDA or Python; ADASPEC_CUBLAS=FILE names one"), probe("multiply", Map.of("LD_LIBRARY_PATH", "")));
        for (String named : List.of("/nowhere/libcublas.so.13", driver.resolve("libcuda.so.1").toString())) {
            assertEquals(List.of("no cuBLAS: ADASPEC_CUBLAS is " + named + ", which cannot be loaded as cuBLAS"),
                    probe("multiply", Map.of("LD_LIBRARY_PATH", path(twelve), "ADASPEC_CUBLAS", named)));
        }
    }

    /** A driver without a GPU, asked by the real runtime. */
    @Test
    void aDriverWithoutAGpuAndNoDriverAreToldApart() throws Exception {
        assertEquals("there is an NVIDIA driver and no GPU that this process may use",
                probe("survey", Map.of("LD_LIBRARY_PATH", path(driver))).getFirst());
    }

    /** JCuda would load a file of a name that anybody knows from the folder of temporary files. */
    @Test
    void jcudasLibraryDoesNotComeFromTheFolderOfTemporaryFiles() throws Exception {
        for (String name : List.of("JCudaRuntime", "JCublas2")) {
            Files.writeString(temporary.resolve("lib" + name + "-12.6.0-linux-x86_64.so"), "planted");
        }
        List<String> survey = probe("survey", Map.of("LD_LIBRARY_PATH", path(driver)));
        assertEquals("there is an NVIDIA driver and no GPU that this process may use", survey.getFirst());
        assertEquals(temporary.toString(), survey.get(1), "the property was left changed");
        checkProducts(multiply(thirteen), 13, ", by forwarding");
        try (var files = Files.list(temporary)) {
            List<String> unexpected = files.map(file -> file.getFileName().toString())
                    .filter(name -> !name.matches("libJC\\w+-12.6.0-linux-x86_64.so|hsperfdata.*"))
                    .toList();
            assertEquals(List.of(), unexpected, "something was unpacked");
        }
    }

    @Test
    void theForwardedFunctionsAreThoseThatJcublasNeeds() throws Exception {
        Path library = NativeLibraries.load().folder().resolve("libJCublas2-12.6.0-linux-x86_64.so");
        Process nm;
        try {
            nm = new ProcessBuilder("nm", "-D", "--undefined-only", library.toString()).start();
        } catch (IOException e) {
            Assumptions.abort("there is no nm: " + e.getMessage());
            return;
        }
        List<String> needed;
        try (var lines = nm.inputReader().lines()) {
            needed = lines.filter(line -> line.matches(".* U cublas\\w+@libcublas\\.so\\.12"))
                    .map(line -> line.replaceAll(".* U (\\w+)@.*", "$1"))
                    .sorted()
                    .toList();
        }
        assertEquals(0, nm.waitFor());
        assertTrue(needed.size() > 100, needed.toString());
        Path list = Path.of(System.getProperty("basedir", ""), "cuda/forward/cublas.def");
        assertEquals(needed, Files.readAllLines(list).stream()
                .filter(line -> line.startsWith("CUBLAS("))
                .map(line -> line.substring(7, line.length() - 1))
                .sorted()
                .toList());
    }
}
