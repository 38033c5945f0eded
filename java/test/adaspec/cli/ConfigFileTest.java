package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.engine.ModelDirectories;
import adaspec.engine.Runs;
import adaspec.tensor.DType;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code config.yaml}, {@code --config} and {@code --resume-from-checkpoint} as they are typed. */
class ConfigFileTest {
    /** Options that are no settings of a run. */
    private static final Set<String> NO_SETTINGS = Set.of("config", "resume-from-checkpoint", "overwrite", "plan", "help", "version", "verbose");

    @TempDir
    private Path folder;

    @BeforeEach
    void write() throws IOException {
        ModelDirectories.write(folder.resolve("target"), 2, 1, DType.F32);
        ModelDirectories.write(folder.resolve("draft"), 1, 2, DType.F32);
        var lines = new StringBuilder();
        for (int i = 0; i < 24; i++) {
            lines.append("{\"text\": \"").append(i).append(" and ").append(i * i).append(" make ").append(i + i * i).append("\"}\n");
        }
        Files.writeString(folder.resolve("a.jsonl"), lines.substring(0, lines.length() / 2).replaceAll("[^\n]*$", ""));
        Files.writeString(folder.resolve("b.jsonl"), lines.substring(lines.length() / 2).replaceAll("^[^\n]*\n", ""));
    }

    private String path(String name) {
        return folder.resolve(name).toString();
    }

    private Line distill(String... more) {
        String[] first = {
            "distill", "--target", path("target"), "--draft", path("draft"), "--train-file", path("a.jsonl"), "--train-file", path("b.jsonl"),
            "--max-steps", "4", "--per-device-train-batch-size", "4", "--learning-rate", "3e-3", "--warmup-ratio", "0.5", "--k", "0.55",
            "--num-prompts", "1", "--max-new-tokens", "6", "--k-compensation", "off", "--device", "reference", "--save-steps", "2"
        };
        return Line.run(Stream.of(first, more).flatMap(Arrays::stream).toArray(String[]::new));
    }

    @Test
    void aRunFromItsConfigIsTheSameRun() throws IOException {
        Line first = distill("--output-dir", path("first"));
        assertEquals(0, first.code(), first.log());
        Line second = Line.run("distill", "--config", path("first/config.yaml"), "--output-dir", path("second"));
        assertEquals(0, second.code(), second.log());
        assertEquals(Runs.content(folder.resolve("first")), Runs.content(folder.resolve("second")));
        assertEquals(
                Files.readString(folder.resolve("first/config.yaml")).replace("/first", "/second"),
                Files.readString(folder.resolve("second/config.yaml")));
        assertTrue(Files.readString(folder.resolve("second/train_command.txt")).startsWith("arguments: distill --config "));
    }

    /** The one list of settings knows every option of the command line, and none that is not there. */
    @ParameterizedTest
    @ValueSource(strings = {"distill", "sft"})
    void everyOptionIsInTheConfig(String command) throws IOException {
        Line line = command.equals("distill")
                ? distill("--output-dir", path("run"))
                : Line.run("sft", "--model", path("draft"), "--train-file", path("a.jsonl"), "--max-steps", "1", "--output-dir", path("run"),
                        "--device", "reference");
        assertEquals(0, line.code(), line.log());
        var log = new PrintStream(OutputStream.nullOutputStream());
        Set<String> options = Main.commandLine(Main.COMMANDS, log, log).getSubcommands().get(command).getCommandSpec().options().stream()
                .map(option -> option.longestName().substring(2))
                .filter(name -> !NO_SETTINGS.contains(name)).collect(Collectors.toCollection(TreeSet::new));
        Set<String> settings = Files.readAllLines(folder.resolve("run/config.yaml")).stream().skip(2)
                .filter(text -> !text.startsWith("  - ")).map(text -> text.replaceAll("^# |:.*", "")).collect(Collectors.toCollection(TreeSet::new));
        assertEquals(options, settings);
    }

    /** What is printed loads as a config, and is the one that the run then writes. */
    @Test
    void aPlanWritesNothing() throws IOException {
        Line plan = distill("--output-dir", path("run"), "--plan");
        assertEquals(0, plan.code(), plan.log());
        assertFalse(Files.exists(folder.resolve("run")));
        assertTrue(plan.out().matches("(?s).*#   peak, estimated +[0-9,.]+ MB\\n"), plan.out());
        Path config = Files.writeString(folder.resolve("plan.yaml"), plan.out());
        assertEquals(0, Line.run("distill", "--config", config.toString()).code());
        assertTrue(plan.out().startsWith(Files.readString(folder.resolve("run/config.yaml"))), plan.out());
        Line sft = Line.run("sft", "--model", path("draft"), "--train-file", path("a.jsonl"), "--output-dir", path("sft"), "--plan");
        assertEquals(0, sft.code(), sft.log());
        assertTrue(sft.out().contains("\n#   moments ") && !Files.exists(folder.resolve("sft")), sft.out());
    }

