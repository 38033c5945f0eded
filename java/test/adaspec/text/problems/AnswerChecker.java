package adaspec.text.problems;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads a problem as a stranger would, from its text alone, and says what is wrong with its arithmetic. Shares no code with the generator. */
final class AnswerChecker {
    private static final Pattern STEP = Pattern.compile("(\\S+) = \\$?<<([^=>]+)=(\\d+)>>(\\d+)");
    private static final Pattern NUMBER = Pattern.compile("\\d+");
    /** What a reader knows without being told: two halves, an average of three, four legs, a dozen, minutes, percent and centimeters. */
    private static final Set<Integer> COMMON_KNOWLEDGE = Set.of(2, 3, 4, 12, 60, 100);
    private static final List<String> WORDS = List.of(
            "", "", "twice|half", "three times|third", "four times|quarter", "five times|fifth", "six times|sixth");

    private AnswerChecker() {}

    /** A sentence for each fault. */
    static List<String> faults(Problem problem) {
        var faults = new ArrayList<String>();
        int end = problem.answer().lastIndexOf("\n#### ");
        if (end < 0 || !problem.answer().substring(end + 6).matches("0|[1-9]\\d*")) {
            return List.of("no last line \"#### N\"");
        }
        String steps = problem.answer().substring(0, end);
        var unused = new HashSet<Integer>();
        var known = new HashSet<Integer>(problem.numbers());
        var operands = new HashSet<Integer>();
        int annotations = 0;
        int last = -1;
        for (Matcher m = STEP.matcher(steps); m.find(); annotations++) {
            String expression = m.group(2);
            last = Integer.parseInt(m.group(3));
            if (!m.group(1).equals(expression)) {
                faults.add("the text has " + m.group(1) + ", the annotation " + expression);
            }
            if (!m.group(3).equals(m.group(4))) {
                faults.add("the annotation gives " + m.group(3) + ", the text " + m.group(4));
            }
            if (leftToRight(expression) != last) {
                faults.add(expression + " is not " + last);
            }
            for (Matcher n = NUMBER.matcher(expression); n.find(); ) {
                int operand = Integer.parseInt(n.group());
                operands.add(operand);
                unused.remove(operand);
                if (!known.contains(operand) && !COMMON_KNOWLEDGE.contains(operand)) {
                    faults.add(operand + " comes from nowhere");
                }
            }
            known.add(last);
            unused.add(last);
        }
        if (annotations == 0 || annotations > 5 || annotations != steps.split("<<", -1).length - 1) {
            faults.add(annotations + " readable steps of " + (steps.split("<<", -1).length - 1));
        }
        if (!problem.answer().substring(end + 6).equals(Integer.toString(last))) {
            faults.add("the last step gives " + last + ", the answer is " + problem.answer().substring(end + 6));
        }
        unused.remove(last);
        unused.forEach(result -> faults.add("the result " + result + " leads nowhere"));
        questionFaults(problem, operands, faults);
        return faults;
    }

    private static void questionFaults(Problem problem, Set<Integer> operands, List<String> faults) {
        var digits = new HashSet<Integer>();
        for (Matcher n = NUMBER.matcher(problem.question()); n.find(); ) {
            digits.add(Integer.parseInt(n.group()));
        }
        for (int number : problem.numbers()) {
            boolean inWords = number < WORDS.size() && Pattern.compile("(?i)\\b(" + WORDS.get(number) + ")\\b").matcher(problem.question()).find();
            if (!digits.contains(number) && !inWords) {
                faults.add("the question does not give " + number);
            }
            if (!operands.contains(number)) {
                faults.add("the answer does not use " + number);
            }
        }
        digits.stream().filter(d -> !problem.numbers().contains(d)).forEach(d -> faults.add(d + " of the question is not among the numbers"));
    }

    /** The value of a sum or of a product chain, in which nothing but the order of writing matters; mixed ranks are refused. */
    private static long leftToRight(String expression) {
        if (!expression.matches("\\d+([+-]\\d+)*|\\d+([*/]\\d+)*")) {
            return Long.MIN_VALUE;
        }
        Matcher m = Pattern.compile("([+*/-]?)(\\d+)").matcher(expression);
        long value = 0;
        while (m.find()) {
            long operand = Long.parseLong(m.group(2));
            switch (m.group(1)) {
                case "", "+" -> value += operand;
                case "-" -> value -= operand;
                case "*" -> value *= operand;
                default -> {
                    if (operand == 0 || value % operand != 0) {
                        return Long.MIN_VALUE;
                    }
                    value /= operand;
                }
            }
            if (value < 0) {
                return Long.MIN_VALUE;
            }
        }
        return value;
    }
}
