package adaspec.text.problems;

import java.util.Map;
import java.util.OptionalInt;

/** An arithmetic expression over named integers: {@code + - * /} and parentheses; a division that leaves a remainder has no value. */
sealed interface Expression {
    /** The value, or empty where a division is not exact. */
    OptionalInt value(Map<String, Integer> numbers);

    /** The expression with digits in place of names and no spaces, as a calculator annotation has it. */
    String written(Map<String, Integer> numbers);

    /** @param digits as the template writes it */
    record Constant(int digits) implements Expression {
        @Override
        public OptionalInt value(Map<String, Integer> numbers) {
            return OptionalInt.of(digits);
        }

        @Override
        public String written(Map<String, Integer> numbers) {
            return Integer.toString(digits);
        }
    }

    record Name(String name) implements Expression {
        @Override
        public OptionalInt value(Map<String, Integer> numbers) {
            Integer value = numbers.get(name);
            if (value == null) {
                throw new IllegalStateException("no number is called " + name);
            }
            return OptionalInt.of(value);
        }

        @Override
        public String written(Map<String, Integer> numbers) {
            return Integer.toString(value(numbers).getAsInt());
        }
    }

    record Group(Expression inner) implements Expression {
        @Override
        public OptionalInt value(Map<String, Integer> numbers) {
            return inner.value(numbers);
        }

        @Override
        public String written(Map<String, Integer> numbers) {
            return "(" + inner.written(numbers) + ")";
        }
    }

    record Operation(char operator, Expression left, Expression right) implements Expression {
        @Override
        public OptionalInt value(Map<String, Integer> numbers) {
            OptionalInt l = left.value(numbers);
            OptionalInt r = right.value(numbers);
            if (l.isEmpty() || r.isEmpty()) {
                return OptionalInt.empty();
            }
            int a = l.getAsInt();
            int b = r.getAsInt();
            return switch (operator) {
                case '+' -> OptionalInt.of(Math.addExact(a, b));
                case '-' -> OptionalInt.of(Math.subtractExact(a, b));
                case '*' -> OptionalInt.of(Math.multiplyExact(a, b));
                case '/' -> b == 0 || a % b != 0 ? OptionalInt.empty() : OptionalInt.of(a / b);
                default -> throw new IllegalStateException("no operator " + operator);
            };
        }

        @Override
        public String written(Map<String, Integer> numbers) {
            return left.written(numbers) + operator + right.written(numbers);
        }
    }

    /** Reads an expression; operators of one rank group to the left. */
    static Expression parse(String text) {
        var parser = new Parser(text.replace(" ", ""));
        Expression whole = parser.sum();
        parser.end();
        return whole;
    }

    /** Recursive descent: sum of products of atoms. */
    final class Parser {
        private final String text;
        private int at;

        private Parser(String text) {
            this.text = text;
        }

        private Expression sum() {
            Expression left = product();
            while (next("+-")) {
                left = new Operation(text.charAt(at++), left, product());
            }
            return left;
        }

        private Expression product() {
            Expression left = atom();
            while (next("*/")) {
                left = new Operation(text.charAt(at++), left, atom());
            }
            return left;
        }

        private Expression atom() {
            if (next("(")) {
                at++;
                Expression inner = sum();
                if (!next(")")) {
                    throw new IllegalStateException("a parenthesis stays open in " + text);
                }
                at++;
                return new Group(inner);
            }
            int begin = at;
            while (at < text.length() && Character.isLetterOrDigit(text.charAt(at))) {
                at++;
            }
            String token = text.substring(begin, at);
            if (token.isEmpty()) {
                throw new IllegalStateException("a name or a number was expected at character " + begin + " of " + text);
            }
            return Character.isDigit(token.charAt(0)) ? new Constant(Integer.parseInt(token)) : new Name(token);
        }

        private boolean next(String anyOf) {
            return at < text.length() && anyOf.indexOf(text.charAt(at)) >= 0;
        }

        private void end() {
            if (at != text.length()) {
                throw new IllegalStateException("cannot read " + text.substring(at) + " in " + text);
            }
        }
    }
}
