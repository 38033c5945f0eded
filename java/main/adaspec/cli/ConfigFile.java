package adaspec.cli;

import adaspec.common.FlatYaml;
import adaspec.common.UsageException;
import adaspec.engine.ResumeFrom;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Completes a command line from files of settings: the one of {@code --config}, and for a resumed run that run's own config.yaml. What the user typed
 * wins over {@code --config}, which wins over the run's. Keys are option names without the hyphens in front; an unknown one is an error.
 */
final class ConfigFile {
    /** The option that names a file of settings. */
    static final String CONFIG = "--config";
    static final String RESUME = "--resume-from-checkpoint";
    static final String OUTPUT = "--output-dir";
    /** What is said on a command line and is no setting of a run. */
    private static final List<String> NO_SETTINGS = List.of(CONFIG, RESUME, "--plan", "--help", "--version", "--verbose");

    private final CommandSpec command;
    private final List<String> typed;
    private final List<String> added = new ArrayList<>();
    private final Map<String, String> origins = new LinkedHashMap<>();

    private ConfigFile(CommandSpec command, List<String> typed) {
        this.command = command;
        this.typed = typed;
    }

    /**
     * @param arguments what to parse
     * @param origins   option name -> the file and line that it comes from, for those that were not typed
     */
    record Completed(String[] arguments, Map<String, String> origins) {}

    /** {@code arguments} with what the files add. */
    static Completed complete(CommandLine line, String[] arguments, PrintStream log) {
        List<String> typed = Arguments.before("--", arguments);
        String name = typed.stream().filter(argument -> !argument.startsWith("-")).findFirst().orElse("");
        CommandLine command = line.getSubcommands().get(name);
        if (command == null || !command.getCommandSpec().optionsMap().containsKey(RESUME)) {
            return new Completed(arguments, Map.of());
        }
        var file = new ConfigFile(command.getCommandSpec(), typed);
        String config = file.value(CONFIG);
        if (config != null) {
            file.read(Path.of(config));
        }
        String resume = file.value(RESUME);
        if (resume != null) {
            String output = file.value(OUTPUT);
            Path run = ResumeFrom.parse(resume).runFolder(output == null ? null : Path.of(output));
            if (output == null) {
                // Not what its config.yaml says: the run may have been moved or copied since.
                file.added.add(OUTPUT + "=" + run);
                file.origins.put(OUTPUT, resume);
            }
            file.read(run.resolve("config.yaml"));
            log.println("settings that are not given come from " + run.resolve("config.yaml"));
        }
        List<String> all = new ArrayList<>(typed);
        all.addAll(file.added);
        all.addAll(Arrays.asList(arguments).subList(typed.size(), arguments.length));
        return new Completed(all.toArray(String[]::new), file.origins);
    }

    /** The last value given to an option so far, or null. */
    private String value(String option) {
        String found = null;
        List<String> all = new ArrayList<>(typed);
        all.addAll(added);
        for (int i = 0; i < all.size(); i++) {
            if (all.get(i).startsWith(option + "=")) {
                found = all.get(i).substring(option.length() + 1);
            } else if (all.get(i).equals(option) && i + 1 < all.size()) {
                found = all.get(i + 1);
            }
        }
        return found;
    }

    private boolean isGiven(OptionSpec option) {
        return Arrays.stream(option.names()).anyMatch(name -> origins.containsKey(name)
                || typed.stream().anyMatch(argument -> argument.equals(name) || argument.startsWith(name + "=")));
    }

    private void read(Path file) {
        Map<String, String> found = new LinkedHashMap<>();
        FlatYaml.read(file).forEach((key, entry) -> {
            String where = file + ", line " + entry.line();
            String name = "--" + key.replace('_', '-');
            OptionSpec option = command.optionsMap().get(name);
            if (option == null || NO_SETTINGS.contains(name)) {
                throw new UsageException(where + ": `" + command.name() + "` has no setting " + key + "; the names of its options were expected");
            }
            if (!isGiven(option)) {
                add(option, name, entry, where);
                found.put(name, where);
            }
        });
        origins.putAll(found);
    }

    private void add(OptionSpec option, String name, FlatYaml.Entry entry, String where) {
        if (option.arity().max() == 0) {
            String value = String.join(", ", entry.values());
            if (!value.equals("true") && !value.equals("false")) {
                throw new UsageException(where + ": " + name.substring(2) + " is '" + value + "'; true or false was expected");
            }
            if (value.equals("true")) {
                added.add(name);
            }
            return;
        }
        if (entry.isList() && !option.isMultiValue()) {
            throw new UsageException(where + ": " + name.substring(2) + " is a list; one value was expected");
        }
        entry.values().forEach(value -> added.add(name + "=" + value));
    }
}
