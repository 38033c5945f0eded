package adaspec.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The command behind {@code bench/fuzz/fuzz.sh}: many damaged files of each kind, and a table of what came of them.
 *
 * <p>{@code --inputs N} of each kind, {@code --targets a,b}, {@code --seed S}, {@code --state DIR}: a file for each target with a line an outcome,
 * with which an interrupted run goes on; {@code --seconds T}: ends itself after this time, to be taken up again; {@code --show NAME:INDEX} writes one
 * input to standard output and uses nothing. Ends with 1 if anything was found, with 3 if there are inputs left.
 */
public final class Fuzz {
    static final long SEED = 0;

    private static final long LIMIT_MILLIS = 5000;

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
                System.err.println("error: " + arguments[i] + " is unknown or lacks its value; known: " + options.keySet());
                System.exit(2);
            }
            options.put(arguments[i], arguments[i + 1]);
        }
        long seed = Long.parseLong(options.get("--seed"));
        if (!options.get("--show").isEmpty()) {
            show(options.get("--show").split(":"), seed);
            return;
        }
        List<Target> targets = new ArrayList<>();
        for (String name : options.get("--targets").split(",")) {
            targets.add(Targets.named(name));
        }
        Path state = options.get("--state").isEmpty() ? null : Files.createDirectories(Path.of(options.get("--state")));
        var fuzz = new Fuzz(seed, Integer.parseInt(options.get("--inputs")), state, Double.parseDouble(options.get("--seconds")));
        System.exit(fuzz.run(targets));
    }

    private static void show(String[] which, long seed) throws IOException {
        Target target = Targets.named(which[0]);
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
        return tally;
    }

    private void write(Target target, StringBuilder lines) throws IOException {
        if (state != null) {
            Files.writeString(stateOf(target), lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
        lines.setLength(0);
    }
}
