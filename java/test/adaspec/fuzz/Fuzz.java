package adaspec.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The command behind {@code bench/fuzz/fuzz.sh}: many damaged files of each kind, and a table of what came of them.
 *
 * <p>{@code --inputs N} of each kind, {@code --targets a,b}, {@code --seed S}, {@code --state FILE}: one line an outcome, with which an interrupted
 * run goes on; {@code --show NAME:INDEX} writes one input to standard output and uses nothing. Ends with 1 if anything was found.
 */
public final class Fuzz {
    static final long SEED = 0;

    private static final long LIMIT_MILLIS = 5000;

    private Fuzz() {}

    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = new LinkedHashMap<>(Map.of("--inputs", "10000", "--seed", Long.toString(SEED), "--state", "", "--show", ""));
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
        Path state = options.get("--state").isEmpty() ? null : Path.of(options.get("--state"));
        System.exit(run(targets, Integer.parseInt(options.get("--inputs")), seed, state) ? 0 : 1);
    }

    private static void show(String[] which, long seed) throws IOException {
        Target target = Targets.named(which[0]);
        Path folder = Files.createTempDirectory("adaspec-fuzz").resolve("show");
        System.out.writeBytes(target.input(target.prepare().in(folder), seed, Integer.parseInt(which[1])));
        System.out.flush();
    }

    /** Whether everything was clean. */
    private static boolean run(List<Target> targets, int inputs, long seed, Path state) throws Exception {
        Map<String, List<Outcome>> known = known(state, seed);
        System.out.println("| file | inputs | refused | no harm | found | longest ms | most memory MB | seconds |");
        System.out.println("|---|---|---|---|---|---|---|---|");
        List<String> findings = new ArrayList<>();
        try (Fuzzer fuzzer = new Fuzzer(seed, LIMIT_MILLIS)) {
            for (Target target : targets) {
                List<Outcome> outcomes = known.computeIfAbsent(target.name(), name -> new ArrayList<>());
                StringBuilder unwritten = new StringBuilder();
                for (int index = outcomes.size(); index < inputs; index++) {
                    Outcome outcome = fuzzer.use(target, index);
                    outcomes.add(outcome);
                    unwritten.append(seed).append('\t').append(target.name()).append('\t').append(outcome.line()).append('\n');
                    if (!outcome.isClean() || index % 100 == 99 || index == inputs - 1) {
                        write(state, unwritten);
                    }
                }
                for (int index = 0; index < outcomes.size(); index++) {
                    if (!outcomes.get(index).isClean()) {
                        findings.add(target.name() + ":" + index + " " + outcomes.get(index).kind() + " " + outcomes.get(index).detail());
                    }
                }
                System.out.println(row(target.name(), outcomes));
            }
        }
        System.out.println();
        System.out.println(findings.isEmpty() ? "Nothing was found." : "Found:");
        findings.forEach(finding -> System.out.println("- " + finding));
        return findings.isEmpty();
    }

    /** The outcomes that an earlier run has left, by target, in the order of their inputs; a line that was cut off is forgotten. */
    private static Map<String, List<Outcome>> known(Path state, long seed) throws IOException {
        Map<String, List<Outcome>> known = new LinkedHashMap<>();
        if (state == null || !Files.exists(state)) {
            return known;
        }
        String text = Files.readString(state);
        String whole = text.substring(0, text.lastIndexOf('\n') + 1);
        Files.writeString(state, whole);
        for (String line : whole.lines().toList()) {
            String[] parts = line.split("\t", 3);
            if (parts[0].equals(Long.toString(seed))) {
                known.computeIfAbsent(parts[1], name -> new ArrayList<>()).add(Outcome.parse(parts[2]));
            }
        }
        return known;
    }

    private static void write(Path state, StringBuilder lines) throws IOException {
        if (state != null) {
            Files.writeString(state, lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
        lines.setLength(0);
    }

    private static String row(String name, List<Outcome> outcomes) {
        return String.format(
                Locale.ROOT, "| %s | %d | %d | %d | %d | %.0f | %.1f | %.0f |", name, outcomes.size(), count(outcomes, Outcome.Kind.REFUSED),
                count(outcomes, Outcome.Kind.ACCEPTED), outcomes.stream().filter(o -> !o.isClean()).count(),
                outcomes.stream().mapToLong(Outcome::micros).max().orElse(0) / 1e3,
                outcomes.stream().mapToLong(Outcome::memory).max().orElse(0) / 1e6,
                outcomes.stream().mapToLong(Outcome::micros).sum() / 1e6);
    }

    private static long count(List<Outcome> outcomes, Outcome.Kind kind) {
        return outcomes.stream().filter(outcome -> outcome.kind() == kind).count();
    }
}
