package adaspec.fuzz;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What came of the inputs of one target. */
final class FuzzTally {
    static final String HEAD = """
            | file | inputs | refused | no harm | found | longest ms | most memory MB | seconds |
            |---|---|---|---|---|---|---|---|""";

    private final String target;
    private final Map<Outcome.Kind, Integer> kinds = new EnumMap<>(Outcome.Kind.class);
    private final List<String> findings = new ArrayList<>();
    private int inputs;
    private long longest;
    private long micros;
    private long memory;

    FuzzTally(String target) {
        this.target = target;
    }

    /** The outcome of the next input. */
    void add(Outcome outcome) {
        if (!outcome.isClean()) {
            findings.add(target + ":" + inputs + " " + outcome.kind() + " " + outcome.detail());
        }
        inputs++;
        kinds.merge(outcome.kind(), 1, Integer::sum);
        longest = Math.max(longest, outcome.micros());
        micros += outcome.micros();
        memory = Math.max(memory, outcome.memory());
    }

    int inputs() {
        return inputs;
    }

    int count(Outcome.Kind kind) {
        return kinds.getOrDefault(kind, 0);
    }

    List<String> findings() {
        return findings;
    }

    String row() {
        return String.format(
                Locale.ROOT, "| %s | %d | %d | %d | %d | %.0f | %.1f | %.0f |", target, inputs, count(Outcome.Kind.REFUSED),
                count(Outcome.Kind.ACCEPTED), findings.size(), longest / 1e3, memory / 1e6, micros / 1e6);
    }
}
