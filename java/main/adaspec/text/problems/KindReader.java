package adaspec.text.problems;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Reads the lists of words and the kinds of problems that lie beside this class as text.
 *
 * <p>{@code words.txt}: a category a line, {@code fruit: apple, peach, shelf/shelves}; {@code he} and {@code she} together are {@code person}.
 *
 * <p>{@code *.kinds}: after {@code kind: NAME} one declaration a line, then the wordings. {@code #} begins a comment line; an indented line goes on
 * with the one above (a question goes on after a space, an answer on a new line).
 * <pre>
 * price: 2..12            a number in a range, ends included; "10..90 by 10" counts in steps
 * bill: 20 | 50 | 100     one of some numbers
 * total: = each*people    a number that follows from others
 * who: person             a word of a category
 * where: total &lt; bill     what must hold
 * Q: ...                  a wording of the question (a template)
 * A: ...                  a wording of the answer
 * </pre>
 */
final class KindReader {
    private static final List<String> THEMES = List.of("single", "money", "time", "groups", "counting", "measure", "long");

    private final Map<String, List<? extends Word>> categories = new LinkedHashMap<>();
    private final List<Kind> kinds = new ArrayList<>();

    private String name;
    private List<Kind.Declaration> declarations;
    private List<Kind.Condition> conditions;
    private List<Template> questions;
    private List<Template> answers;

    private KindReader() {}

    /** Every kind that ships, in the order of the files. */
    static List<Kind> all() {
        var reader = new KindReader();
        reader.readWords(resource("words.txt"));
        for (String theme : THEMES) {
            reader.readKinds(resource(theme + ".kinds"));
        }
        return List.copyOf(reader.kinds);
    }

    private static String resource(String file) {
        try (InputStream in = KindReader.class.getResourceAsStream(file)) {
            if (in == null) {
                throw new IllegalStateException("the engine was built without " + file);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void readWords(String text) {
        for (String[] entry : entries(text)) {
            List<String> words = Arrays.stream(entry[1].split(",")).map(String::trim).toList();
            if (entry[0].equals("he") || entry[0].equals("she")) {
                var persons = new ArrayList<Word>(categories.getOrDefault("person", List.of()));
                words.forEach(word -> persons.add(new Word.Person(word, entry[0].equals("he"))));
                categories.put("person", persons);
            } else {
                categories.put(entry[0], words.stream().map(Word.Noun::parse).toList());
            }
        }
    }

    private void readKinds(String text) {
        for (String[] entry : entries(text)) {
            try {
                read(entry[0], entry[1]);
            } catch (IllegalStateException | NumberFormatException e) {
                throw new IllegalStateException("kind " + name + ", " + entry[0] + ": " + e.getMessage(), e);
            }
        }
        finishKind();
    }

    private void read(String key, String value) {
        switch (key) {
            case "kind" -> {
                finishKind();
                name = value;
                declarations = new ArrayList<>();
                conditions = new ArrayList<>();
                questions = new ArrayList<>();
                answers = new ArrayList<>();
            }
            case "Q" -> questions.add(Template.parse(value.replace('\n', ' ')));
            case "A" -> answers.add(Template.parse(value));
            case "where" -> conditions.add(condition(value));
            default -> declarations.add(declaration(key, value));
        }
    }

    private void finishKind() {
        if (name != null) {
            kinds.add(Kind.of(name, declarations, conditions, questions, answers));
            name = null;
        }
    }

    private Kind.Declaration declaration(String key, String value) {
        if (value.startsWith("=")) {
            return new Kind.DerivedNumber(key, Expression.parse(value.substring(1)));
        }
        if (Character.isDigit(value.charAt(0))) {
            return new Kind.DrawnNumber(key, value.contains("..") ? range(value) : oneOf(value));
        }
        if (!categories.containsKey(value)) {
            throw new IllegalStateException("no category of words is called " + value);
        }
        return new Kind.DrawnWord(key, categories.get(value));
    }

    private static int[] range(String value) {
        String[] byStep = value.split(" by ");
        String[] ends = byStep[0].split("\\.\\.");
        int low = Integer.parseInt(ends[0].trim());
        int high = Integer.parseInt(ends[1].trim());
        int step = byStep.length == 1 ? 1 : Integer.parseInt(byStep[1].trim());
        return IntStream.rangeClosed(0, (high - low) / step).map(i -> low + i * step).toArray();
    }

    private static int[] oneOf(String value) {
        return Arrays.stream(value.split("\\|")).map(String::trim).mapToInt(Integer::parseInt).toArray();
    }

    private static Kind.Condition condition(String value) {
        String[] parts = value.split(" +(?=[<>!=])|(?<=[<>=]) +");
        if (parts.length != 3) {
            throw new IllegalStateException("a condition is written: left < right, not " + value);
        }
        return new Kind.Condition(Expression.parse(parts[0]), parts[1], Expression.parse(parts[2]));
    }

    /** Key and value of each entry; the lines of a value are joined by line ends. */
    private static List<String[]> entries(String text) {
        var entries = new ArrayList<String[]>();
        for (String line : text.split("\n")) {
            if (line.isBlank() || line.startsWith("#")) {
                continue;
            }
            if (line.startsWith(" ")) {
                entries.getLast()[1] += "\n" + line.trim();
            } else {
                int colon = line.indexOf(':');
                if (colon < 0) {
                    throw new IllegalStateException("a line is written key: value, not " + line);
                }
                entries.add(new String[] {line.substring(0, colon).trim(), line.substring(colon + 1).trim()});
            }
        }
        return entries;
    }
}
