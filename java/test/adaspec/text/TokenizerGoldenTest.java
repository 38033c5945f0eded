package adaspec.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ids, offsets, decoded text and character classes equal to the tokenizers library's, on hard texts and many variants of one small tokenizer. */
class TokenizerGoldenTest {
    private static final JsonNode GOLDEN = GoldenFiles.read("adversarial.json");

    @Test
    void plainIds() {
        Tokenizer tokenizer = GoldenFiles.small();
        JsonNode expected = GOLDEN.get("variants").get(0).get("plain_ids");
        assertEquals(GOLDEN.get("texts").size(), expected.size());
        for (int i = 0; i < expected.size(); i++) {
            String text = GOLDEN.get("texts").get(i).asText();
            assertArrayEquals(GoldenFiles.ints(expected.get(i)), tokenizer.encode(text, true).ids(), text);
        }
    }

    @Test
    void idsAndOffsetsOfEveryVariant(@TempDir Path folder) throws Exception {
        int variants = 0;
        for (JsonNode variant : GOLDEN.get("variants")) {
            String name = variant.get("name").asText();
            Tokenizer tokenizer = Tokenizer.load(GoldenFiles.write(folder, GoldenFiles.patched(GoldenFiles.smallJson(), variant.get("patch"))));
            for (int i = 0; i < GOLDEN.get("texts").size(); i++) {
                String text = GOLDEN.get("texts").get(i).asText();
                Encoding encoding = tokenizer.encode(text, true);
                String place = name + ", text " + i + " '" + text + "': " + Arrays.toString(encoding.ids());
                assertEquals(variant.get("ids").get(i).asText(), new GoldenFiles.Hash().add(encoding.ids()).hex().substring(0, 12), place);
                if (variant.has("offsets")) {
                    int[] offsets = IntStream.range(0, encoding.length())
                            .flatMap(t -> IntStream.of(encoding.starts()[t], encoding.ends()[t])).toArray();
                    assertEquals(variant.get("offsets").get(i).asText(), new GoldenFiles.Hash().add(offsets).hex().substring(0, 12),
                            place + " at " + Arrays.toString(offsets));
                }
            }
            variants++;
        }
        assertTrue(variants >= 20, "only " + variants + " variants");
    }

    @Test
    void decodesAsTheLibrary() {
        Tokenizer tokenizer = GoldenFiles.small();
        for (JsonNode pair : GOLDEN.get("decode")) {
            int[] ids = GoldenFiles.ints(pair.get(0));
            assertEquals(pair.get(1).asText(), tokenizer.decode(ids), Arrays.toString(ids));
            TokenStream stream = tokenizer.stream();
            StringBuilder streamed = new StringBuilder();
            for (int id : ids) {
                streamed.append(stream.push(id));
            }
            assertEquals(pair.get(1).asText(), streamed.append(stream.flush()).toString(), "streamed " + Arrays.toString(ids));
        }
    }

    @Test
    void characterClassesOfEveryCodePoint() {
        JsonNode golden = GoldenFiles.read("unicode.json");
        JsonNode classes = golden.get("classes");
        compare(classes.get("letter"), c -> UnicodeClasses.of(c) == UnicodeClasses.LETTER);
        compare(classes.get("number"), c -> UnicodeClasses.of(c) == UnicodeClasses.NUMBER);
        compare(classes.get("space"), UnicodeClasses::isSpace);
        compare(classes.get("numeric"), UnicodeClasses::isNumeric);
        compare(classes.get("word"), UnicodeClasses::isWord);
    }

    private static void compare(JsonNode expected, IntPredicate member) {
        int[] points = codePoints().filter(member).toArray();
        assertEquals(expected.get("count").intValue(), points.length);
        assertEquals(expected.get("sha256").asText(), new GoldenFiles.Hash().add(points).hex());
    }

    @Test
    void normalFormOfEveryCodePoint() {
        JsonNode golden = GoldenFiles.read("unicode.json");
        assertEquals(golden.get("nfc").asText(), new GoldenFiles.Hash()
                .add(codePoints().flatMap(c -> Nfc.FORM.normalize(Character.toString(c)).codePoints()).toArray()).hex());
        assertEquals(golden.get("nfc_between_marks").asText(), new GoldenFiles.Hash()
                .add(codePoints().flatMap(c -> Nfc.FORM.normalize("x\u0345" + Character.toString(c) + "\u0334").codePoints()).toArray()).hex());
    }

    private static IntStream codePoints() {
        return IntStream.range(0, 0x110000).filter(c -> c < 0xD800 || c > 0xDFFF);
    }
}
