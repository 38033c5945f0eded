package adaspec.common;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonTest {
    private static String refusal(String text) {
        return assertThrows(InputException.class, () -> Json.parse(text, "a.jsonl line 7")).getMessage();
    }

    /** The parser's own sentences advise programmers to set its features and name its classes. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"a":1} {"b":2} | a.jsonl line 7 is not valid JSON at column 9: there is more text after the value
            {"a":           | a.jsonl line 7 is not valid JSON at column 6: Unexpected end-of-input within/between Object entries
            [1,             | a.jsonl line 7 is not valid JSON at column 4: Unexpected end-of-input within/between Array entries
            NaN             | a.jsonl line 7 is not valid JSON at column 4: Non-standard token 'NaN'
            """)
    void whatIsWrongIsSaidInOneSentenceForItsReader(String text, String sentence) {
        assertEquals(sentence, refusal(text));
    }

    @Test
    void depthIsBounded() {
        assertEquals("a.jsonl line 7 is not valid JSON: it is nested more than 200 deep", refusal("[".repeat(10_000)));
    }

    @Test
    void ofSeveralLinesTheLineIsNamed() {
        assertTrue(refusal("{\n\"a\" 1}").contains("at line 2, column "), refusal("{\n\"a\" 1}"));
    }
}
