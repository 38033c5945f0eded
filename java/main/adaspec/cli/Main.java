package adaspec.cli;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.UsageException;
import adaspec.common.Version;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.ParameterException;

/** The entry: finds the command, runs it, and turns what it throws into one sentence and an exit code. */
@CommandLine.Command(
        name = Command.RUN,
        description = "Makes language models faster by making their small draft models agree with them: distills a draft from a target"
                + " (AdaSPEC, DistillSpec), decodes speculatively without changing the target's output, and measures the gain.",
        footerHeading = Command.EXAMPLE,
        footer = "  " + Command.RUN + " doctor")
public final class Main extends Command {
    /** Done. */
    public static final int OK = 0;
    /** Failed: one sentence says why. */
    public static final int FAILED = 1;
    /** The command line is wrong. */
    public static final int USAGE = 2;
    /** Interrupted by SIGINT or SIGTERM, after a checkpoint was written. */
    public static final int INTERRUPTED = 130;

    /** Java's own word for a page of a mapped file that the file has no longer, which does not say of which file. */
    private static final String CUT_OFF = "a file has become shorter, or cannot be read any more, while it was in use; leave the files of models and caches"
            + " alone until the command has ended, and start again";

    /** The commands, in the order in which {@code --help} lists them. */
    static final List<Class<? extends Command>> COMMANDS = List.of(
            DistillCommand.class,
            SftCommand.class,
            InitCommand.class,
            TokenizerCommand.class,
            TokenizeCommand.class,
            GenerateCommand.class,
            EvalCommand.class,
            VerifyLosslessCommand.class,
            ScoreCommand.class,
            SelectCommand.class,
            CacheCommand.class,
            BenchCommand.class,
            InspectCommand.class,
            DoctorCommand.class);

