package adaspec.common;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FlatYamlTest {
    private static List<String> values(String text) {
        return FlatYaml.parse(text, "f").get("a").values();
    }

    @Test
    void scalarsAreReadAsTheyAreWritten() {
        assertEquals(List.of("on"), values("# c\na: on # c\n"));
        assertEquals(List.of("3e-4"), values("a: 3e-4"));
        assertEquals(List.of("007"), values("a: 007"));
        assertEquals(List.of("x: y"), values("a: 'x: y'"));
        assertEquals(List.of("one", "two words"), values("a:\n  - one\n  - two words\n"));
        assertEquals(List.of("1", "2"), values("{\"a\": [1, 2]}"));
        assertEquals(List.of(), values("a:"));
        assertEquals(List.of(), values("a: null"));
        assertEquals(List.of("null"), values("a: 'null'"));
        assertEquals(3, FlatYaml.parse("---\n\nb: 1\na: 2\n", "f").get("b").line());
        assertEquals(0, FlatYaml.parse("# nothing\n", "f").size());
    }

    /** What is written comes back, whatever it looks like. */
    @ParameterizedTest
    @ValueSource(strings = {
        "on", "yes", "null", "~", "a b", "/x/y-1.txt", "a: b", "#a", "-", "- a", "'", "\"", "\\n", "é\tx", "", "1e5", "*a", "&a", "!t", "{", "%", "@x"
    })
    void whatIsWrittenComesBack(String text) {
        assertEquals(List.of(text), values("a: " + FlatYaml.scalar(text)));
        assertEquals(List.of(text), values("a:\n  - " + FlatYaml.scalar(text)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '^', value = {
        "a: {b: 1}                   | f, line 1: a has keys of its own; a value or a list of values was expected",
        "a: 1\\na: 2                 | f, line 2: a is there twice",
        "a: [1, [2]]                 | f, line 1: a list of plain values was expected for a",
        "- a                         | f, line 1: lines of `key: value` were expected",
        "a                           | f, line 1: lines of `key: value` were expected",
        "x: &y 1\\na: *y             | f, line 1: anchors and aliases are not read",
        "a: 1\\n---\\na: 2           | f, line 2: there is a second document",
        "a: !!java.io.File [x]       | f, line 1: the tag tag:yaml.org,2002:java.io.File is not read; leave it out",
        "a: !!float 0.4              | f, line 1: the tag tag:yaml.org,2002:float is not read; leave it out",
        "a: [1, !b 2]                | f, line 1: the tag !b is not read; leave it out",
        "!b {a: 1}                   | f, line 1: the tag !b is not read; leave it out",
        "a: 1\\nb: [               | f, line 2: expected the node content, but found '<stream end>'",
        "a: 'x                       | f, line 1: found unexpected end of stream",
        "\\tb: 1                     | f, line 1: found character '\\t(TAB)' that cannot start any token. (Do not use \\t(TAB) for indentation)",
    })
    void whatCannotBeReadIsNamedWithItsLine(String text, String sentence) {
        var thrown = assertThrows(InputException.class, () -> FlatYaml.parse(text.replace("\\n", "\n").replace("\\t", "\t"), "f"));
        assertEquals(sentence.replace("`", ""), thrown.getMessage().replace("`", ""));
    }
}
