package adaspec.fuzz;

import adaspec.Processes;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Gives inputs to a child process, which serves until it fails: then it is ended, and the next input has a new one. */
final class Fuzzer implements AutoCloseable {
    /** For a JVM to start, and for the first use of everything. */
    private static final long START_MILLIS = 60_000;

    private static final String ENDED = "";

    private final Path root;
    private final long seed;
    private final long limitMillis;
    private Process process;
    private LinkedBlockingQueue<String> answers;
    /** Targets that the child has used once. */
    private final Set<String> ready = new HashSet<>();
    private int children;

    /** @param limitMillis that one input may take */
    Fuzzer(long seed, long limitMillis) throws IOException {
        Path memory = Path.of("/dev/shm");
        this.root = Files.isWritable(memory) ? Files.createTempDirectory(memory, "adaspec-fuzz") : Files.createTempDirectory("adaspec-fuzz");
        this.seed = seed;
        this.limitMillis = limitMillis;
    }

    /** Child processes started so far. */
    int children() {
        return children;
    }

    /** Uses input {@code index} of {@code target}. */
    Outcome use(Target target, int index) throws IOException, InterruptedException {
        if (process == null) {
            start();
        }
        // What is used for the first time takes longer: classes are loaded, files written.
        Outcome outcome = ready.add(target.name()) ? answer(target.name() + " " + FuzzChild.GOOD, START_MILLIS) : null;
        if (outcome == null || outcome.isClean()) {
            outcome = answer(target.name() + " " + index, limitMillis);
        }
        if (!outcome.isClean()) {
            end();
        }
        return outcome;
    }

    private Outcome answer(String question, long limit) throws InterruptedException {
        try {
            process.outputWriter().write(question + "\n");
            process.outputWriter().flush();
        } catch (IOException e) {
            return Outcome.of(Outcome.Kind.DIED, "with code " + Processes.waitFor(process));
        }
        String line = answers.poll(limit, TimeUnit.MILLISECONDS);
        if (line == null) {
            return Outcome.of(Outcome.Kind.HUNG, "no answer in " + limit + " ms");
        }
        return line.equals(ENDED) ? Outcome.of(Outcome.Kind.DIED, "with code " + Processes.waitFor(process)) : Outcome.parse(line);
    }

    private void start() throws IOException {
        Path folder = Files.createDirectory(root.resolve("child-" + children++));
        var command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(List.of("-Xmx512m", "-Xss1m", "-XX:+UseSerialGC"));
        command.addAll(List.of("-XX:ErrorFile=" + root.resolve("crash-%p.log"), "-XX:-CreateCoredumpOnCrash"));
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(FuzzChild.class.getName(), folder.toString(), Long.toString(seed)));
        process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        answers = new LinkedBlockingQueue<>();
        ready.clear();
        Process reading = process;
        LinkedBlockingQueue<String> into = answers;
        Thread.ofVirtual().start(() -> {
            try (var reader = new BufferedReader(new InputStreamReader(reading.getInputStream(), StandardCharsets.UTF_8))) {
                // A JVM that crashes writes its report here too.
                reader.lines().filter(line -> line.startsWith(FuzzChild.ANSWER)).forEach(line -> into.add(line.substring(FuzzChild.ANSWER.length())));
            } catch (IOException | UncheckedIOException e) {
                // The process was ended.
            }
            into.add(ENDED);
        });
    }

    private void end() throws InterruptedException {
        if (process != null) {
            process.destroyForcibly().waitFor();
            process = null;
        }
    }

    @Override
    public void close() throws IOException, InterruptedException {
        end();
        try (var files = Files.walk(root)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> {
                try {
                    Files.delete(file);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }
}
