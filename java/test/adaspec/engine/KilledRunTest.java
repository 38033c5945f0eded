package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.Processes;
import adaspec.TestBackends;
import adaspec.tensor.DType;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A two-stage run in a process of its own is killed with -9 at random moments, taken up and killed again until it comes to its end: then it equals
 * the run that was never killed. {@code -Dadaspec.kills=50} asks for that many kills ({@code bench/resume/kills.sh}), over as many runs as it takes.
 */
class KilledRunTest {
    private static final int KILLS = Integer.getInteger("adaspec.kills", 3);
    private static final long SEED = Long.getLong("adaspec.kills.seed", 1);

    @TempDir
    private Path folder;

    @BeforeEach
    void write() throws IOException {
        ModelDirectories.write(folder.resolve("target"), 2, 1, DType.F32);
        ModelDirectories.write(folder.resolve("draft"), 1, 2, DType.BF16);
        var lines = new StringBuilder();
        for (int i = 0; i < 200; i++) {
            lines.append("{\"text\": \"").append(i).append(" and ").append(i * i).append(" make ").append(i + i * i).append("\"}\n");
        }
        Files.writeString(folder.resolve("train.jsonl"), lines);
    }

    /** The signal comes in the first stage, in the second, and in the evaluation, one after the other. */
    @Test
    void aSignalEndsEveryPhaseWithExitCode130() throws Exception {
        assertEquals(0, Processes.waitFor(Processes.start(distill("whole"))));
        for (String[] phase : new String[][] {{"reference 3/20", "TERM"}, {"selective 6/20", "INT"}, {"untrained: alpha", "TERM"}}) {
            Process process = Processes.start(distill("run"));
            try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
                Processes.readUntil(reader, phase[0]);
                Processes.signal(phase[1], process.pid());
                Processes.readUntil(reader, "interrupted; the state is in ");
                assertEquals(130, Processes.waitFor(process), phase[0]);
            } finally {
                process.destroyForcibly();
            }
        }
        assertEquals(0, Processes.waitFor(Processes.start(distill("run"))));
        assertEquals(Runs.content(folder.resolve("whole")), Runs.content(folder.resolve("run")));
    }

    @Test
    void killedAtRandomMomentsAndTakenUpItIsTheSameRun() throws Exception {
        long start = System.nanoTime();
        Process uninterrupted = Processes.start(distill("whole"));
        var whatWholeTold = new Told();
        whatWholeTold.drain(uninterrupted);
        assertEquals(0, Processes.waitFor(uninterrupted));
        double seconds = (System.nanoTime() - start) * 1e-9;
        SortedMap<String, String> whole = Runs.content(folder.resolve("whole"));
        assertTrue(whole.containsKey("all_results.json"), whole::toString);
        say("uninterrupted run: %.1f s", seconds);

        Random random = new Random(SEED);
        SortedMap<String, Integer> seen = new TreeMap<>();
        int kills = 0;
        int runs = 0;
        while (kills < KILLS) {
            String run = "killed-" + runs;
            // A run is left alone after some kills: on a slow machine it would else be killed in its evaluation, which begins anew each time, for ever.
            int most = 1 + random.nextInt(8);
            int own = 0;
            boolean done = false;
            while (!done) {
                Process process = Processes.start(distill(run));
                try {
                    // Drained: a full pipe would hold the process up. Beyond the quota it runs to its end.
                    var told = new Told();
                    Thread drain = Thread.ofVirtual().start(() -> told.drain(process));
                    boolean killing = kills < KILLS && own < most;
                    if (killing && comes(moment(random, seconds, whatWholeTold.lines()), process, told)) {
                        process.destroyForcibly();
                    }
                    int code = Processes.waitFor(process);
                    // It may have been quicker than the signal.
                    done = code == 0;
                    if (!done) {
                        assertTrue(killing && code == 128 + 9, run + " ended with " + code + " after " + own + " kills");
                        kills++;
                        own++;
                        String where = where(folder.resolve(run));
                        seen.merge(where, 1, Integer::sum);
                        say("kill %d, of %s: %s", kills, run, where);
                    }
                    drain.join();
                } finally {
                    process.destroyForcibly();
                }
            }
            assertEquals(whole, Runs.content(folder.resolve(run)), run + " after " + own + " kills");
            say("%s came to its end after %d kills and equals the uninterrupted run in %d files", run, own, whole.size());
            runs++;
        }
        say("%d kills -9 in %d runs, every run equal bit for bit; where they hit: %s", kills, runs, seen);
    }

    /** The command; from the run's own checkpoint where the folder has a run already. */
    private List<String> distill(String run) {
        Path output = folder.resolve(run);
        List<String> arguments = new ArrayList<>(List.of("-Xmx512m", "--enable-native-access=ALL-UNNAMED", "adaspec.cli.Main", "distill"));
        if (Files.exists(output.resolve("config.yaml"))) {
            arguments.addAll(List.of("--resume-from-checkpoint", "latest"));
        } else {
            arguments.addAll(List.of("--target", folder.resolve("target").toString(), "--draft", folder.resolve("draft").toString(), "--train-file",
                    folder.resolve("train.jsonl").toString(), "--max-steps", "20", "--per-device-train-batch-size", "2", "--save-steps", "1",
                    "--eval-steps", "4", "--logging-steps", "3", "--lr-scheduler-type", "cosine", "--save-total-limit", "3", "--num-prompts", "8",
                    "--max-new-tokens", "32", "--device", TestBackends.device(), "--overwrite"));
        }
        arguments.addAll(List.of("--output-dir", output.toString()));
        return Processes.java(arguments.toArray(String[]::new));
    }

    /** What a run says. */
    private static final class Told {
        private int lines;
        private boolean ended;

        /** Reads to the end. */
        void drain(Process process) {
            try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
                while (reader.readLine() != null) {
                    synchronized (this) {
                        lines++;
                        notifyAll();
                    }
                }
            } catch (IOException e) {
                // It was killed.
            }
            synchronized (this) {
                ended = true;
                notifyAll();
            }
        }

        synchronized int lines() {
            return lines;
        }

        /** Waits for so many lines; false: it ended with fewer. */
        synchronized boolean reaches(int wanted) throws InterruptedException {
            while (lines < wanted && !ended) {
                wait();
            }
            return lines >= wanted;
        }
    }

    /**
     * When to kill.
     *
     * @param lines   first that the run has said so many
     * @param seconds then that so much time has passed
     */
    private record Moment(int lines, double seconds) {}

    /** By the clock every other time, which the start and the evaluation take most of; else by what the run says, which is mostly of its training. */
    private static Moment moment(Random random, double seconds, int lines) {
        return random.nextBoolean()
                ? new Moment(0, random.nextDouble() * seconds)
                : new Moment(1 + random.nextInt(lines), random.nextDouble() * seconds / lines);
    }

    /** Whether the moment comes before the process has ended. */
    private static boolean comes(Moment moment, Process process, Told told) throws InterruptedException {
        return told.reaches(moment.lines) && !process.waitFor((long) (moment.seconds * 1e9), TimeUnit.NANOSECONDS);
    }

    /** What the folder shows of the moment. */
    private static String where(Path run) throws Exception {
        if (!Files.exists(run.resolve("config.yaml"))) {
            return "before the run began";
        }
        try (var files = Files.walk(run)) {
            List<String> names = files.map(file -> run.relativize(file).toString()).toList();
            String writing = names.stream().anyMatch(name -> name.endsWith(".tmp")) ? ", while a file was written" : "";
            if (names.contains("config.json")) {
                return "evaluation" + writing;
            }
            boolean second = names.stream().anyMatch(name -> name.matches("checkpoint-\\d+"));
            boolean first = names.stream().anyMatch(name -> name.matches("reference/checkpoint-\\d+"));
            second |= names.contains("reference/config.json");
            return (second ? "second stage" : first ? "first stage" : "before the first checkpoint") + writing;
        }
    }

    private static void say(String format, Object... values) {
        if (KILLS > 4) {
            System.out.println(String.format(Locale.ROOT, format, values));
        }
    }
}
