package adaspec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The arrows of the house: which package may use which, read from the sources. */
class LayeringTest {
    /** Package -> the packages it may use, itself aside. */
    private static final Map<String, Set<String>> ARROWS = Map.ofEntries(
            Map.entry("common", Set.of()),
            Map.entry("text", Set.of("common")),
            Map.entry("tensor", Set.of("common")),
            Map.entry("device", Set.of("common", "tensor")),
            Map.entry("ops", Set.of("common", "tensor", "device")),
            Map.entry("model", Set.of("common", "tensor", "device", "ops")),
            Map.entry("train", Set.of("common", "tensor", "device", "ops", "model", "text")),
            Map.entry("decode", Set.of("common", "tensor", "device", "ops", "model", "text")),
            Map.entry("eval", Set.of("common", "tensor", "device", "ops", "model", "text", "train", "decode")),
            Map.entry("report", Set.of("common", "text", "decode", "eval")),
            Map.entry("engine", Set.of("common", "tensor", "device", "ops", "model", "text", "train", "decode", "eval", "report")),
            Map.entry("bench", Set.of("common", "tensor", "device", "ops", "model", "text", "train", "decode", "eval", "report", "engine")),
            Map.entry("cli", Set.of("common", "tensor", "device", "ops", "model", "text", "train", "decode", "eval", "engine", "bench")));

    private static final Pattern COMMENT_OR_STRING = Pattern.compile(
            "\"\"\".*?\"\"\"|\"(?:\\\\.|[^\"\\\\\n])*\"|'(?:\\\\.|[^'\\\\\n])+'|//[^\n]*|/\\*.*?\\*/", Pattern.DOTALL);
    /** An import, or a full name in the middle of the code. */
    private static final Pattern OWN_PACKAGE = Pattern.compile("\\badaspec\\s*\\.\\s*([a-z]\\w*)");
    private static final Pattern DOWNCALL = Pattern.compile("\\b(Linker|SymbolLookup)\\b|\\bjcuda\\s*\\.|\\bloadLibrary\\b|\\bSystem\\s*\\.\\s*load\\b");
    private static final Pattern CONSOLE = Pattern.compile("\\bSystem\\s*\\.\\s*(exit|out|err)\\b|\\.printStackTrace\\(\\)|\\bRuntime\\b.*\\bhalt\\(");
    /** Whatever could speak to another machine; URI and URL name parts of the jar. */
    private static final Pattern NETWORK = Pattern.compile("\\bjava\\s*\\.\\s*net\\s*\\.\\s*(?!UR[IL]|MalformedURL)[\\w*]|\\b\\w*Socket\\w*\\b|\\bHttp\\w*"
            + "|\\bjava\\s*\\.\\s*rmi\\b|\\bjavax\\s*\\.\\s*n(et|aming)\\b");

    @Test
    void everySourceKeepsToTheArrows() throws IOException {
        var found = new ArrayList<String>();
        var packages = new TreeSet<String>();
        Path root = Path.of(System.getProperty("basedir", ""), "java", "main", "adaspec");
        try (var files = Files.walk(root)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".java")).sorted().toList()) {
                Path relative = root.relativize(file);
                packages.add(relative.getName(0).toString());
                found.addAll(violations(relative.getName(0).toString(), relative.toString(), Files.readString(file)));
            }
        }
        assertEquals(List.of(), found);
        // A walk that reads nothing finds nothing wrong.
        assertTrue(packages.containsAll(Set.of("common", "tensor", "ops", "model", "cli")), "read only " + packages);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "text   | import adaspec.tensor.Tensor;",
        "common | import adaspec.text.Tokenizer;",
        "train  | import adaspec.decode.Session;",
        "decode | import static adaspec.train.Selection.keep;",
        "tensor | import adaspec.device.*;",
        "model  | import adaspec.cli.Main;",
        "ops    | final adaspec.model.Weights weights = null;",
        "report | import adaspec.train.Trainer;",
        "engine | import adaspec.launcher.Launcher;",
        "engine | import adaspec.bench.Measurement;",
        "attic  | import adaspec.common.Json;",
        "ops    | import java.lang.foreign.Linker;",
        "ops    | import java.lang.foreign.*; class A { Object a = Linker.nativeLinker(); }",
        "model  | Object o = java.lang.foreign.SymbolLookup.loaderLookup();",
        "ops    | import jcuda.runtime.JCuda;",
        "cli    | jcuda.driver.JCudaDriver.cuInit(0);",
        "engine | System.exit(1);",
        "train  | System.out.println(loss);",
        "decode | e.printStackTrace();",
        "engine | import java.net.http.HttpClient;",
        "engine | import java.net.*;",
        "cli    | new Socket(name, 80);",
        "text   | java.nio.channels.SocketChannel.open();",
    })
    void aPlantedViolationIsFound(String folder, String source) {
        assertEquals(1, violations(folder, "Planted.java", source).size(), source);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "text   | import adaspec.common.Json;",
        "train  | import adaspec.text.Batch; import adaspec.ops.Ops; import adaspec.train.Trainer;",
        "device | import java.lang.foreign.Linker; import jcuda.runtime.JCuda;",
        "ops    | import java.lang.foreign.MemorySegment;",
        "tensor | /** See {@link adaspec.model.Transformer}. */ class A {} // adaspec.cli.Main",
        "common | String path = \"adaspec.cli.Main\";",
        "cli    | System.exit(1);",
        "engine | import java.net.URI; import java.net.URISyntaxException; import java.net.URLConnection;",
    })
    void whatIsAllowedIsNotReported(String folder, String source) {
        assertEquals(List.of(), violations(folder, "Allowed.java", source));
    }

    /** What {@code source}, a file of the package {@code adaspec.<folder>}, does that its place forbids: a sentence each. */
    private static List<String> violations(String folder, String file, String source) {
        Set<String> allowed = ARROWS.get(folder);
        if (allowed == null) {
            return List.of(file + ": the package adaspec." + folder + " has no place in the house; give it one in LayeringTest and README");
        }
        String code = withoutCommentsAndStrings(source);
        var found = new ArrayList<String>();
        var used = new TreeSet<String>();
        for (Matcher m = OWN_PACKAGE.matcher(code); m.find(); ) {
            used.add(m.group(1));
        }
        used.remove(folder);
        used.removeAll(allowed);
        used.forEach(other -> found.add(file + ": " + folder + " may not use adaspec." + other));
        if (!folder.equals("device") && DOWNCALL.matcher(code).find()) {
            found.add(file + ": native code is called only from adaspec.device");
        }
        if (!folder.equals("cli") && CONSOLE.matcher(code).find()) {
            found.add(file + ": only adaspec.cli prints or ends the process");
        }
        if (NETWORK.matcher(code).find()) {
            found.add(file + ": the engine speaks to nobody");
        }
        return found;
    }

    private static String withoutCommentsAndStrings(String source) {
        return COMMENT_OR_STRING.matcher(source).replaceAll(m -> {
            char first = m.group().charAt(0);
            return first == '/' ? " " : "\"\"";
        });
    }
}
