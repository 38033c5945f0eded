package adaspec.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.engine.ModelDirectories;
import adaspec.tensor.DType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs the examples, and compares what the documentation quotes with them. */
class ExamplesTest {
    private static final Path ROOT = Path.of(System.getProperty("basedir", ""));

    @TempDir
    private static Path models;

    @TempDir
    private Path folder;

    @BeforeAll
    static void write() throws IOException {
        ModelDirectories.write(models.resolve("target"), 2, 1, DType.F32);
        ModelDirectories.write(models.resolve("draft"), 1, 2, DType.F32);
        ModelDirectories.writeSums(models.resolve("train.jsonl"));
    }

    private interface Program {
        void main(String[] arguments) throws Exception;
    }

    private String run(String trainFile, String seconds) throws Exception {
        return run(
                DistillAndGenerate::main, models.resolve("target").toString(), models.resolve("draft").toString(), models.resolve(trainFile).toString(),
                folder.resolve("run").toString(), seconds, "1 and 1 make");
    }

    private static String run(Program program, String... arguments) throws Exception {
        var printed = new ByteArrayOutputStream();
        PrintStream before = System.out;
        try (var out = new PrintStream(printed, true, StandardCharsets.UTF_8)) {
            System.setOut(out);
            program.main(arguments);
        } finally {
            System.setOut(before);
        }
        return printed.toString(StandardCharsets.UTF_8);
    }

    @Test
    void distillsAndGeneratesWithTheResult() throws Exception {
        String printed = run("train.jsonl", "600");
        assertTrue(printed.contains("reference 1/") && printed.contains("selective 1/"), printed);
        Matcher acceptance = Pattern.compile("draft: acceptance (0\\.\\d{4}|1\\.0000)").matcher(printed);
        assertTrue(acceptance.find(), printed);
        assertTrue(printed.lines().toList().getLast().matches("\\d\\.\\d\\d tokens a step of the target"), printed);
        assertTrue(Files.exists(folder.resolve("run/model.safetensors")) && Files.exists(folder.resolve("run/report.html")));
    }

    @Test
    void stopsAtItsDeadlineWithACheckpoint() throws Exception {
        String printed = run("train.jsonl", "0");
        assertEquals("no time left; the state is in " + folder.resolve("run/reference/checkpoint-1"), printed.lines().toList().getLast());
        assertTrue(Files.exists(folder.resolve("run/reference/checkpoint-1/model.safetensors")));
        assertFalse(Files.exists(folder.resolve("run/all_results.json")));
    }

    @Test
    void saysWhatIsWrong() throws Exception {
        String printed = run("none.jsonl", "600");
        assertTrue(printed.contains("none.jsonl") && printed.contains("no such file"), printed);
    }

    /** What each prompt is answered does not depend on the threads, so what is printed does not either. */
    @Test
    void decodesConcurrently() throws Exception {
        String[] arguments = {models.resolve("target").toString(), models.resolve("draft").toString(), "1 and 1 make", "2 and", "3 and 9 make"};
        String printed = run(DecodeConcurrently::main, arguments);
        List<String> lines = printed.lines().toList();
        assertTrue(lines.stream().filter(line -> line.endsWith(" (length)") || line.endsWith(" (stop)")).count() == 3, printed);
        assertTrue(lines.getLast().matches("cancelled after \\d+ tokens"), printed);
        assertEquals(printed, run(DecodeConcurrently::main, arguments));
    }

    @Test
    void theDocumentationQuotesCodeThatRuns() throws IOException {
        int quoted = 0;
        for (String file : List.of("package-info.java", "Distiller.java", "Engine.java", "EngineSession.java")) {
            String source = Files.readString(ROOT.resolve("java/main/adaspec/engine").resolve(file));
            Matcher block = Pattern.compile("<pre>\\{@code\\n(.*?)\\* }</pre>", Pattern.DOTALL).matcher(source);
            while (block.find()) {
                requireWithinAnExample(block.group(1).replaceAll("(?m)^ *\\* ?", ""), file);
                quoted++;
            }
        }
        assertEquals(4, quoted);
        Matcher block = Pattern.compile("```java\\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(ROOT.resolve("README.md")));
        while (block.find()) {
            requireWithinAnExample(block.group(1), "README.md");
        }
    }

    /** Of all examples the one that lacks least has every line of the quotation, in its order; the code may have more. */
    private static void requireWithinAnExample(String quotation, String file) throws IOException {
        List<String> wanted = lines(quotation);
        assertFalse(wanted.isEmpty(), file);
        List<String> missing = wanted;
        for (String example : List.of("DistillAndGenerate.java", "DecodeConcurrently.java")) {
            List<String> lacking = missing(lines(Files.readString(ROOT.resolve("java/test/adaspec/examples").resolve(example))), wanted);
            missing = lacking.size() < missing.size() ? lacking : missing;
        }
        assertEquals(List.of(), missing, file + " quotes what no example does");
    }

    private static List<String> lines(String text) {
        return text.lines().map(String::strip).filter(line -> !line.isEmpty()).toList();
    }

    private static List<String> missing(List<String> code, List<String> wanted) {
        List<String> missing = new ArrayList<>();
        int at = 0;
        for (String line : wanted) {
            int found = code.subList(at, code.size()).indexOf(line);
            if (found < 0) {
                missing.add(line);
            } else {
                at += found + 1;
            }
        }
        return missing;
    }
}
