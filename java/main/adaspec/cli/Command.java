package adaspec.cli;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.UsageException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * What every command has: {@code --help}, {@code --version}, {@code --verbose}, a stream for results and one for messages.
 *
 * <p>{@link #call} returns the exit code: 0 when done, 1 when it did its work and the answer is no, {@link Main#INTERRUPTED} when it was
 * interrupted and has written its checkpoint. Everything that goes wrong is thrown.
 */
@picocli.CommandLine.Command(
        versionProvider = Main.VersionText.class,
        sortOptions = false,
        usageHelpWidth = 120,
        synopsisHeading = "Usage: ",
        descriptionHeading = "%n",
        optionListHeading = "%nOptions:%n",
        commandListHeading = "%nCommands:%n")
public abstract class Command implements Callable<Integer> {
    /** The heading of the footer that shows an example; the lines under it begin with {@link #RUN}. */
    public static final String EXAMPLE = "%nExample:%n";

    /** How an example starts. */
    public static final String RUN = "java -jar adaspec-engine.jar";

    /** Names of files that make a model directory one. */
    private static final Pattern OF_A_MODEL = Pattern.compile(
            "(generation_|tokenizer_)?config\\.json|tokenizer\\.json|.*\\.safetensors(\\.index\\.json)?");

    @Spec
    private CommandSpec spec;

    @Option(names = {"-h", "--help"}, usageHelp = true, order = 1000, description = "Show this text and exit.")
    private boolean help;

    @Option(names = {"-V", "--version"}, versionHelp = true, order = 1001, description = "Show the version and exit.")
    private boolean version;

    @Option(names = "--verbose", order = 1002, description = "Say more on standard error; on failure, with a stack trace.")
    private boolean verbose;

    private PrintStream out;
    private PrintStream log;

    private List<String> typed = List.of();

    void attach(PrintStream out, PrintStream log) {
        this.out = out;
        this.log = log;
    }

    void typed(List<String> arguments) {
        typed = arguments;
    }

    /** The command line as the user typed it, for the records of a run. */
    protected final List<String> typed() {
        return typed;
    }

    /** Results: UTF-8, buffered (flush when streaming). */
    protected final PrintStream out() {
        return out;
    }

    /** Progress and messages: standard error, UTF-8. */
    protected final PrintStream log() {
        return log;
    }

    protected final boolean verbose() {
        return verbose;
    }

    /** Whether the user gave the option called {@code name} ({@code --k}), as opposed to leaving it at its default. */
    protected final boolean given(String name) {
        return spec.commandLine().getParseResult().hasMatchedOption(name);
    }

    /**
     * Fails if {@code output} (null: none) is one of the files that the command reads, or a file of a model directory among them (null: not given):
     * it would be written over.
     */
    protected static void requireApart(Path output, Path... inputs) {
        for (Path input : inputs) {
            if (output == null || input == null || !Files.exists(output)) {
                continue;
            }
            try {
                if (Files.isRegularFile(input) && Files.isSameFile(output, input)) {
                    throw new InputException("the output " + output + " is the input " + input + "; choose another file");
                }
                Path name = output.getFileName();
                if (name != null && OF_A_MODEL.matcher(name.toString()).matches() && Files.isDirectory(input)
                        && Files.isSameFile(output.toAbsolutePath().getParent(), input)) {
                    throw new InputException("the output " + output + " is a file of the model " + input + "; choose another file");
                }
            } catch (IOException e) {
                throw new InputException("cannot read " + input + ": " + AtomicFile.reason(e), e);
            }
        }
    }

    /** Fails before the work where its result could not be written to {@code output}: null and {@code -} are none. */
    protected static void requireWritable(Path output) {
        if (output != null && !output.toString().equals("-")) {
            AtomicFile.requireWritable(output);
        }
    }

    /** Where a result goes that was asked for in {@code output}: {@code -} is standard output. */
    protected static Path place(Path output) {
        return output.toString().equals("-") ? AtomicFile.STANDARD_OUTPUT : output;
    }

    /** A number and what it counts, in the singular where it is one. */
    protected static String count(long number, String noun) {
        return number + " " + noun + (number == 1 ? "" : "s");
    }

    /** For a value that was parsed and is out of its range: throws a {@link UsageException} unless {@code holds}. */
    protected static void check(boolean holds, String sentence) {
        if (!holds) {
            throw new UsageException(sentence);
        }
    }
}
