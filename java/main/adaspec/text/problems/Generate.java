package adaspec.text.problems;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.UsageException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes the data:
 * <pre>
 * java -cp adaspec-engine.jar adaspec.text.problems.Generate --seed 0 --train 60000 --validation 500 --test 500 --output DIR
 * </pre>
 *
 * <p>Leaves {@code train.jsonl}, {@code validation.jsonl} and {@code test.jsonl} in DIR, each replaced as a whole; the same options give the same
 * bytes.
 */
public final class Generate {
    private static final List<String> OPTIONS = List.of("--seed", "--train", "--validation", "--test", "--output");
    private static final int MOST = 1_000_000;

    private Generate() {}

    /** Says nothing; a wrong option ends the process with exit code 1 and one sentence. */
    public static void main(String[] arguments) {
        try {
            run(arguments);
        } catch (InputException e) {
            // The sentence is for a user; without frames the JVM prints it alone.
            e.setStackTrace(new StackTraceElement[0]);
            throw e;
        }
    }

    /** What {@link #main} does; {@link UsageException} for a wrong option, {@link InputException} where a file cannot be written. */
    static void run(String... arguments) {
        Map<String, String> given = options(arguments);
        if (!given.containsKey("--output")) {
            throw new UsageException("--output is missing; name the folder for train.jsonl, validation.jsonl and test.jsonl");
        }
        long seed = number("--seed", given.getOrDefault("--seed", "0"), Long.MIN_VALUE, Long.MAX_VALUE);
        int train = count("--train", given.getOrDefault("--train", "60000"));
        int validation = count("--validation", given.getOrDefault("--validation", "500"));
        int test = count("--test", given.getOrDefault("--test", "500"));
        write(Path.of(given.get("--output")), seed, train, validation, test);
    }

    /** Writes the three files to {@code folder}, which is made where it is not there. */
    public static void write(Path folder, long seed, int train, int validation, int test) {
        var generator = new ProblemGenerator(seed);
        AtomicFile.writeString(folder.resolve("train.jsonl"), lines(generator.generate(Split.TRAIN, train)));
        AtomicFile.writeString(folder.resolve("validation.jsonl"), lines(generator.generate(Split.VALIDATION, validation)));
        AtomicFile.writeString(folder.resolve("test.jsonl"), lines(generator.generate(Split.TEST, test)));
    }

    /** One JSON object a line, each line ended. */
    static String lines(List<Problem> problems) {
        var text = new StringBuilder();
        problems.forEach(problem -> text.append(problem.toJson()).append('\n'));
        return text.toString();
    }

    private static Map<String, String> options(String[] arguments) {
        var given = new HashMap<String, String>();
        for (int i = 0; i < arguments.length; i += 2) {
            if (!OPTIONS.contains(arguments[i])) {
                throw new UsageException("unknown option " + arguments[i] + "; known are " + String.join(", ", OPTIONS));
            }
            if (i + 1 == arguments.length) {
                throw new UsageException(arguments[i] + " needs a value");
            }
            if (given.put(arguments[i], arguments[i + 1]) != null) {
                throw new UsageException(arguments[i] + " is given twice");
            }
        }
        return given;
    }

    private static int count(String option, String value) {
        return (int) number(option, value, 0, MOST);
    }

    private static long number(String option, String value, long least, long most) {
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
