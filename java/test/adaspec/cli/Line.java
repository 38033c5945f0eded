package adaspec.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * One run of the command line inside the test's own process.
 *
 * @param code exit code
 * @param out  standard output
 * @param log  standard error
 */
record Line(int code, String out, String log) {

    static Line run(String... arguments) {
        return run(Main.COMMANDS, arguments);
    }

    static Line run(List<Class<? extends Command>> commands, String... arguments) {
        var out = new ByteArrayOutputStream();
        var log = new ByteArrayOutputStream();
        int code = Main.run(
                commands,
                arguments,
                new PrintStream(new StandardOutput(out), false, StandardCharsets.UTF_8),
                new PrintStream(log, true, StandardCharsets.UTF_8));
        return new Line(code, out.toString(StandardCharsets.UTF_8), log.toString(StandardCharsets.UTF_8));
    }
}
