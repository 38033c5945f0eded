package adaspec.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.StandIns;
import adaspec.ops.Divergence;
import adaspec.ops.Draw;
import adaspec.ops.HeadLayout;
import adaspec.ops.Ops;
import adaspec.ops.Philox;
import adaspec.ops.SelectionRule;
import adaspec.ops.Verification;
import adaspec.tensor.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The header is the one table of operations: Java's bindings, the dispatcher, the native tests and the tests of Ops are compared with it. */
class AbiTest {
    private static final Path ROOT = Path.of(System.getProperty("basedir", ""));
    private static final Pattern PROTOTYPE = Pattern.compile("ADASPEC_API\\s+([\\w ]+?\\*?)\\s*\\badaspec_(\\w+)\\(([^)]*)\\);");

    private static String header() throws IOException {
        return Files.readString(ROOT.resolve("cuda/include/adaspec.h"));
    }

    private static String code(String header) {
        return header.replaceAll("(?s)/\\*.*?\\*/", " ").replaceAll("(?m)^#.*$", " ");
    }

    /** Name -> types, in the header's order. */
    private static Map<String, String> prototypes(String header) {
        Map<String, String> found = new LinkedHashMap<>();
        for (Matcher m = PROTOTYPE.matcher(code(header)); m.find(); ) {
            MemoryLayout result = layout(m.group(1).trim());
            MemoryLayout[] arguments = m.group(3).trim().equals("void")
                    ? new MemoryLayout[0]
                    : Arrays.stream(m.group(3).split(",")).map(a -> layout(a.trim().replaceAll("\\s*\\b\\w+$", ""))).toArray(MemoryLayout[]::new);
            found.put(m.group(2), FunctionDescriptor.of(result, arguments).toString());
        }
        return found;
    }

    private static MemoryLayout layout(String type) {
        if (type.endsWith("*")) {
            return ValueLayout.ADDRESS;
        }
        return switch (type) {
            case "int32_t" -> ValueLayout.JAVA_INT;
            case "int64_t", "uint64_t" -> ValueLayout.JAVA_LONG;
            case "float" -> ValueLayout.JAVA_FLOAT;
            case "double" -> ValueLayout.JAVA_DOUBLE;
            default -> throw new AssertionError("the header uses the type " + type + ", for which Java has no layout here");
        };
    }

    private static Map<String, String> table() {
        Map<String, String> table = new LinkedHashMap<>();
        Abi.FUNCTIONS.forEach((name, type) -> table.put(name, type.toString()));
        return table;
    }

    @Test
    void everyPrototypeHasItsJavaDescriptorInTheSameOrder() throws IOException {
        Map<String, String> header = prototypes(header());
        assertEquals(code(header()).split("ADASPEC_API", -1).length - 1, header.size(), "the pattern missed a prototype");
        header.forEach((name, type) -> assertEquals(type, table().get(name), name));
        assertEquals(new ArrayList<>(header.keySet()), new ArrayList<>(table().keySet()));
    }

    @Test
    void aChangedPrototypeIsNoticed() throws IOException {
        String header = header();
        assertNotEquals(table(), prototypes(header.replaceFirst("const float\\* b, int64_t n", "const float* b, int32_t n")));
        assertNotEquals(table(), prototypes(header.replaceFirst("const float\\* gap, double k", "const float* gap, float k")));
        assertNotEquals(table(), prototypes(header.replaceFirst("float scale,\\s+int64_t n, void\\* stream", "float scale, void* stream")));
        assertNotEquals(table(), prototypes(header.replaceFirst("adaspec_column_sum", "adaspec_column_sums")));
        assertEquals(table(), prototypes(header));
    }

