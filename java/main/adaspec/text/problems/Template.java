package adaspec.text.problems;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;

/**
 * Text with holes. <code>{field}</code> is a fact ({@link Facts#text}); <code>(this|that)</code> draws one of its parts;
 * <code>[cost = price*count]</code> is a step: it computes {@code cost} and writes {@code 3*4 = <<3*4=12>>12}, with a dollar sign before the result
 * for <code>[$cost = ...]</code>.
 */
record Template(List<Part> parts) {
    /** Results stay where the plural is right and the numbers are short. */
    static final int LEAST_RESULT = 2;

    static final int GREATEST_RESULT = 999;

    sealed interface Part {}

    record Literal(String text) implements Part {}

    record Field(String field) implements Part {}

    record Choice(List<Template> options) implements Part {}

    record Step(String result, boolean dollars, Expression expression) implements Part {}

    static Template parse(String text) {
        var parts = new ArrayList<Part>();
        int at = 0;
        while (at < text.length()) {
            char c = text.charAt(at);
            int close = c == '{' ? text.indexOf('}', at) : c == '[' ? text.indexOf(']', at) : c == '(' ? text.indexOf(')', at) : at;
            if (close < 0) {
                throw new IllegalStateException("a bracket stays open in: " + text);
            }
            String inside = close > at ? text.substring(at + 1, close) : "";
            switch (c) {
                case '{' -> parts.add(new Field(inside));
                case '[' -> parts.add(step(inside));
                case '(' -> parts.add(choice(inside));
                default -> {
                    close = at;
                    while (close + 1 < text.length() && "{[(".indexOf(text.charAt(close + 1)) < 0) {
                        close++;
                    }
                    parts.add(new Literal(text.substring(at, close + 1)));
                }
            }
            at = close + 1;
        }
        return new Template(List.copyOf(parts));
    }

    private static Choice choice(String inside) {
        List<String> options = List.of(inside.split("\\|", -1));
        if (options.size() == 1) {
            throw new IllegalStateException("parentheses hold a choice (this|that), not (" + inside + ")");
        }
        return new Choice(options.stream().map(Template::parse).toList());
    }

    private static Step step(String inside) {
        int equals = inside.indexOf('=');
        if (equals < 0) {
            throw new IllegalStateException("a step is written [result = expression], not [" + inside + "]");
        }
        String result = inside.substring(0, equals).trim();
        boolean dollars = result.startsWith("$");
        return new Step(dollars ? result.substring(1) : result, dollars, Expression.parse(inside.substring(equals + 1)));
    }

    /**
     * Appends the text and adds the results of steps to {@code facts}.
     *
     * @return the result of the last step; empty where a step has no result within {@link #LEAST_RESULT} .. {@link #GREATEST_RESULT};
     *     {@code last} where there is no step
     */
    OptionalInt write(Facts facts, Draws draws, OptionalInt last, StringBuilder to) {
        for (Part part : parts) {
            switch (part) {
                case Literal literal -> to.append(literal.text);
                case Field field -> to.append(facts.text(field.field));
                case Choice choice -> last = choice.options.get(draws.below(choice.options.size())).write(facts, draws, last, to);
                case Step step -> {
                    last = step.expression.value(facts.numbers());
                    if (last.isEmpty() || last.getAsInt() < LEAST_RESULT || last.getAsInt() > GREATEST_RESULT) {
                        return OptionalInt.empty();
                    }
                    String written = step.expression.written(facts.numbers());
                    int result = last.getAsInt();
                    to.append(written).append(" = ").append(step.dollars ? "$" : "");
                    to.append("<<").append(written).append('=').append(result).append(">>").append(result);
                    facts.numbers().put(step.result, result);
                }
            }
        }
        return last;
    }

    /** Which of these names of numbers the template shows in every one of its choices. */
    Set<String> numbersShown(Set<String> names) {
        var shown = new TreeSet<String>();
        for (Part part : parts) {
            if (part instanceof Field field && Facts.numberShown(field.field, names) != null) {
                shown.add(Facts.numberShown(field.field, names));
            } else if (part instanceof Choice choice) {
                var common = new TreeSet<>(names);
                choice.options.forEach(option -> common.retainAll(option.numbersShown(names)));
                shown.addAll(common);
            }
        }
        return shown;
    }
}
