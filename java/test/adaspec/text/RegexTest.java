package adaspec.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Regular expressions against Oniguruma's matches, and without a bound to the text. */
class RegexTest {
    private static final JsonNode GOLDEN = GoldenFiles.read("regex.json");

    private static int[] matches(TextPattern regex, String text) {
        IntList found = new IntList(16);
        regex.find(text.toCharArray(), 0, text.length(), (start, end) -> {
            if (end > start) {
                found.add(start);
                found.add(end);
            }
        });
        return found.toArray();
    }

    @Test
    void matchesAsOniguruma() {
        List<String> wrong = new ArrayList<>();
        for (JsonNode expression : GOLDEN.get("expressions")) {
            String regex = expression.get("regex").asText();
            try {
                Regex compiled = Regex.of(regex);
                for (int i = 0; i < GOLDEN.get("texts").size(); i++) {
                    String text = GOLDEN.get("texts").get(i).asText();
                    int[] found = matches(compiled, text);
                    if (!new GoldenFiles.Hash().add(found).hex().startsWith(expression.get("matches").get(i).asText())) {
                        wrong.add(regex + " in '" + text + "': " + java.util.Arrays.toString(found));
                        break;
                    }
                }
            } catch (RegexException e) {
                wrong.add(regex + " " + e.getMessage());
            }
        }
        assertEquals("", String.join("\n", wrong));
    }

    @Test
    void classesOfEveryCodePoint() {
        List<String> wrong = new ArrayList<>();
        for (Map.Entry<String, JsonNode> entry : GOLDEN.get("classes").properties()) {
            int[] ranges = RegexParser.parse(entry.getKey()).first().ranges();
            int[] points = IntStream.range(0, ranges.length / 2)
                    .flatMap(i -> IntStream.rangeClosed(ranges[2 * i], ranges[2 * i + 1]))
                    .filter(c -> c < 0xD800 || c > 0xDFFF).toArray();
            if (!entry.getValue().get("sha256").asText().equals(new GoldenFiles.Hash().add(points).hex())) {
                wrong.add(entry.getKey() + " has " + points.length + " for " + entry.getValue().get("count"));
            }
        }
        assertEquals("", String.join("\n", wrong));
    }

    /** A text that a recursive matcher could not hold on its stack, or that would cost the square of its length. */
    @Test
    void takesLinearTimeAndNoStack() throws Exception {
        int n = 1_000_000;
        List<String[]> hard = List.of(
                new String[] {"(?:a|b)+c|[ab]", "ab".repeat(n / 2)}, // every start reads to the end in vain
                new String[] {"\\s*[\\r\\n]+|\\s", " ".repeat(n)},
                new String[] {"(?:(?:a|b)*)c|a", "ab".repeat(n / 2)},
                new String[] {"\\d{1,3}(?=(?:\\d{3})*\\b)", "1".repeat(n)}, // the look ahead reads to the end from every third digit
                new String[] {"(?>(?:ab)*)c|a", "ab".repeat(n / 2)},
                new String[] {"(?:a+a+)+b|a", "a".repeat(n)}, // exponential where choices are tried again
                new String[] {"(?:x+x+)+y", "x".repeat(n)},
                new String[] {"(?:a|aa)+$|a", "a".repeat(n) + "b"},
                new String[] {"a*?b|a", "a".repeat(n)},
                new String[] {"(?=(?:a|b)*c)a|b", "ab".repeat(n / 2)},
                new String[] {GOLDEN.get("expressions").get(3).get("regex").asText(), "a".repeat(n)},
                new String[] {GOLDEN.get("expressions").get(3).get("regex").asText(), "A".repeat(n) + "1"},
                new String[] {GOLDEN.get("expressions").get(3).get("regex").asText(), " ".repeat(n) + "x"},
                new String[] {GOLDEN.get("expressions").get(3).get("regex").asText(), "\u0301😀".repeat(n / 3)},
                new String[] {GOLDEN.get("expressions").get(3).get("regex").asText(), "\r\n ".repeat(n / 3) + "'s"});
        Throwable[] failure = new Throwable[1];
        Thread small = new Thread(null, () -> assertTimeoutPreemptively(Duration.ofSeconds(120), () -> {
            for (String[] pair : hard) {
                int[] found = matches(Regex.of(pair[0]), pair[1]);
                assertTrue(pair[0].endsWith("y") || found.length > 0, pair[0]);
            }
        }), "small stack", 256 * 1024);
        small.setUncaughtExceptionHandler((thread, e) -> failure[0] = e);
        small.start();
        small.join();
        assertNull(failure[0], () -> "failed with " + failure[0]);
    }

    @Test
    void whatIsNotKnownIsNamed() {
        for (String[] pair : new String[][] {
            {"(a", "without its ')'"}, {"a)", "without its '('"}, {"[a", "without its ']'"}, {"*a", "repeats nothing"}, 
            {"a**", "match nothing"},
            {"(?:a*)*", "match nothing"}, {"(a)\\1", "\\1"}, {"\\Ra", "\\R"}, {"\\X", "\\X"}, {"\\p{Nonsense}", "property Nonsense"}, {"\\p", "\\p"},
            {"(?x:a)", "kind of group"}, {"(?i:é)", "beyond ASCII"}, {"(?i:gross)", "'ss'"}, 
            {"(?<=a+)b", "no fixed length"}, {"a{5,2}", "out of order"},
            {"a{9999}", "above"}, {"[z-a]", "out of order"}, {"\\", "backslash"}, {"(?", "ends in a group"}, {"[[:nope:]]", "[:...:]"},
            {"(?:".repeat(500) + "a" + ")".repeat(500), "deep"}, {"[".repeat(5_000), "deep"}, {"a".repeat(30_000), "longer"},
            {"(?:(?:(?:a{1000}){1000}){1000}){1000}", "instructions"}, {"(?:(?:(?:ab){1000}){1000}){1000}", "instructions"},
            {"(?<=(?:a{1000}){1000}{1000}{1000})", "no fixed length"}}) {
            RegexException e = assertThrows(RegexException.class, () -> Regex.of(pair[0]), pair[0].substring(0, Math.min(40, pair[0].length())));
            assertTrue(e.getMessage().contains(pair[1]), e.getMessage());
            assertFalse(e.getMessage().contains("\n"), e.getMessage());
        }
    }
}