    @Test
    void aDrawHasTheSameFieldsInTheHeaderInJavaAndInTheTable() throws IOException {
        Matcher struct = Pattern.compile("typedef struct adaspec_draw \\{(.*?)\\}", Pattern.DOTALL).matcher(code(header()));
        assertTrue(struct.find());
        List<String> fields = Arrays.stream(struct.group(1).split(";")).map(String::trim).filter(s -> !s.isEmpty()).toList();
        Map<Object, String> types = Map.of(ValueLayout.JAVA_LONG, "int64_t", ValueLayout.JAVA_INT, "int32_t", ValueLayout.JAVA_FLOAT, "float");
        List<String> signed = fields.stream().map(f -> f.replace("uint64_t", "int64_t")).toList();
        assertEquals(Abi.DRAW.memberLayouts().stream().map(l -> types.get(l.withoutName()) + " " + l.name().orElseThrow()).toList(), signed);
        assertEquals(Arrays.stream(Draw.class.getRecordComponents()).map(c -> snakeCase(c.getName())).toList(),
                fields.stream().map(f -> f.replaceAll(".* ", "")).toList());
    }

    @Test
    void theHeadLayoutHasTheSameFieldsInTheHeaderInJavaAndInTheTable() throws IOException {
        Matcher struct = Pattern.compile("typedef struct adaspec_head_layout \\{(.*?)\\}", Pattern.DOTALL).matcher(code(header()));
        assertTrue(struct.find());
        List<String> fields = Arrays.stream(struct.group(1).split(";")).map(String::trim).filter(s -> !s.isEmpty()).toList();
        assertEquals(Abi.HEAD_LAYOUT.memberLayouts().stream().map(l -> "int32_t " + l.name().orElseThrow()).toList(), fields);
        assertEquals(
                Arrays.stream(HeadLayout.class.getRecordComponents()).map(c -> "int32_t " + snakeCase(c.getName())).toList(), fields);
    }

    @Test
    void theConstantsAreThoseOfTheHeader() throws IOException {
        Map<String, Integer> constants = new LinkedHashMap<>();
        for (Matcher m = Pattern.compile("(?m)^#define ADASPEC_(\\w+) (\\d+)$").matcher(header()); m.find(); ) {
            constants.put(m.group(1), Integer.parseInt(m.group(2)));
        }
        Map<String, Integer> expected = new LinkedHashMap<>();
        expected.putAll(Map.of("OK", Abi.OK, "INVALID_ARGUMENT", Abi.INVALID_ARGUMENT, "DEVICE_ERROR", Abi.DEVICE_ERROR));
        expected.putAll(Map.of("F32", DType.F32.code(), "BF16", DType.BF16.code(), "F16", DType.F16.code()));
        expected.putAll(Map.of("PURPOSE_DRAFT", Philox.DRAFT, "PURPOSE_ACCEPT", Philox.ACCEPT, "PURPOSE_NEXT", Philox.NEXT));
        for (Verification verification : Verification.values()) {
            expected.put("VERIFY_" + verification.name(), verification.code());
        }
        for (Divergence divergence : Divergence.values()) {
            expected.put("LOSS_" + divergence.name(), divergence.code());
        }
        for (SelectionRule rule : SelectionRule.values()) {
            expected.put("SELECT_" + rule.name(), rule.code());
        }
        assertEquals(expected, constants);
    }

    @Test
    void everyFunctionHasItsMethodInKernels() throws IOException {
        var methods = Arrays.stream(Kernels.class.getDeclaredMethods()).map(Method::getName).collect(Collectors.toSet());
        for (String name : prototypes(header()).keySet()) {
            assertTrue(methods.contains(camelCase(name)), "Kernels has no method " + camelCase(name));
        }
    }

    @Test
    void everyOperationIsDispatchedAndNativelyTested() throws IOException {
        var operations = new ArrayList<>(prototypes(header()).keySet());
        operations.removeAll(List.of("last_error", "backend", "set_threads"));
        var listed = new ArrayList<String>();
        for (Matcher m = Pattern.compile("X\\((\\w+)\\)").matcher(Files.readString(ROOT.resolve("cuda/host/operations.h"))); m.find(); ) {
            listed.add(m.group(1));
        }
        listed.remove("X");
        assertEquals(operations, listed, "cuda/host/operations.h");

        String ctest = Files.readString(ROOT.resolve("cuda/test/CMakeLists.txt"));
        var tests = new StringBuilder();
        try (var files = Files.list(ROOT.resolve("cuda/test"))) {
            for (Path file : files.filter(f -> f.toString().endsWith("_test.cpp")).toList()) {
                String name = file.getFileName().toString().replace(".cpp", "");
                assertTrue(ctest.contains(name), name + " is not among the tests that CTest runs");
                tests.append(Files.readString(file));
            }
        }
        for (String operation : operations) {
            assertTrue(tests.toString().contains("CHECK_OK(adaspec_" + operation + "("), "no test in cuda/test runs adaspec_" + operation);
        }
    }

