package adaspec.text.problems;

import adaspec.common.UsageException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The options of this package's own small programs: {@code --name value} pairs, each at most once. Whatever is wrong is a {@link UsageException}. */
final class Options {
    private final Map<String, String> given = new HashMap<>();

    Options(List<String> known, String... arguments) {
        for (int i = 0; i < arguments.length; i += 2) {
            if (!known.contains(arguments[i])) {
                throw new UsageException("unknown option " + arguments[i] + "; known are " + String.join(", ", known));
            }
            if (i + 1 == arguments.length) {
                throw new UsageException(arguments[i] + " needs a value");
            }
            if (given.put(arguments[i], arguments[i + 1]) != null) {
                throw new UsageException(arguments[i] + " is given twice");
            }
        }
    }

    boolean has(String option) {
        return given.containsKey(option);
    }

    /** @param mend what to give, for the sentence that says it is missing */
    String required(String option, String mend) {
        if (!has(option)) {
            throw new UsageException(option + " is missing; " + mend);
        }
        return given.get(option);
    }

    /** A whole number from {@code least} to {@code most}. */
    long number(String option, long absent, long least, long most) {
        String value = given.getOrDefault(option, Long.toString(absent));
        try {
            long number = Long.parseLong(value);
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Falls through to the sentence that names the range.
        }
        throw new UsageException(option + " " + value + " is not a whole number from " + least + " to " + most);
    }
}