    @Test
    void theCommandLineWins() throws IOException {
        Path config = Files.writeString(folder.resolve("c.yaml"), "k: 0.9\nmax_steps: 2\ntrain-file:\n  - " + path("nowhere") + "\n");
        Line line = distill("--config", config.toString(), "--output-dir", path("run"));
        assertEquals(0, line.code(), line.log());
        String written = Files.readString(folder.resolve("run/config.yaml"));
        assertTrue(written.contains("\nk: 0.55\n") && written.contains("\nmax-steps: 4\n"), written);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '^', value = {
        "kk: 1                | 2 | c.yaml, line 2: `distill` has no setting kk; the names of its options were expected",
        "config: x            | 2 | c.yaml, line 2: `distill` has no setting config",
        "eval-steps: often    | 2 | c.yaml, line 2: invalid value for option '--eval-steps': 'often' is not a whole number",
        "seed: true           | 2 | c.yaml, line 2: invalid value for option '--seed': 'true' is not a whole number",
        "loss-normalizer: mean| 2 | c.yaml, line 2: invalid value for option '--loss-normalizer'",
        "seed: [1, 2]         | 2 | c.yaml, line 2: seed is a list; one value was expected",
        "overwrite: maybe     | 2 | c.yaml, line 2: overwrite is 'maybe'; true or false was expected",
        "seed: {a: 1}         | 1 | c.yaml, line 2: seed has keys of its own",
        "eval-steps: 0        | 2 | --eval-steps 0 is out of range",
    })
    void whatIsWrongIsNamedWithItsLine(String text, int code, String sentence) throws IOException {
        Path config = Files.writeString(folder.resolve("c.yaml"), "# settings\n" + text + "\n");
        Line line = distill("--config", config.toString(), "--output-dir", path("run"));
        assertEquals(code, line.code(), line.log());
        assertTrue(line.log().lines().filter(l -> l.startsWith("error: ")).toList().toString().contains(sentence), line.log());
        assertFalse(Files.exists(folder.resolve("run")));
    }

    /** Only the folder is given: the settings are the run's. */
    @Test
    void aResumedRunTakesItsSettingsFromItsFolder() throws IOException {
        Line whole = distill("--output-dir", path("whole"));
        assertEquals(0, whole.code(), whole.log());
        assertEquals(0, distill("--output-dir", path("run")).code());
        Line complete = Line.run("distill", "--resume-from-checkpoint", "latest", "--output-dir", path("run"));
        assertEquals(0, complete.code(), complete.log());
        assertTrue(complete.log().contains("is complete: there is nothing to resume"), complete.log());

        Line refused = Line.run("distill", "--resume-from-checkpoint", path("run/reference/checkpoint-2"), "--learning-rate", "1e-3");
        assertEquals(1, refused.code(), refused.log());
        assertTrue(refused.log().contains("--learning-rate is 0.001, but the checkpoint was made with 0.003"), refused.log());

        Line resumed = Line.run("distill", "--resume-from-checkpoint", path("run/reference/checkpoint-2"));
        assertEquals(0, resumed.code(), resumed.log());
        assertTrue(resumed.log().contains("settings that are not given come from " + path("run/config.yaml")), resumed.log());
        assertEquals(Runs.content(folder.resolve("whole")), Runs.content(folder.resolve("run")));
        assertTrue(Files.readString(folder.resolve("run/train_command.txt")).contains("\nresumed\narguments: distill --resume-from-checkpoint "));
    }

    @Test
    void aFineTuningResumesToo() throws IOException {
        String[] sft = {"sft", "--model", path("draft"), "--train-file", path("a.jsonl"), "--max-steps", "5", "--per-device-train-batch-size", "3",
            "--save-steps", "2", "--lr-scheduler-type", "linear", "--device", "reference", "--output-dir"};
        for (String name : List.of("whole", "run")) {
            assertEquals(0, Line.run(Stream.concat(Arrays.stream(sft), Stream.of(path(name))).toArray(String[]::new)).code());
        }
        Line resumed = Line.run("sft", "--resume-from-checkpoint", path("run/checkpoint-2"));
        assertEquals(0, resumed.code(), resumed.log());
        assertEquals(Runs.content(folder.resolve("whole")), Runs.content(folder.resolve("run")));
        Line again = Line.run("sft", "--resume-from-checkpoint", "latest", "--output-dir", path("run"));
        assertEquals(0, again.code(), again.log());
        assertEquals(Runs.content(folder.resolve("whole")), Runs.content(folder.resolve("run")));
    }

    /** Its config.yaml names the folder where it began, which is another run's by now. */
    @Test
    void aRunThatWasMovedResumesWhereItIs() throws IOException {
        Line whole = Line.run("sft", "--model", path("draft"), "--train-file", path("a.jsonl"), "--max-steps", "3", "--save-steps", "2",
                "--device", "reference", "--output-dir", path("run"));
        assertEquals(0, whole.code(), whole.log());
        var expected = Runs.content(folder.resolve("run"));
        Files.move(folder.resolve("run"), folder.resolve("moved"));
        Line resumed = Line.run("sft", "--resume-from-checkpoint", path("moved/checkpoint-2"));
        assertEquals(0, resumed.code(), resumed.log());
        assertEquals(expected, Runs.content(folder.resolve("moved")));
        assertFalse(Files.exists(folder.resolve("run")));
        assertTrue(Files.readString(folder.resolve("moved/config.yaml")).contains("\noutput-dir: " + path("moved") + "\n"));
    }
}
