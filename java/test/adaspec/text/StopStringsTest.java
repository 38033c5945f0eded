package adaspec.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StopStringsTest {
    /** The rule, by looking at every place: the first character after which a stop string is whole; of those whole there the longest. */
    private static int cut(String text, List<String> stops) {
        for (int end = 1; end <= text.length(); end++) {
            int longest = 0;
            for (String stop : stops) {
                longest = text.startsWith(stop, end - stop.length()) ? Math.max(longest, stop.length()) : longest;
            }
            if (longest > 0) {
                return end - longest;
            }
        }
        return -1;
    }

    @ParameterizedTest
    @CsvSource({
        "abcd, bc|abcd, a",
        "xabcd, abc|bc, x",
        "aab, ab, a",
        "aaaab, aaab, a",
        "abababc, ababc, ab",
        "no stop here, stopp, no stop here",
        "the end., '.', the end",
        "ends in st, stop, ends in st",
        "漢字, 字, 漢",
        "a😀b, 😀, a",
        "a😁b, 😀, a😁b",
    })
    void endsBeforeTheFirst(String text, String stops, String expected) {
        List<String> strings = List.of(stops.split("\\|"));
        for (int size = 1; size <= text.length(); size++) {
            var matcher = new StopStrings(strings);
            var certain = new StringBuilder();
            for (int at = 0; at < text.length(); at += size) {
                certain.append(matcher.push(text.substring(at, Math.min(text.length(), at + size))));
                assertTrue(expected.startsWith(certain.toString()), "nothing has to be taken back: " + certain);
            }
            assertEquals(!expected.equals(text), matcher.reached(), "pieces of " + size);
            assertEquals(expected, certain + matcher.flush(), "pieces of " + size);
        }
    }

    /** Two letters, so that strings overlap themselves and each other all the time. */
    @Test
    void anyStringsInAnyPiecesEndWhereTheRuleSays() {
        Random random = new Random(5);
        int reached = 0;
        for (int round = 0; round < 20_000; round++) {
            List<String> stops = new ArrayList<>();
            for (int i = random.nextInt(4); i >= 0; i--) {
                stops.add(letters(random, 2 + random.nextInt(7)));
            }
            String text = letters(random, random.nextInt(40));
            int cut = cut(text, stops);
            var matcher = new StopStrings(stops);
            var certain = new StringBuilder();
            for (int at = 0; at < text.length(); ) {
                int to = Math.min(text.length(), at + 1 + random.nextInt(5));
                certain.append(matcher.push(text.substring(at, to)));
                at = to;
                // As little as possible is held back: only what a stop string begins with.
                String held = text.substring(Math.min(at, certain.length()), at);
                assertTrue(matcher.reached() || stops.stream().anyMatch(s -> s.startsWith(held)), held + " is held back for " + stops);
            }
            assertEquals(cut >= 0, matcher.reached(), text + " and " + stops);
            assertEquals(cut >= 0 ? text.substring(0, cut) : text, certain + matcher.flush(), text + " and " + stops);
            reached += cut >= 0 ? 1 : 0;
        }
        assertTrue(reached > 2_000 && reached < 18_000, reached + " of 20,000 reached one");
    }

    @Test
    void withoutStringsNothingIsHeldBack() {
        var matcher = new StopStrings(List.of());
        assertEquals("abc", matcher.push("abc"));
        assertFalse(matcher.reached());
        assertEquals("", matcher.flush());
    }

    /** A million letters that all but complete a string of a thousand. */
    @Test
    void isLinear() {
        String almost = "a".repeat(999);
        var matcher = new StopStrings(List.of(almost + "b"));
        long started = System.nanoTime();
        assertEquals(1_000_000 - 999, matcher.push("a".repeat(1_000_000)).length());
        assertTrue(System.nanoTime() - started < 5_000_000_000L);
        assertEquals(almost, matcher.flush());
    }

    private static String letters(Random random, int length) {
        var text = new StringBuilder();
        for (int i = 0; i < length; i++) {
            text.append(random.nextInt(3) == 0 ? 'b' : 'a');
        }
        return text.toString();
    }
}
