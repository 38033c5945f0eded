package adaspec.text.problems;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.common.UsageException;
import adaspec.text.DatasetFormat;
import adaspec.text.JsonLines;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Grades a model's answers: first writes the prompts of a file of {@link Generate}'s, as a model is trained on them; then says of what {@code generate}
 * made of them how many final answers are exact, by kind of problem, by number of steps and in all.
 * <pre>
 * java -cp adaspec-engine.jar adaspec.text.problems.Grade --problems test.jsonl --count 500 --prompts prompts.jsonl
 * java -jar adaspec-engine.jar generate --target DIR --prompt-file prompts.jsonl --output-json answers.jsonl
 * java -cp adaspec-engine.jar adaspec.text.problems.Grade --problems test.jsonl --count 500 --answers answers.jsonl --table table.txt
 * </pre>
 */
public final class Grade {
    private static final List<String> OPTIONS = List.of("--problems", "--count", "--prompts", "--answers", "--table");
    private static final Pattern TRUE_ANSWER = Pattern.compile("\\n#### (\\d+)$");
    /** The number as written: 12.5 and 1,200 are not 12 and 1. */
    private static final Pattern GIVEN_ANSWER = Pattern.compile("The final answer is:\\s*(-?\\d(?:[\\d.,]*\\d)?)");

    private Grade() {}

    /** One line of {@link Generate}'s. */
    private record Item(DatasetFormat.Text text, String kind, String answer) {
        int steps() {
            return text.completion().split("<<", -1).length - 1;
        }
    }

    /** Right answers of some problems. */
    private record Score(int right, int of) {
        Score plus(Score other) {
            return new Score(right + other.right, of + other.of);
        }
    }

    /** Says nothing; a wrong option ends the process with exit code 1 and one sentence. */
    public static void main(String[] arguments) {
        try {
            run(arguments);
        } catch (InputException e) {
            e.setStackTrace(new StackTraceElement[0]);
            throw e;
        }
    }

    static void run(String... arguments) {
        var options = new Options(OPTIONS, arguments);
        Path problems = Path.of(options.required("--problems", "name a file that Generate wrote"));
        int count = (int) options.number("--count", Integer.MAX_VALUE, 1, Integer.MAX_VALUE);
        if (options.has("--prompts") == options.has("--answers") || options.has("--prompts") && options.has("--table")) {
            throw new UsageException("give --prompts to write prompts, or --answers and --table to grade answers");
        }
        List<Item> items = items(problems, count);
        if (options.has("--prompts")) {
            AtomicFile.writeString(Path.of(options.required("--prompts", "")), prompts(items));
        } else {
            Path answers = Path.of(options.required("--answers", ""));
            Path table = Path.of(options.required("--table", "name the file for the table"));
            AtomicFile.writeString(table, table(items, answered(answers)));
        }
    }

    private static List<Item> items(Path file, int count) {
        var items = new ArrayList<Item>();
        JsonLines.read(file, JsonLines.Blank.REFUSE, (line, number, where) -> {
            if (items.size() < count) {
                items.add(new Item(DatasetFormat.GSM8K.of(line), text(line, "kind"), trueAnswer(text(line, "answer"))));
            }
        });
        return items;
    }

    private static String trueAnswer(String answer) {
        Matcher m = TRUE_ANSWER.matcher(answer);
        if (!m.find()) {
            throw new InputException("the answer does not end with a line \"#### N\"");
        }
        return m.group(1);
    }

    private static String prompts(List<Item> items) {
        var lines = new StringBuilder();
        items.forEach(item -> lines.append(Json.MAPPER.createObjectNode().put("prompt", item.text.prompt())).append('\n'));
        return lines.toString();
    }

    /** One line of {@code generate --output-json}. */
    private record Answered(String prompt, String text) {}

    private static List<Answered> answered(Path file) {
        var answers = new ArrayList<Answered>();
        JsonLines.read(file, JsonLines.Blank.REFUSE, (line, number, where) -> answers.add(new Answered(text(line, "prompt"), text(line, "text"))));
        return answers;
    }

    private static String text(JsonNode line, String field) {
        if (!line.path(field).isTextual()) {
            throw new InputException("an object with the string \"" + field + "\" was expected");
        }
        return line.get(field).textValue();
    }

    /** Whether the number after "The final answer is:" is the true one, as written. */
    static boolean exact(String generated, String answer) {
        Matcher m = GIVEN_ANSWER.matcher(generated);
        return m.find() && m.group(1).equals(answer);
    }

    private static String table(List<Item> items, List<Answered> answers) {
        if (answers.size() != items.size()) {
            throw new InputException(answers.size() + " answers cannot be graded against " + items.size() + " problems; give the same number of both");
        }
        for (int i = 0; i < items.size(); i++) {
            if (!answers.get(i).prompt.equals(items.get(i).text.prompt())) {
                throw new InputException("answer " + (i + 1) + " is to another prompt than problem " + (i + 1) + "; write the prompts with --prompts");
            }
        }
        var table = new StringBuilder(String.format(Locale.ROOT, "%-18s%7s%7s%9s%n", "kind", "exact", "of", "share"));
        rows(scores(items, answers, Item::kind), table);
        table.append('\n');
        rows(scores(items, answers, item -> item.steps() + (item.steps() == 1 ? " step" : " steps")), table);
        table.append('\n');
        rows(scores(items, answers, item -> "all"), table);
        return table.toString();
    }

    private static Map<String, Score> scores(List<Item> items, List<Answered> answers, Function<Item, String> group) {
        var scores = new TreeMap<String, Score>();
        for (int i = 0; i < items.size(); i++) {
            Item item = items.get(i);
            scores.merge(group.apply(item), new Score(exact(answers.get(i).text, item.answer) ? 1 : 0, 1), Score::plus);
        }
        return scores;
    }

    private static void rows(Map<String, Score> scores, StringBuilder to) {
        scores.forEach((group, score) -> to.append(String.format(
                Locale.ROOT, "%-18s%7d%7d%8.1f%%%n", group, score.right, score.of, 100.0 * score.right / score.of)));
    }
}
