package adaspec.cli;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import picocli.CommandLine;

/** The command line before it is parsed. */
final class Arguments {
    private Arguments() {}

    /**
     * Writes the names of options with hyphens, so that {@code --max_steps} is {@code --max-steps}. Only the name changes, and only to one
     * that exists: values, and whatever follows {@code --}, stay as they are.
     */
    static String[] kebabCase(CommandLine line, String[] arguments) {
        Set<String> known = new HashSet<>();
        collectNames(line, known);
        String[] result = arguments.clone();
        int end = before("--", arguments).size();
        for (int i = 0; i < end; i++) {
            String argument = arguments[i];
            int equals = argument.indexOf('=');
            String name = equals < 0 ? argument : argument.substring(0, equals);
            String hyphens = name.replace('_', '-');
            if (name.startsWith("--") && !known.contains(name) && known.contains(hyphens)) {
                result[i] = hyphens + argument.substring(name.length());
            }
        }
        return result;
    }

    /** The arguments before the first {@code end}; all of them where it does not occur. */
    static List<String> before(String end, String[] arguments) {
        List<String> all = Arrays.asList(arguments);
        int at = all.indexOf(end);
        return at < 0 ? all : all.subList(0, at);
    }

    private static void collectNames(CommandLine line, Set<String> names) {
        names.addAll(line.getCommandSpec().optionsMap().keySet());
        line.getSubcommands().values().forEach(sub -> collectNames(sub, names));
    }
}
