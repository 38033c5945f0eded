package adaspec.common;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Names and values in a sentence come from files that anybody may have made. */
class InputExceptionTest {
    @Test
    void aSentenceStaysOnOneLineAndLeavesTheTerminalAlone() {
        String name = "a\n\tb\r\n c\u001b[31m\u0007\u2028d\u202ee\ud800 é 😀";
        assertEquals("tensor a; b; c\\u001b[31m\\u0007; d\\u202ee\\ud800 é 😀 is bad", new InputException("tensor " + name + " is bad").getMessage());
    }

    @Test
    void aSentenceKeepsItsBeginningAndItsEnd() {
        String sentence = new InputException("model.safetensors: tensor " + "x".repeat(50_000_000) + " is bad; another was expected").getMessage();
        assertTrue(sentence.length() < 1100, () -> sentence.length() + " letters");
        assertTrue(sentence.startsWith("model.safetensors: tensor xxx") && sentence.endsWith("xxx is bad; another was expected"), sentence);
    }

    /** A file name of 900 control characters made a sentence of 5,000 letters. */
    @Test
    void lettersThatAreEscapedCountAsWhatTheyBecome() {
        String sentence = new InputException("cannot read " + "\u007f".repeat(900) + ": file name too long").getMessage();
        assertTrue(sentence.length() < 1100, () -> sentence.length() + " letters");
        assertTrue(sentence.startsWith("cannot read \\u007f\\u007f") && sentence.endsWith("\\u007f: file name too long"), sentence);
        assertEquals("cannot read  ... : file name too long", sentence.replace("\\u007f", ""), "each is shown whole");
    }

    @Test
    void noCharacterIsCutInHalf() {
        for (int before = 0; before < 4; before++) {
            String sentence = new InputException("x".repeat(before) + "😀".repeat(1000)).getMessage();
            assertTrue(sentence.codePoints().noneMatch(c -> Character.getType(c) == Character.SURROGATE) && !sentence.contains("\\u"), sentence);
        }
    }

    @Test
    void aQuotedValueIsItsBeginning() {
        assertEquals("x".repeat(100) + "...", InputException.excerpt("x".repeat(101)));
        assertEquals("x".repeat(100), InputException.excerpt("x".repeat(100)));
        assertEquals("null", InputException.excerpt(null));
        assertEquals("x" + "😀".repeat(49) + "...", InputException.excerpt("x" + "😀".repeat(50)));
    }
}
