package adaspec.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MarkupTest {
    private static String page(String text) {
        return new Markup().open("p", "title", text).text(text).close().toString();
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "<script>alert('x')</script>", "a & b &amp; c", "\"quoted\" 'single'", "]]> -->", "x < y > z", "naïve 漢字 \uD83D\uDE00", "tab\tand\nline",
        "\u0301 a mark first", "e\u0301",
    })
    void textsComeThroughAsTheyAre(String text) {
        var p = Page.parse(page(text)).named("p").getFirst();
        assertEquals(text, p.getTextContent());
        // A parser turns breaks and tabs in attributes into spaces.
        assertEquals(text.replace('\n', ' ').replace('\t', ' '), p.getAttribute("title"));
        assertEquals(1, Page.parse(page(text)).find(e -> true).size());
    }

    @Test
    void whatCouldSteerAReaderIsSeen() {
        String hostile = "\u0000\u0007\u001b[31m\r\u0085\u202Eevil\u2066\uFFFF\uD800";
        assertEquals(
                "\\u0000\\u0007\\u001b[31m\\u000d\\u0085\\u202eevil\\u2066\\uffff\\ud800",
                Page.parse(page(hostile)).named("p").getFirst().getTextContent());
    }

    @Test
    void aMarkDoesNotJoinTheBracketBeforeIt() {
        // U+0338 behind a closing bracket is what normalisation turns into U+226F.
        String page = page("\u0338x");
        assertFalse(page.contains(">\u0338"), page);
        assertFalse(java.text.Normalizer.normalize(page, java.text.Normalizer.Form.NFC).contains("\u226F"));
    }

    @Test
    void whatIsOpenOrWouldStayOpenIsRefused() {
        assertThrows(IllegalStateException.class, () -> new Markup().open("p").toString());
        assertThrows(IllegalArgumentException.class, () -> new Markup().empty("div"));
        // A browser would read the escapes of a style sheet literally, and so lose the rule.
        assertThrows(IllegalArgumentException.class, () -> new Markup().style("p { font-family: \"A B\" }"));
    }
}
