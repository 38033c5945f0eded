package adaspec;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** Starts programs for tests that need a process of their own: exit codes, signals, what a JVM says at its start. */
public final class Processes {
    /** For a JVM that lives for seconds, of which the second compiler would take as much time as the work. A later option overrides it. */
    public static final String SHORT_LIVED = "-XX:TieredStopAtLevel=1";

    private static final long TIMEOUT_SECONDS = 120;

    /** How a program ended. */
    public record Ended(int code, String out, String err) {}

    private Processes() {}

    /** {@code java} with the classes under test and the tests' own, then {@code arguments}: JVM options, a main class, its arguments. */
    public static List<String> java(String... arguments) {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(SHORT_LIVED, "-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(arguments));
        return command;
    }

    /** Runs {@code command} to its end, without the variables by which this machine may configure Java. */
    public static Ended run(List<String> command) throws IOException, InterruptedException {
        return run(command, Map.of());
    }

    /** As {@link #run(List)}, with {@code variables} in the program's environment. */
    public static Ended run(List<String> command, Map<String, String> variables) throws IOException, InterruptedException {
        Path out = Files.createTempFile("adaspec-out", ".txt");
        Path err = Files.createTempFile("adaspec-err", ".txt");
        try {
            ProcessBuilder builder = plain(command).redirectOutput(out.toFile()).redirectError(err.toFile());
            builder.environment().putAll(variables);
            Process process = builder.start();
            int code = waitFor(process);
            return new Ended(code, Files.readString(out), Files.readString(err));
        } finally {
            Files.delete(out);
            Files.delete(err);
        }
    }

    /** A started program whose standard output and error are read together, line by line. */
    public static Process start(List<String> command) throws IOException {
        return plain(command).redirectErrorStream(true).start();
    }

    /** Reads until a line holds {@code text}; the lines read. */
    public static List<String> readUntil(BufferedReader reader, String text) throws IOException {
        var lines = new ArrayList<String>();
        for (String line = reader.readLine(); line != null; line = reader.readLine()) {
            lines.add(line);
            if (line.contains(text)) {
                return lines;
            }
        }
        throw new AssertionError("the output ended without \"" + text + "\": " + lines);
    }

    /**
     * Sends INT, TERM or HUP. Skips the test where this process was started with that signal ignored, as a shell does to a background job and nohup to
     * its program: children inherit that, and a JVM leaves it so.
     */
    public static void signal(String name, long pid) throws IOException, InterruptedException {
        int number = Map.of("HUP", 1, "INT", 2, "TERM", 15).get(name);
        String mask = Files.readString(Path.of("/proc/self/status")).replaceAll("(?s).*SigIgn:\\s*([0-9a-f]+).*", "$1");
        Assumptions.assumeFalse(
                (Long.parseUnsignedLong(mask, 16) >> (number - 1) & 1) == 1, "SIG" + name + " is ignored in this process, and so in its children");
        int code = new ProcessBuilder("kill", "-" + name, Long.toString(pid)).inheritIO().start().waitFor();
        if (code != 0) {
            throw new AssertionError("kill -" + name + " " + pid + " ended with " + code);
        }
    }

    /** The exit code; a process that does not end in two minutes is killed and is a failure. */
    public static int waitFor(Process process) throws InterruptedException {
        if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("still running after " + TIMEOUT_SECONDS + " s: " + process.info().commandLine().orElse("?"));
        }
        return process.exitValue();
    }

    private static ProcessBuilder plain(List<String> command) {
        var builder = new ProcessBuilder(command);
        builder.environment().keySet().removeAll(List.of("JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS"));
        return builder;
    }
}
