package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.InputException;
import adaspec.common.UsageException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

class MainTest {
    private static final List<Class<? extends Command>> COMMANDS = List.of(Probe.class);

    /** Does what its options say. */
    @picocli.CommandLine.Command(name = "probe", description = "A command for tests.")
    static final class Probe extends Command {
        @Mixin
        private DeviceOptions devices;

        @Option(names = "--max-steps")
        private int maxSteps = -1;

        @Option(names = "--prompt")
        private String prompt;

        @Option(names = "--fail")
        private String fail;

        @Override
        public Integer call() throws Exception {
            switch (String.valueOf(fail)) {
                case "input" -> throw new InputException("model.safetensors is truncated");
                case "usage" -> throw new UsageException("--k 1.5 is out of range");
                case "file" -> throw new NoSuchFileException("/no/such");
                case "memory" -> throw new OutOfMemoryError("Java heap space");
                case "bug" -> throw new IllegalStateException("two\nlines");
                case "error" -> throw new AssertionError("not reached");
                case "stream" -> {
                    out().print("text");
                    out().flush();
                }
                case "interrupted" -> {
                    return Main.INTERRUPTED;
                }
                default -> { }
            }
            out().print(maxSteps + "|" + prompt + "|" + given("--max-steps") + "|" + devices.device() + "|" + devices.threads() + "|"
                    + devices.precision());
            return Main.OK;
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            input       | 1   | error: model.safetensors is truncated
            usage       | 2   | error: --k 1.5 is out of range
            file        | 1   | error: cannot use /no/such: there is no such file
            memory      | 1   | error: out of memory: the limit is
            bug         | 1   | error: internal error: IllegalStateException, two; lines; rerun with --verbose
            error       | 1   | error: internal error: AssertionError, not reached; rerun with --verbose
            interrupted | 130 |
            """)
    void aFailureIsOneSentenceAndAnExitCode(String failure, int code, String start) {
        Line line = Line.run(COMMANDS, "probe", "--fail", failure);
        assertEquals(code, line.code());
        assertEquals("", line.out());
        if (start != null) {
            assertTrue(line.log().startsWith(start), line.log());
            assertEquals(code == Main.USAGE ? 2 : 1, line.log().lines().count(), line.log());
        }
        assertFalse(line.log().contains("\tat "), line.log());
    }

    @Test
    void aStackTraceIsPrintedOnlyWhenAskedFor() {
        Line line = Line.run(COMMANDS, "probe", "--verbose", "--fail", "input");
        assertTrue(line.log().contains("\tat adaspec.cli.MainTest"), line.log());
        assertFalse(line.log().contains("rerun"), line.log());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            no-such-command               | there is no command no-such-command
            probe --no-such-option        | --no-such-option
            probe --max-stepz 3           | --max-stepz
            probe --max 3                 | --max
            probe --max-steps             | --max-steps
            probe --max-steps many        | --max-steps
            probe --max-steps 1 --max-steps 2 | --max-steps
            probe --device gpu            | --device gpu
            probe --device cuda:x         | --device cuda:x
            probe --threads 0             | --threads 0
            probe --precision f8          | --precision
            probe stray                   | stray
            """)
    void aWrongCommandLineIsOneSentenceAHintAndExitCodeTwo(String arguments, String named) {
        Line line = Line.run(COMMANDS, arguments.split(" "));
        assertEquals(Main.USAGE, line.code(), line.log());
        assertEquals("", line.out());
        List<String> said = line.log().lines().toList();
        assertEquals(2, said.size(), line.log());
        assertTrue(said.get(0).startsWith("error: ") && said.get(0).contains(named), line.log());
        assertTrue(said.get(1).contains("--help"), line.log());
    }