    @Test
    void everyOperationIsACudaKernelThatTheEmulatorTests() throws IOException {
        String sources = Files.readString(ROOT.resolve("cmake/CudaSources.cmake"));
        String emulated = Files.readString(ROOT.resolve("cuda/test/CMakeLists.txt")).replaceAll("(?s).*set\\(operation_tests(.*?)\\).*", "$1");
        Map<String, String> kernels = new LinkedHashMap<>();
        try (var files = Files.list(ROOT.resolve("cuda/src"))) {
            for (Path file : files.filter(f -> f.toString().endsWith(".cu")).toList()) {
                String name = file.getFileName().toString().replace(".cu", "");
                assertTrue(sources.matches("(?s).*\\b" + name + "\\b.*"), name + ".cu is not among the sources of the library");
                for (Matcher m = Pattern.compile("extern \"C\" int32_t adaspec_(\\w+)\\(").matcher(Files.readString(file)); m.find(); ) {
                    kernels.put(m.group(1), name);
                }
            }
        }
        var operations = new TreeSet<>(prototypes(header()).keySet());
        operations.removeAll(List.of("last_error", "backend"));
        assertEquals(operations, new TreeSet<>(kernels.keySet()), "cuda/src");
        operations.remove("set_threads");
        for (String operation : operations) {
            boolean tested = false;
            for (String test : emulated.trim().split("\\s+")) {
                tested |= Files.readString(ROOT.resolve("cuda/test/" + test + ".cpp")).contains("CHECK_OK(adaspec_" + operation + "(");
            }
            assertTrue(tested, "no test that the emulator runs calls adaspec_" + operation);
        }
    }

    /** The library for GPUs is loaded where this build made it, which takes no GPU; the emulated kernels stand for it elsewhere. */
    @Test
    void theCudaLibraryHasEveryFunctionOfTheTable() {
        Path cuda = StandIns.build().resolve(NativeLibraries.CUDA);
        for (Path library : Files.exists(cuda) ? List.of(cuda, StandIns.emulatedKernels()) : List.of(StandIns.emulatedKernels())) {
            var symbols = SymbolLookup.libraryLookup(library, Arena.global());
            for (String name : Abi.FUNCTIONS.keySet()) {
                assertTrue(symbols.find("adaspec_" + name).isPresent(), library + " lacks adaspec_" + name);
            }
            assertTrue(new Kernels(symbols).backend().startsWith("cuda "), library.toString());
        }
    }

    @Test
    void everyMethodOfOpsIsComparedWithTheReference() throws IOException {
        assertCalled("OpsTest", method -> true);
    }

    /** A backward that is wrong everywhere alike, in the reference too, shows in finite differences alone. */
    @Test
    void everyBackwardIsComparedWithFiniteDifferences() throws IOException {
        assertCalled("GradientTest", method -> method.getName().contains("Backward"));
    }

    private static void assertCalled(String test, Predicate<Method> which) throws IOException {
        String source = Files.readString(ROOT.resolve("java/test/adaspec/ops/" + test + ".java"));
        for (Method method : Ops.class.getDeclaredMethods()) {
            if (!Modifier.isStatic(method.getModifiers()) && !method.isSynthetic() && which.test(method)) {
                assertTrue(source.contains("ops." + method.getName() + "("), test + " never calls " + method.getName());
            }
        }
    }

    private static String snakeCase(String name) {
        return name.replaceAll("([A-Z])", "_$1").toLowerCase(java.util.Locale.ROOT);
    }

    private static String camelCase(String name) {
        return Pattern.compile("_(\\w)").matcher(name).replaceAll(m -> m.group(1).toUpperCase(java.util.Locale.ROOT));
    }
}
