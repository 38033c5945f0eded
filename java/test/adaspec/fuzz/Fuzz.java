package adaspec.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The command behind {@code bench/fuzz/fuzz.sh}: many damaged files of each kind, and a table of what came of them.
 *
 * <p>{@code --inputs N} of each kind, {@code --targets a,b}, {@code --seed S}, {@code --state DIR}: a file for each target with a line an outcome,
 * with which an interrupted run goes on, and one with the revisions that made them; {@code --seconds T}: ends itself after this time, to be taken up
 * again; {@code --show NAME:INDEX} writes one input to standard output and uses nothing. Ends with 1 if anything was found, with 2 if its command
 * line is wrong, with 3 if there are inputs left.
 */
public final class Fuzz {
    static final long SEED = 0;

    private static final long LIMIT_MILLIS = 5000;

    private static final String UNKNOWN = "an unknown revision";
    private static final String REVISION = System.getProperty("adaspec.fuzz.revision", UNKNOWN);

    private final long seed;
    private final int inputs;
    /** Null for none. */
    private final Path state;

    private final long end;

    private Fuzz(long seed, int inputs, Path state, double seconds) {
        this.seed = seed;
        this.inputs = inputs;
        this.state = state;
        this.end = System.nanoTime() + (long) (seconds * 1e9);
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = new LinkedHashMap<>(
                Map.of("--inputs", "10000", "--seed", Long.toString(SEED), "--state", "", "--seconds", "1e6", "--show", ""));
        options.put("--targets", String.join(",", Targets.ALL.stream().map(Target::name).toList()));
        for (int i = 0; i < arguments.length; i += 2) {
            if (i + 1 >= arguments.length || !options.containsKey(arguments[i])) {
                throw usage(arguments[i] + " is unknown or lacks its value; known are " + String.join(", ", options.keySet()));
            }
            options.put(arguments[i], arguments[i + 1]);
        }
        long seed = Long.parseLong(matching(options, "--seed", "-?\\d{1,18}", "a whole number"));
        if (!options.get("--show").isEmpty()) {
            show(matching(options, "--show", "[^:]+:\\d{1,9}", "TARGET:INDEX").split(":"), seed);
            return;
        }
        int inputs = Integer.parseInt(matching(options, "--inputs", "0*[1-9]\\d{0,8}", "a number from 1 on"));
        double seconds = Double.parseDouble(matching(options, "--seconds", "\\d+(\\.\\d+)?(e\\d)?", "a number of seconds"));
        List<Target> targets = new ArrayList<>();
        for (String name : options.get("--targets").split(",")) {
            targets.add(named(name));
        }
        Path state = options.get("--state").isEmpty() ? null : Files.createDirectories(Path.of(options.get("--state")));
        System.exit(new Fuzz(seed, inputs, state, seconds).run(targets));
    }

    private static String matching(Map<String, String> options, String name, String pattern, String expected) {
        String value = options.get(name);
        if (!value.matches(pattern)) {
            throw usage(name + " is " + value + ", and " + expected + " was expected");
        }
        return value;
    }

    private static Target named(String name) {
        try {
            return Targets.named(name);
        } catch (NoSuchElementException e) {
            Stream<Target> known = Stream.of(Targets.ALL, LargeFiles.ALL, Planted.ALL).flatMap(List::stream);
            throw usage("no target is called " + name + "; known are " + known.map(Target::name).collect(Collectors.joining(", ")));
        }
    }

    /** Ends the process; is thrown only for the compiler. */
    private static IllegalStateException usage(String sentence) {
        System.err.println("error: " + sentence);
        System.exit(2);
        return new IllegalStateException(sentence);
    }

    private static void show(String[] which, long seed) throws IOException {
        Target target = named(which[0]);
        Path folder = Files.createTempDirectory("adaspec-fuzz").resolve("show");
        System.out.writeBytes(target.input(target.prepare().in(folder), seed, Integer.parseInt(which[1])));
        System.out.flush();
    }

