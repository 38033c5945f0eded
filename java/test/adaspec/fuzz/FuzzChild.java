package adaspec.fuzz;

import adaspec.common.InputException;
import com.sun.management.ThreadMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The process in which damaged files are used. Reads {@code name index} a line, and answers each with a line: what came of it, and what it took. The
 * index {@link #GOOD} is the file in good order, which comes first. Whoever started it watches the time, and sees if it dies.
 */
public final class FuzzChild {
    /**
     * Memory that one input may take: this many bytes and {@link #FACTOR} times the bytes of the file. On the heap everything that is allocated
     * counts, also what is free again; what is resident counts by its peak.
     */
    static final long BASE = 32L << 20;

    static final long FACTOR = 160;

    static final int GOOD = -1;

    /** What an answer begins with. */
    static final String ANSWER = "= ";

    private static final int MOST_LETTERS = 1100;

    private final Path root;
    private final long seed;
    private final Map<String, List<byte[]>> prepared = new HashMap<>();

    private FuzzChild(Path root, long seed) {
        this.root = root;
        this.seed = seed;
    }

    /** @param arguments a folder to work in, and the seed */
    public static void main(String[] arguments) throws IOException {
        PrintStream answers = System.out;
        System.setOut(System.err);
        var child = new FuzzChild(Path.of(arguments[0]), Long.parseLong(arguments[1]));
        var questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = questions.readLine(); line != null; line = questions.readLine()) {
            String[] words = line.split(" ");
            answers.println(ANSWER + child.use(Targets.named(words[0]), Integer.parseInt(words[1])).line());
            answers.flush();
        }
    }

    private Outcome use(Target target, int index) throws IOException {
        Path folder = root.resolve(target.name());
        if (index == GOOD) {
            prepared.put(target.name(), target.prepare().in(folder));
        }
        List<byte[]> good = prepared.get(target.name());
        byte[] input = index == GOOD ? good.getFirst() : target.input(good, seed, index);
        Files.write(folder.resolve(target.file()), input);
        long allocated = allocatedBytes();
        long resident = peakResidentBytes();
        long started = System.nanoTime();
        Outcome outcome = used(target, folder);
        long micros = (System.nanoTime() - started) / 1000;
        long most = Math.max(allocatedBytes() - allocated, peakResidentBytes() - resident);
        if (index != GOOD && most > BASE + FACTOR * input.length && outcome.isClean()) {
            outcome = Outcome.of(Outcome.Kind.MEMORY, most + " bytes for a file of " + input.length);
        }
        return outcome.with(input.length, most, micros);
    }

    private static Outcome used(Target target, Path folder) {
        try {
            target.use().of(folder);
            return Outcome.of(Outcome.Kind.ACCEPTED, "");
        } catch (InputException e) {
            return judged(e.getMessage(), folder, target.file());
        } catch (Throwable e) {
            StackTraceElement[] trace = e.getStackTrace();
            String where = trace.length == 0 ? "" : " at " + trace[0] + (trace.length > 1 ? " from " + ours(trace) : "");
            return Outcome.of(Outcome.Kind.THREW, e + where);
        }
    }

    private static StackTraceElement ours(StackTraceElement[] trace) {
        for (StackTraceElement element : trace) {
            if (element.getClassName().startsWith("adaspec.") && !element.getClassName().startsWith("adaspec.fuzz")) {
                return element;
            }
        }
        return trace[trace.length - 1];
    }

    /** A refusal is one sentence in printable letters that says which file is meant. */
    private static Outcome judged(String sentence, Path folder, String file) {
        String wrong = sentence == null || sentence.isBlank() ? "no sentence"
                : sentence.length() > MOST_LETTERS ? "a sentence of " + sentence.length() + " letters"
                : sentence.chars().anyMatch(Character::isISOControl) ? "control characters in the sentence"
                : sentence.contains("Exception") || sentence.contains("java.") ? "a program's words in the sentence"
                : !sentence.contains(folder.toString()) && !sentence.contains(file) ? "no file named in the sentence"
                : null;
        return wrong == null ? Outcome.of(Outcome.Kind.REFUSED, sentence) : Outcome.of(Outcome.Kind.UNCLEAR, wrong + ": " + sentence);
    }

    private static long allocatedBytes() {
        return ((ThreadMXBean) ManagementFactory.getThreadMXBean()).getTotalThreadAllocatedBytes();
    }

    /** VmHWM of this process; a file that is mapped counts as far as its pages were touched. */
    private static long peakResidentBytes() throws IOException {
        String status = Files.readString(Path.of("/proc/self/status"));
        int at = status.indexOf("VmHWM:");
        return Long.parseLong(status.substring(at + 6, status.indexOf("kB", at)).strip()) << 10;
    }
}
