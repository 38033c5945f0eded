package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

/** Every command explains itself, with an example that is a right command line. */
class HelpTest {
    /** Words as a shell would split them; quotes hold a word together. */
    private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|'([^']*)'|(\\S+)");

    @ParameterizedTest
    @MethodSource("commands")
    void helpShowsAnExampleThatParses(List<String> command) {
        var arguments = new ArrayList<>(command);
        arguments.add("--help");
        Line line = Line.run(arguments.toArray(String[]::new));
        assertEquals(Main.OK, line.code());
        assertEquals("", line.log());
        assertTrue(line.out().startsWith("Usage: " + Command.RUN), line.out());
        List<String> examples = examples(line.out());
        assertFalse(examples.isEmpty(), "no example in\n" + line.out());
        for (String example : examples) {
            List<String> words = words(example);
            if (!command.isEmpty()) {
                assertEquals(command, words.subList(0, command.size()), "the example shows another command: " + example);
            }
            assertDoesNotThrow(() -> line().parseArgs(words.toArray(String[]::new)), example);
        }
    }

    @ParameterizedTest
    @MethodSource("commands")
    void everyCommandTakesTheOptionsOfTheDevice(List<String> command) {
        CommandLine line = line();
        for (String name : command) {
            line = line.getSubcommands().get(name);
        }
        if (line.getSubcommands().isEmpty()) {
            Set<String> names = line.getCommandSpec().optionsMap().keySet();
            assertTrue(names.containsAll(List.of("--device", "--threads", "--precision")), command + " takes only " + names);
        }
    }

    /** The list of commands shows the first line of a description, so a sentence broken across lines stops in its middle there. */
    @ParameterizedTest
    @MethodSource("commands")
    void noSentenceOfADescriptionIsBrokenAcrossItsLines(List<String> command) {
        CommandLine line = line();
        for (String name : command) {
            line = line.getSubcommands().get(name);
        }
        for (String text : line.getCommandSpec().usageMessage().description()) {
            assertTrue(text.endsWith("."), command + " breaks a sentence: " + text);
        }
        for (CommandLine.Model.OptionSpec option : line.getCommandSpec().options()) {
            for (String text : option.description()) {
                assertTrue(text.endsWith("."), command + " breaks a sentence of " + option.longestName() + ": " + text);
            }
        }
    }

    @Test
    void anExampleWithAWrongOptionWouldBeFound() {
        List<String> words = words(examples("Example:\n  " + Command.RUN + " doctor \\\n    --no-such \"a b\"\n").getFirst());
        assertEquals(List.of("doctor", "--no-such", "a b"), words);
        assertThrows(CommandLine.ParameterException.class, () -> line().parseArgs(words.toArray(String[]::new)));
    }

    @Test
    void theVersionIsPrintedByEveryCommand() {
        assertTrue(Line.run("--version").out().matches("adaspec-engine \\S+ \\(\\S+\\), Java \\d+\\R"));
        assertEquals(Line.run("--version"), Line.run("doctor", "-V"));
    }

    static Stream<List<String>> commands() {
        var all = new ArrayList<List<String>>();
        collect(line(), List.of(), all);
        return all.stream();
    }

    private static void collect(CommandLine line, List<String> path, List<List<String>> all) {
        all.add(path);
        line.getSubcommands().forEach((name, sub) -> {
            var longer = new ArrayList<>(path);
            longer.add(name);
            collect(sub, List.copyOf(longer), all);
        });
    }

    private static CommandLine line() {
        return Main.commandLine(Main.COMMANDS, System.out, System.err);
    }

    /** What follows {@link Command#RUN} after the heading; a backslash joins lines. */
    private static List<String> examples(String help) {
        int heading = help.indexOf("Example:");
        return heading < 0 ? List.of() : help.substring(heading).replaceAll("\\\\\\R\\s*", " ").lines()
                .map(String::strip)
                .filter(text -> text.startsWith(Command.RUN + " "))
                .map(text -> text.substring(Command.RUN.length()).strip())
                .toList();
    }

    private static List<String> words(String text) {
        var words = new ArrayList<String>();
        for (Matcher m = WORD.matcher(text); m.find(); ) {
            words.add(m.group(1) != null ? m.group(1) : m.group(2) != null ? m.group(2) : m.group(3));
        }
        return words;
    }
}
