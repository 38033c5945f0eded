package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.Processes;
import adaspec.common.Json;
import adaspec.engine.ModelDirectories;
import adaspec.engine.Runs;
import adaspec.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Machines that are not like a developer's: other languages, folders that cannot be written, a heap that is too small. */
class OddMachinesTest {
    @TempDir
    private Path folder;

    private Path target;
    private Path draft;
    private Path train;

    @BeforeEach
    void write() throws IOException {
        target = ModelDirectories.write(folder.resolve("target"), 1, 1, DType.F32);
        draft = ModelDirectories.write(folder.resolve("draft"), 1, 2, DType.BF16);
        train = ModelDirectories.writeSums(folder.resolve("train.jsonl"));
    }

    private String[] distill(Path output) {
        return new String[] {
            "distill", "--target", target.toString(), "--draft", draft.toString(), "--train-file", train.toString(), "--output-dir", output.toString(),
            "--max-steps", "2", "--logging-steps", "1", "--num-prompts", "2", "--max-new-tokens", "8", "--device", "reference", "--overwrite"
        };
    }

    /**
     * German has a decimal comma and a dot between thousands, Turkish another small i, Egypt's Arabic other digits: what is printed, and what is written
     * for programs, has nothing of it.
     */
    @ParameterizedTest
    @ValueSource(strings = {"de-DE", "tr-TR", "ar-EG-u-nu-arab"})
    void nothingIsWrittenInTheLanguageOfTheMachine(String tag) throws IOException {
        Line english = Line.run(distill(folder.resolve("run")));
        SortedMap<String, String> files = shapes(folder.resolve("run"));
        SortedMap<String, String> content = Runs.content(folder.resolve("run"));
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag(tag));
        try {
            assertFalse("1,234.5".equals(String.format("%,.1f", 1234.5)) && "I".toLowerCase().equals("i"), "this Java does not know " + tag);
            Line line = Line.run(distill(folder.resolve("run")));
            assertEquals(Main.OK, line.code(), line.log());
            assertEquals(shape(english.log()), shape(line.log()));
            assertEquals(shape(english.out()), shape(line.out()));
            assertEquals(content, Runs.content(folder.resolve("run")));
            assertEquals(files, shapes(folder.resolve("run")));
            for (String[] command : new String[][] {
                {"inspect", target.toString()}, {"doctor", "--device", "reference"}, {"select", "--help"}, {"init", "--seed", "x"},
                {"generate", "--target", target.toString(), "--prompt", "I", "--max-new-tokens", "4", "--device", "reference"}
            }) {
                Line there = Line.run(command);
                Locale.setDefault(Locale.ENGLISH);
                Line here = Line.run(command);
                Locale.setDefault(Locale.forLanguageTag(tag));
                assertEquals(here.code(), there.code(), command[0]);
                assertEquals(shape(here.out()), shape(there.out()), command[0]);
                assertEquals(shape(here.log()), shape(there.log()), command[0]);
            }
        } finally {
            Locale.setDefault(before);
        }
    }

    private static final Pattern NUMBER = Pattern.compile("\\d{1,3}(,\\d{3})+(\\.\\d+)?|\\d+(\\.\\d+)?([eE][-+]?\\d+)?");

    /** A text with each number as English has it in the place of any other: times differ, their form does not. */
    private static String shape(String text) {
        return NUMBER.matcher(text).replaceAll(Matcher.quoteReplacement("#")).replaceAll(" +", " ");
    }

    /** The files that people read. */
    private static SortedMap<String, String> shapes(Path run) throws IOException {
        SortedMap<String, String> shapes = new TreeMap<>();
        for (String name : List.of("config.yaml", "train_command.txt")) {
            shapes.put(name, shape(Files.readString(run.resolve(name))));
        }
        // Where a curve lies follows from times; what is said in words does not.
        String page = Files.readString(run.resolve("report.html")).replaceAll("(?s)<svg.*?</svg>|<script.*?</script>|<style.*?</style>|<[^>]*>", " ");
        shapes.put("report.html", shape(page).replaceAll("\\s+", " "));
        for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
            Json.parse(line, "metrics.jsonl");
        }
        return shapes;
    }

    /** As root, for whom there are no permissions, in a process that has given up that privilege. */
    @Test
    void aFolderThatCannotBeWrittenIsASentence() throws Exception {
        Path sealed = Files.createDirectory(folder.resolve("sealed"));
        Files.setPosixFilePermissions(sealed, PosixFilePermissions.fromString("r-xr-xr-x"));
        List<String> command = new ArrayList<>();
        if (Files.isWritable(sealed)) {
            Assumptions.assumeTrue(Files.isExecutable(Path.of("/usr/bin/setpriv")), "root without setpriv (util-linux), which gives up its privilege");
            command.addAll(List.of("/usr/bin/setpriv", "--bounding-set=-dac_override,-dac_read_search"));
        }
        command.addAll(Processes.java("--enable-native-access=ALL-UNNAMED", Lines.class.getName()));
        List<String[]> lines = List.of(
                distill(sealed.resolve("run")),
                new String[] {"sft", "--model", draft.toString(), "--train-file", train.toString(), "--output-dir", sealed.toString(), "--max-steps", "1",
                    "--device", "reference", "--overwrite"},
                new String[] {"init", "--config", draft + "/config.json", "--tokenizer", draft.toString(), "--output", sealed.resolve("new").toString()},
                new String[] {"tokenizer", "train", "--files", train.toString(), "--vocab-size", "300", "--output", sealed.resolve("t").toString()},
                new String[] {"generate", "--target", target.toString(), "--prompt", "I", "--max-new-tokens", "2", "--device", "reference",
                    "--output-json", sealed.resolve("o.jsonl").toString()},
                new String[] {"cache", "build", "--target", target.toString(), "--train-file", train.toString(), "--teacher-cache",
                    sealed.resolve("cache").toString(), "--device", "reference"});
        lines.forEach(line -> {
            command.addAll(List.of(line));
            command.add("//");
        });
        Processes.Ended ended = Processes.run(command.subList(0, command.size() - 1));
        List<String> said = ended.out().lines().toList();
        assertEquals(2 * lines.size(), said.size(), ended.out() + ended.err());
        for (int i = 0; i < lines.size(); i++) {
            String sentence = said.get(2 * i);
            assertTrue(sentence.startsWith("error: cannot write " + sealed) && sentence.contains("permission denied"), sentence);
            assertEquals(lines.get(i)[0] + " ended with 1", said.get(2 * i + 1));
        }
        try (Stream<Path> files = Files.list(sealed)) {
            assertEquals(0, files.count());
        }
    }

    /** One sentence that names the option. */
    @Test
    void aHeapThatIsTooSmallIsASentence() throws Exception {
        // One long line: what is missing is missed at once. A heap that is almost enough is collected for minutes before Java gives up.
        Files.writeString(train, "{\"text\": \"" + "all of this is one text. ".repeat(500_000) + "\"}\n");
        for (String heap : List.of("-Xmx16m", "-Xmx32m")) {
            Path output = folder.resolve("run" + heap);
            List<String> command = Processes.java(heap, "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED", "adaspec.cli.Main");
            command.addAll(List.of(distill(output)));
            Processes.Ended ended = Processes.run(command);
            assertEquals(1, ended.code(), ended.err());
            List<String> errors = ended.err().lines().filter(line -> line.startsWith("error: ")).toList();
            assertEquals(1, errors.size(), ended.err());
            assertTrue(errors.getFirst().startsWith("error: out of memory: the limit is ") && errors.getFirst().contains("-Xmx"), ended.err());
            assertFalse(ended.err().contains("\tat ") || ended.err().contains("Exception in thread"), ended.err());
            assertFalse(Files.exists(output.resolve("config.json")), "half a run looks like a whole one");
        }
    }
}