    public static void main(String[] arguments) {
        var out = new PrintStream(new StandardOutput(new FileOutputStream(FileDescriptor.out)), false, StandardCharsets.UTF_8);
        var log = new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);
        System.exit(run(COMMANDS, arguments, out, log));
    }

    /** Runs one command line, which may name one of {@code commands}, and returns its exit code; nothing is thrown, the process goes on. */
    static int run(List<Class<? extends Command>> commands, String[] arguments, PrintStream out, PrintStream log) {
        boolean verbose = Arguments.before("--", arguments).contains("--verbose");
        CommandLine line = commandLine(named(commands, arguments), out, log);
        Map<String, String> origins = new HashMap<>();
        line.setParameterExceptionHandler((e, given) -> {
            complain(origin(e, origins) + sentence(e), log);
            pointToHelp(e.getCommandLine(), log);
            return USAGE;
        });
        line.setExecutionExceptionHandler((e, at, parsed) -> {
            int code = failed(e, verbose, log);
            if (code == USAGE) {
                pointToHelp(at, log);
            }
            return code;
        });
        line.setExecutionStrategy(parsed -> {
            try {
                return new CommandLine.RunLast().execute(parsed);
            } catch (CommandLine.PicocliException e) {
                throw e;
            } catch (RuntimeException e) {
                // Help that cannot be printed: picocli would print a stack trace.
                throw new CommandLine.ExecutionException(parsed.commandSpec().commandLine(), e.getMessage(), e);
            }
        });
        try {
            line.getSubcommands().values().forEach(sub -> {
                if (sub.getCommand() instanceof Command command) {
                    command.typed(List.of(arguments));
                }
            });
            ConfigFile.Completed completed = ConfigFile.complete(line, Arguments.kebabCase(line, arguments), log);
            origins.putAll(completed.origins());
            int code = line.execute(completed.arguments());
            if (code == OK) {
                out.flush();
            } else {
                flushQuietly(out);
            }
            return code;
        } catch (Throwable e) {
            return failed(e, verbose, log);
        }
    }

    /**
     * The one command that {@code arguments} name, else all: picocli reads a command's class, and with it every class that its methods
     * mention, which takes longer than the rest of the start.
     */
    private static List<Class<? extends Command>> named(List<Class<? extends Command>> commands, String[] arguments) {
        // The options before a command have no values, so the first word is the command.
        String first = Stream.of(arguments).filter(argument -> !argument.startsWith("-")).findFirst().orElse("");
        boolean onlyVersion = first.isEmpty() && List.of(arguments).contains("--version");
        return onlyVersion ? List.of() : commands.stream()
                .filter(command -> command.getAnnotation(CommandLine.Command.class).name().equals(first))
                .findFirst()
                .<List<Class<? extends Command>>>map(List::of)
                .orElse(commands);
    }

    /** The whole command line as picocli sees it. */
    static CommandLine commandLine(List<Class<? extends Command>> commands, PrintStream out, PrintStream log) {
        CommandLine.IFactory factory = new CommandLine.IFactory() {
            @Override
            public <K> K create(Class<K> type) throws Exception {
                K made = CommandLine.defaultFactory().create(type);
                if (made instanceof Command command) {
                    command.attach(out, log);
                }
                return made;
            }
        };
        var root = new Main();
        root.attach(out, log);
        var line = new CommandLine(root, factory);
        commands.forEach(line::addSubcommand);
        keepExamplesWhole(line);
        line.registerConverter(Path.class, Main::path);
        // Set after the commands are there, so that they have it too. A prompt may begin with @ and options have one spelling.
        return line.setExpandAtFiles(false)
                .setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF))
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(log, true));
    }

    private static Path path(String text) {
        if (text.isEmpty()) {
            throw new CommandLine.TypeConversionException("an empty name; a path was expected");
        }
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new CommandLine.TypeConversionException("not the name of a file: " + e.getReason());
        }
    }

    /** Prints footers as they are written: an example that is wrapped cannot be copied into a shell. */
    private static void keepExamplesWhole(CommandLine line) {
        line.getHelpSectionMap().put(CommandLine.Model.UsageMessageSpec.SECTION_KEY_FOOTER,
                help -> Stream.of(help.commandSpec().usageMessage().footer()).map(text -> text.formatted() + "\n").collect(Collectors.joining()));
        line.getSubcommands().values().forEach(Main::keepExamplesWhole);
    }

    /** Without a command there is nothing to do. */
    @Override
    public Integer call() {
        throw new UsageException("a command is missing");
    }

    /** Says what went wrong in one sentence; the exit code that belongs to it. */
    private static int failed(Throwable thrown, boolean verbose, PrintStream log) {
        Throwable e = thrown;
        while ((e instanceof CommandLine.ExecutionException || e instanceof UncheckedIOException) && e.getCause() != null) {
            e = e.getCause();
        }
        if (e instanceof StandardOutput.ClosedException || e instanceof InputException && StandardOutput.isClosed(e.getCause())) {
            // Whoever read the results has had enough, as `head` does: there is nobody left to tell.
            return OK;
        }
        complain(switch (e) {
            case InputException input -> input.getMessage();
            case OutOfMemoryError memory -> outOfMemory(memory);
            case InternalError fault when String.valueOf(fault.getMessage()).contains("unsafe memory access") -> CUT_OFF;
            case FileSystemException io when io.getFile() != null -> "cannot use " + io.getFile() + ": " + AtomicFile.reason(io);
            case IOException io -> AtomicFile.reason(io);
            default -> "internal error: " + e.getClass().getSimpleName() + (e.getMessage() == null ? "" : ", " + e.getMessage())
                    + (verbose ? "" : "; rerun with --verbose for the stack trace to report");
        }, log);
        if (verbose) {
            e.printStackTrace(log);
        }
        return e instanceof UsageException ? USAGE : FAILED;
    }

    /** Java's limit is not to blame where the system itself gave nothing. */
    static String outOfMemory(OutOfMemoryError e) {
        String message = String.valueOf(e.getMessage());
        return message.startsWith("Unable to allocate ")
                ? "out of memory: the system has no " + message.substring("Unable to allocate ".length()) + " left beside Java's own memory;"
                        + " ask for less, such as a smaller batch or fewer --max-new-tokens"
                : "out of memory: the limit is " + (Runtime.getRuntime().maxMemory() >> 20) + " MB (" + message
                        + "); raise it with `java -Xmx16g -jar ...` or ask for less, such as a smaller batch";
    }

    /** After a failure that was told: where standard output is what failed it would be told twice. */
    private static void flushQuietly(PrintStream out) {
        try {
            out.flush();
        } catch (RuntimeException told) {
            // See above.
        }
    }

    private static void pointToHelp(CommandLine at, PrintStream log) {
        log.println("See `" + at.getCommandSpec().qualifiedName() + " --help`.");
    }

    private static void complain(String message, PrintStream log) {
        log.println("error: " + message.strip().replaceAll("\\s*\\R\\s*", "; "));
    }

    private static String sentence(ParameterException e) {
        String message = plain(e.getMessage());
        if (e instanceof CommandLine.UnmatchedArgumentException unmatched && e.getCommandLine().getCommand() instanceof Main) {
            String first = unmatched.getUnmatched().get(0);
            if (!first.startsWith("-")) {
                return "there is no command " + first + "; there are " + String.join(", ", e.getCommandLine().getSubcommands().keySet());
            }
        }
        return message.isEmpty() ? "the command line is wrong" : message.substring(0, 1).toLowerCase(Locale.ROOT) + message.substring(1);
    }

    /** Where a wrong value stands, if not on the command line. */
    private static String origin(ParameterException e, Map<String, String> origins) {
        String origin = e.getArgSpec() instanceof CommandLine.Model.OptionSpec option ? origins.get(option.longestName()) : null;
        return origin == null ? "" : origin + ": ";
    }

    private static final Pattern TWICE = Pattern.compile("expected only one match but got \\((--[^)]*)\\)=\\{.*");
    private static final Pattern CHOICE = Pattern.compile("expected one of \\[(.*)] \\(case-insensitive\\)");

    /** The parser's sentence in the words of a user instead of the types of a program. */
    private static String plain(String told) {
        String message = told.replaceFirst("^(?i)error: ", "");
        Matcher twice = TWICE.matcher(message);
        if (twice.matches()) {
            return twice.group(1).replaceAll("=\\S+", "").replace(" | ", " or ") + " is given more than once; give one of them, once";
        }
        return CHOICE.matcher(message.replaceFirst(" is not a double$", " is not a number")
                        .replaceFirst("('[-+]?\\d+') is not (an int|a long)$", "$1 is a larger number than it can hold")
                        .replaceFirst(" is not (an int|a long)$", " is not a whole number")
                        .replaceFirst("(?i)^unmatched arguments? .*: '", "unexpected argument: '"))
                .replaceFirst(choice -> "expected " + choice.group(1).toLowerCase(Locale.ROOT).replaceFirst(", ([^,]*)$", " or $1"));
    }

    /** The text of {@code --version}. */
    static final class VersionText implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {Version.current() + ", Java " + Runtime.version().feature()};
        }
    }
}
