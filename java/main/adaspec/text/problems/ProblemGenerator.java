package adaspec.text.problems;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Makes arithmetic word problems in GSM8K's format: the data that ships with the engine.
 *
 * <p>The first {@code count} problems of a split are a function of (seed, split, count) alone, and a shorter list is the beginning of a longer one.
 * Splits are disjoint in the set of a question's numbers, across kinds and seeds. Kinds come in shuffled rounds, so every kind is equally frequent.
 * Immutable and safe for use by several threads.
 */
public final class ProblemGenerator {
    /** A kind whose draws miss its conditions or the split this often in a row has no problem for the split. */
    private static final int ATTEMPTS = 20_000;
    /** So many repeated questions in a row mean that the kind is nearly exhausted; then one is let through. */
    private static final int REPEATS = 200;

    private final long seed;
    private final List<Kind> kinds;

    /** A generator of every kind that ships. */
    public ProblemGenerator(long seed) {
        this(seed, KindReader.all());
    }

    ProblemGenerator(long seed, List<Kind> kinds) {
        this.seed = seed;
        this.kinds = kinds;
    }

    /** The names of the kinds. */
    public List<String> kinds() {
        return kinds.stream().map(Kind::name).toList();
    }

    /** The first {@code count} problems of {@code split}. No question repeats while its kind has others to offer. */
    public List<Problem> generate(Split split, int count) {
        var problems = new ArrayList<Problem>(count);
        var asked = new HashSet<String>();
        for (int index = 0; index < count; index++) {
            Problem problem = problem(split, index, asked);
            asked.add(problem.question());
            problems.add(problem);
        }
        return problems;
    }

    private Problem problem(Split split, int index, Set<String> asked) {
        Kind kind = kindAt(split, index);
        int repeats = 0;
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            var draws = new Draws(seed, split, index, attempt);
            Optional<Problem> problem = kind.draw(draws).flatMap(facts -> kind.tell(facts, draws)).filter(told -> told.in(split));
            if (problem.isPresent() && (!asked.contains(problem.get().question()) || ++repeats == REPEATS)) {
                return problem.get();
            }
        }
        throw new IllegalStateException("kind " + kind.name() + " has no problem for " + split);
    }

    /** Deals the kinds in rounds; each round is shuffled (Fisher-Yates) by draws of its own. */
    private Kind kindAt(Split split, int index) {
        int round = index / kinds.size();
        var draws = new Draws(seed, split, round, -1);
        var order = new ArrayList<>(kinds);
        for (int i = order.size() - 1; i > 0; i--) {
            Collections.swap(order, i, draws.below(i + 1));
        }
        return order.get(index % kinds.size());
    }
}
