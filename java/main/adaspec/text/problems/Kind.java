package adaspec.text.problems;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;

/**
 * One kind of problem: what it draws, what must hold, and the wordings of question and answer.
 *
 * @param asked the numbers that the question gives, in the order of declaration
 */
record Kind(
        String name,
        List<Declaration> declarations,
        List<Condition> conditions,
        List<Template> questions,
        List<Template> answers,
        List<String> asked) {

    /** A fact to draw, under a name. */
    sealed interface Declaration {
        String name();
    }

    record DrawnNumber(String name, int[] among) implements Declaration {}

    record DerivedNumber(String name, Expression expression) implements Declaration {}

    record DrawnWord(String name, List<? extends Word> among) implements Declaration {}

    /** @param comparison one of {@code < <= > >= = !=} */
    record Condition(Expression left, String comparison, Expression right) {
        boolean holds(Map<String, Integer> numbers) {
            OptionalInt l = left.value(numbers);
            OptionalInt r = right.value(numbers);
            if (l.isEmpty() || r.isEmpty()) {
                return false;
            }
            int order = Integer.compare(l.getAsInt(), r.getAsInt());
            return switch (comparison) {
                case "<" -> order < 0;
                case "<=" -> order <= 0;
                case ">" -> order > 0;
                case ">=" -> order >= 0;
                case "=" -> order == 0;
                case "!=" -> order != 0;
                default -> throw new IllegalStateException("no comparison " + comparison);
            };
        }
    }

    /** A kind whose wordings agree on the numbers they give; {@code IllegalStateException} where they do not. */
    static Kind of(String name, List<Declaration> declarations, List<Condition> conditions, List<Template> questions, List<Template> answers) {
        var names = new TreeSet<String>();
        declarations.stream().filter(d -> !(d instanceof DrawnWord)).forEach(d -> names.add(d.name()));
        if (questions.isEmpty() || answers.isEmpty()) {
            throw new IllegalStateException("kind " + name + " needs a question and an answer");
        }
        Set<String> shown = questions.getFirst().numbersShown(names);
        for (Template question : questions) {
            if (!question.numbersShown(names).equals(shown)) {
                throw new IllegalStateException("a question of kind " + name + " gives " + question.numbersShown(names) + ", another " + shown);
            }
        }
        List<String> asked = declarations.stream().map(Declaration::name).filter(shown::contains).toList();
        return new Kind(name, List.copyOf(declarations), List.copyOf(conditions), List.copyOf(questions), List.copyOf(answers), asked);
    }

    /** Draws facts; empty where they miss a condition. Words of one problem differ from each other. */
    Optional<Facts> draw(Draws draws) {
        var facts = new Facts(new HashMap<>(), new HashMap<>());
        for (Declaration declaration : declarations) {
            switch (declaration) {
                case DrawnNumber number -> facts.numbers().put(number.name, number.among[draws.below(number.among.length)]);
                case DerivedNumber number -> {
                    OptionalInt value = number.expression.value(facts.numbers());
                    if (value.isEmpty()) {
                        return Optional.empty();
                    }
                    facts.numbers().put(number.name, value.getAsInt());
                }
                case DrawnWord word -> {
                    Word drawn = word.among.get(draws.below(word.among.size()));
                    if (facts.words().containsValue(drawn)) {
                        return Optional.empty();
                    }
                    facts.words().put(word.name, drawn);
                }
            }
        }
        return conditions.stream().allMatch(c -> c.holds(facts.numbers())) ? Optional.of(facts) : Optional.empty();
    }

    /** The numbers that the question gives. */
    List<Integer> numbers(Facts facts) {
        return asked.stream().map(facts.numbers()::get).toList();
    }

    /** Words the problem; empty where a step of the answer has no fitting result. */
    Optional<Problem> tell(Facts facts, Draws draws) {
        var question = new StringBuilder();
        questions.get(draws.below(questions.size())).write(facts, draws, OptionalInt.empty(), question);
        var answer = new StringBuilder();
        OptionalInt result = answers.get(draws.below(answers.size())).write(facts.copy(), draws, OptionalInt.empty(), answer);
        if (result.isEmpty()) {
            return Optional.empty();
        }
        answer.append("\n#### ").append(result.getAsInt());
        return Optional.of(new Problem(name, question.toString(), answer.toString(), numbers(facts)));
    }
}
