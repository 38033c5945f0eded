package adaspec.text.problems;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.UsageException;
import java.nio.file.Path;
import java.util.List;

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
        var options = new Options(OPTIONS, arguments);
        Path folder = Path.of(options.required("--output", "name the folder for train.jsonl, validation.jsonl and test.jsonl"));
        long seed = options.number("--seed", 0, Long.MIN_VALUE, Long.MAX_VALUE);
        int train = (int) options.number("--train", 60_000, 0, MOST);
        int validation = (int) options.number("--validation", 500, 0, MOST);
        int test = (int) options.number("--test", 500, 0, MOST);
        write(folder, seed, train, validation, test);
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
}
