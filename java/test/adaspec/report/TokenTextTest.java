package adaspec.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.engine.ModelDirectories;
import adaspec.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Element;

/** With a tokenizer of single bytes, where most characters are several tokens. */
class TokenTextTest {
    @TempDir
    private static Path folder;

    private static Tokenizer tokenizer;

    @BeforeAll
    static void load() throws IOException {
        Files.writeString(folder.resolve("tokenizer.json"), ModelDirectories.tokenizer().toString());
        tokenizer = Tokenizer.load(folder);
    }

    /** The gap of answer token i is i / 8; every other one is kept. */
    private static Page page(int[] ids, int answerStart) {
        int n = ids.length - answerStart;
        float[] gap = new float[n];
        boolean[] kept = new boolean[n];
        for (int i = 0; i < n; i++) {
            gap[i] = i / 8f;
            kept[i] = i % 2 == 0;
        }
        Markup out = new Markup();
        TokenText.of("here", tokenizer, ids, answerStart, new TokenText.Scores(gap, gap, new float[n], kept))
                .write(out, new GapLevels(new GapSample(gap, kept)));
        return Page.parse(out.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "plain words", "<script>alert(\"x\") && 'y'</script>", "e\u0301 \u0301", "caf\u00e9 \u6f22\u5b57 \uD83D\uDE00", "two\nlines\n", " spaces  ",
        "<|endoftext|>",
    })
    void theWholeTextIsThereTokenByToken(String text) {
        int[] ids = tokenizer.encode("ask " + text, false).ids();
        Page page = page(ids, 4);
        Element box = page.styled("tokens").getFirst();
        assertEquals("ask " + text, box.getTextContent().replace(TokenText.PART, "").replace("\u21b5\n", "\n"));
        assertEquals(ids.length - 4, page.styled("kept").size() + page.styled("left").size());
        assertEquals((ids.length - 3) / 2, page.styled("kept").size());
        assertEquals(List.of("ask "), page.styled("given").stream().map(Element::getTextContent).toList());
        // The box, one element for the prompt and one for each answer token: no element came from the text.
        assertEquals(1 + 1 + ids.length - 4, page.find(e -> true).size());
    }

    @Test
    void halfACharacterIsShownAsAPartWithItsOwnNumbers() {
        int[] ids = tokenizer.encode("x\u00e9", false).ids();
        Page page = page(ids, 1);
        List<Element> parts = page.styled("part");
        assertEquals(1, parts.size());
        assertEquals(TokenText.PART, parts.getFirst().getTextContent());
        assertTrue(parts.getFirst().getAttribute("title").startsWith("kept: gap 0 = "), parts.getFirst().getAttribute("title"));
        assertEquals("\u00e9", page.styled("left").getFirst().getTextContent());
        assertTrue(page.styled("left").getFirst().getAttribute("title").startsWith("not kept: gap 0.125 = draft 0.125 - reference 0 nats"));
    }

    @Test
    void aCharacterThatIsNeverFinishedIsSaid() {
        int[] ids = Arrays.copyOf(tokenizer.encode("xy\u00e9", false).ids(), 3);
        assertEquals("xy\uFFFD", page(ids, 1).styled("tokens").getFirst().getTextContent());
    }

    @Test
    void controlCharactersAreSeen() {
        int[] ids = {'a', tokenizer.idOf("\u011b"), 'b'};
        assertEquals("\u001b", tokenizer.decode(new int[] {ids[1]}));
        assertEquals("a\\u001bb", page(ids, 1).styled("tokens").getFirst().getTextContent());
    }

    @Test
    void aLongSampleIsShownFromTheEndOfItsPrompt() {
        int[] ids = tokenizer.encode("p".repeat(500) + "a".repeat(500), false).ids();
        String shown = page(ids, 500).styled("tokens").getFirst().getTextContent();
        assertEquals("\u2026 " + "p".repeat(100) + "a".repeat(200) + " \u2026", shown);
        ids = tokenizer.encode("p".repeat(500) + "abc", false).ids();
        shown = page(ids, 500).styled("tokens").getFirst().getTextContent();
        assertEquals("\u2026 " + "p".repeat(297) + "abc", shown);
    }
}