    /** Users know numbers and names, not the types and enumerations of a program. */
    @ParameterizedTest
    @CsvSource(delimiter = ';', quoteCharacter = '`', textBlock = """
            probe --max-steps many       ; error: invalid value for option '--max-steps': 'many' is not a whole number
            probe --max-steps 1.5        ; error: invalid value for option '--max-steps': '1.5' is not a whole number
            probe --max-steps 9999999999 ; error: invalid value for option '--max-steps': '9999999999' is a larger number than it can hold
            probe --precision f8         ; error: invalid value for option '--precision': expected auto, f32 or bf16 but was 'f8'
            probe stray                  ; error: unexpected argument: 'stray'
            generate --target t          ; error: missing required argument (specify one of these): (--prompt=S | --prompt-file=F)
            generate --target t --prompt a --prompt-file f ; error: --prompt=S, --prompt-file=F are mutually exclusive (specify only one)
            """)
    void theSentenceIsInTheWordsOfAUser(String arguments, String sentence) {
        assertEquals(sentence, Line.run(List.of(Probe.class, GenerateCommand.class), arguments.split(" ")).log().lines().findFirst().orElse(""));
    }

    @Test
    void withoutACommandThereIsNothingToDo() {
        Line line = Line.run(COMMANDS);
        assertEquals(Main.USAGE, line.code());
        assertTrue(line.log().startsWith("error: a command is missing"), line.log());
    }

    @Test
    void snakeCaseIsAnAliasForNamesAndNeverTouchesValues() {
        assertEquals("7|null|true|auto|2|Optional.empty", Line.run(COMMANDS, "probe", "--max_steps", "7", "--threads=2").out());
        assertEquals("7|a_b --c_d|true|auto|2|Optional[F32]",
                Line.run(COMMANDS, "probe", "--max_steps=7", "--prompt", "a_b --c_d", "--threads=2", "--precision", "f32").out());
        assertEquals("-1|--no_such|false|cuda:1|2|Optional[BF16]",
                Line.run(COMMANDS, "probe", "--prompt=--no_such", "--device", "cuda:1", "--threads", "2", "--precision=bf16").out());
    }

    @ParameterizedTest
    @CsvSource({"@notes.txt", "- a list", "-1", "\"quoted\"", "über 😀", "${sys:user.home}"})
    void aPromptIsTakenAsItIs(String prompt) {
        assertEquals(prompt, Line.run(COMMANDS, "probe", "--prompt", prompt).out().split("\\|")[1]);
    }

    @Test
    void aReaderThatWentAwayIsCalmAndAFullDiskIsAnError() {
        assertEquals(new Line(Main.OK, "", ""), runInto("Broken pipe"));
        Line full = runInto("No space left on device");
        assertEquals(Main.FAILED, full.code());
        assertEquals("error: cannot write to standard output: No space left on device", full.log().strip());
    }

    /** A command that streams meets the failure itself; what is left in the buffer meets it once more at the end. */
    @Test
    void aFullDiskIsToldOnce() {
        Line full = runInto("No space left on device", "--fail", "stream");
        assertEquals(Main.FAILED, full.code());
        assertEquals("error: cannot write to standard output: No space left on device", full.log().strip());
    }

    @Test
    void helpForNobodyIsNoStackTrace() {
        for (String option : new String[] {"--help", "--version"}) {
            assertEquals(new Line(Main.OK, "", ""), runInto("Broken pipe", option));
            Line full = runInto("No space left on device", option);
            assertEquals(Main.FAILED, full.code());
            assertEquals("error: cannot write to standard output: No space left on device", full.log().strip());
        }
    }

    @Test
    void aSystemWithoutMemoryIsNotMendedByALargerHeap() {
        assertEquals("out of memory: the system has no 64 bytes left beside Java's own memory; ask for less, such as a smaller batch or fewer"
                + " --max-new-tokens", Main.outOfMemory(new OutOfMemoryError("Unable to allocate 64 bytes")));
        assertTrue(Main.outOfMemory(new OutOfMemoryError("Java heap space")).contains("-Xmx16g"));
    }

    private static Line runInto(String failure, String... more) {
        var log = new java.io.ByteArrayOutputStream();
        OutputStream broken = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException(failure);
            }
        };
        String[] arguments = Stream.concat(Stream.of("probe"), Stream.of(more)).toArray(String[]::new);
        int code = Main.run(COMMANDS, arguments, new PrintStream(new StandardOutput(broken), false, StandardCharsets.UTF_8),
                new PrintStream(log, true, StandardCharsets.UTF_8));
        return new Line(code, "", log.toString(StandardCharsets.UTF_8));
    }
}