    /** The exit code. */
    private int run(List<Target> targets) throws Exception {
        List<FuzzTally> tallies = new ArrayList<>();
        try (Fuzzer fuzzer = new Fuzzer(seed, LIMIT_MILLIS)) {
            for (Target target : targets) {
                FuzzTally tally = known(target);
                tallies.add(tally);
                StringBuilder unwritten = new StringBuilder();
                while (tally.inputs() < inputs && System.nanoTime() < end) {
                    Outcome outcome = fuzzer.use(target, tally.inputs());
                    tally.add(outcome);
                    unwritten.append(seed).append('\t').append(outcome.line()).append('\n');
                    if (!outcome.isClean() || tally.inputs() % 100 == 0) {
                        write(target, unwritten);
                    }
                }
                write(target, unwritten);
            }
        }
        System.out.println(FuzzTally.HEAD);
        tallies.forEach(tally -> System.out.println(tally.row()));
        List<String> findings = tallies.stream().flatMap(tally -> tally.findings().stream()).toList();
        System.out.println();
        sayRevisions(targets);
        System.out.println(findings.isEmpty() ? "Nothing was found." : "Found:");
        findings.forEach(finding -> System.out.println("- " + finding));
        return !findings.isEmpty() ? 1 : tallies.stream().anyMatch(tally -> tally.inputs() < inputs) ? 3 : 0;
    }

    private Path stateOf(Target target) {
        return state.resolve(target.name() + ".tsv");
    }

    /** What an earlier run has left: the outcomes in the order of their inputs; a line that was cut off is forgotten. */
    private FuzzTally known(Target target) throws IOException {
        var tally = new FuzzTally(target.name());
        if (state == null || !Files.exists(stateOf(target))) {
            return tally;
        }
        String text = Files.readString(stateOf(target));
        String whole = text.substring(0, text.lastIndexOf('\n') + 1);
        Files.writeString(stateOf(target), whole);
        for (String line : whole.lines().toList()) {
            String[] parts = line.split("\t", 2);
            if (parts[0].equals(Long.toString(seed))) {
                tally.add(Outcome.parse(parts[1]));
            }
        }
        if (tally.inputs() > 0 && revisions(target).isEmpty()) {
            note(target, UNKNOWN);
        }
        return tally;
    }

    private Path notesOf(Target target) {
        return state.resolve(target.name() + ".revisions.tsv");
    }

    /** By which the outcomes of this seed were made. */
    private List<String> revisions(Target target) throws IOException {
        String begin = seed + "\t";
        List<String> notes = Files.exists(notesOf(target)) ? Files.readAllLines(notesOf(target)) : List.of();
        return notes.stream().filter(note -> note.startsWith(begin)).map(note -> note.substring(begin.length())).toList();
    }

    private void note(Target target, String revision) throws IOException {
        if (!revisions(target).contains(revision)) {
            Files.writeString(notesOf(target), seed + "\t" + revision + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
    }

    /** What an older build has survived says nothing of this one: a line for those targets whose outcomes are not all of this revision. */
    private void sayRevisions(List<Target> targets) throws IOException {
        Map<List<String>, List<String>> others = new LinkedHashMap<>();
        for (Target target : state == null ? List.<Target>of() : targets) {
            List<String> revisions = revisions(target);
            if (!revisions.isEmpty() && !revisions.equals(List.of(REVISION))) {
                others.computeIfAbsent(revisions, r -> new ArrayList<>()).add(target.name());
            }
        }
        others.forEach((revisions, names) -> System.out.println(
                "Outcomes of " + String.join(", ", names) + " come from " + String.join(", ", revisions) + ".\n"));
    }

    private void write(Target target, StringBuilder lines) throws IOException {
        if (state != null && !lines.isEmpty()) {
            // Before the outcomes: a run that is killed in between has noted a revision too many, and not one too few.
            note(target, REVISION);
            Files.writeString(stateOf(target), lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
        lines.setLength(0);
    }
}
