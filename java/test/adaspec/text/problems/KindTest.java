package adaspec.text.problems;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The parts that a kind is made of: expressions, templates, words, draws. */
class KindTest {
    private static final Draws DRAWS = new Draws(0, Split.TRAIN, 0, 0);

    private static Facts facts() {
        Map<String, Word> words = Map.of(
                "who", new Word.Person("Ben", true),
                "friend", new Word.Person("Anna", false),
                "thing", Word.Noun.parse("apple"),
                "box", Word.Noun.parse("shelf/shelves"));
        return new Facts(new HashMap<>(Map.of("price", 3, "count", 4, "half", 2, "big", 80, "eleven", 11)), words);
    }

    @ParameterizedTest
    @CsvSource({"price+count*2, 11", "(price+count)*2, 14", "20-price-count, 13", "24/count/half, 3", "12 / count * price, 9", "2-price, -1"})
    void operatorsBindAsInArithmetic(String expression, int value) {
        assertEquals(OptionalInt.of(value), Expression.parse(expression).value(facts().numbers()));
    }

    @Test
    void aDivisionThatLeavesARemainderHasNoValue() {
        assertEquals(OptionalInt.empty(), Expression.parse("count/price").value(facts().numbers()));
        assertEquals(OptionalInt.empty(), Expression.parse("1+count/(price-3)").value(facts().numbers()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "3+", "(3", "3)", "3 $ 4", "*4"})
    void aBrokenExpressionIsRefused(String expression) {
        assertThrows(IllegalStateException.class, () -> Expression.parse(expression));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{who} and {his who} {things}     | Ben and his apples",
        "{He friend} gives {him who} {a thing} | She gives him an apple",
        "{A box}, {boxs}, {Things}        | A shelf, shelves, Apples",
        "{times half}, {times count}, {fraction half}, {Fraction price} | twice, four times, half, A third",
        "{a big} and {a $eleven} and {a $price} | an 80 and an $11 and a $3",
        "{word count} for ${price}        | four for $3",
    })
    void fieldsTakeTheFormThatGrammarAsks(String template, String text) {
        var to = new StringBuilder();
        Template.parse(template).write(facts(), DRAWS, OptionalInt.empty(), to);
        assertEquals(text, to.toString());
    }

    @Test
    void aStepWritesItsArithmeticAndItsResultServesTheNext() {
        var to = new StringBuilder();
        var last = Template.parse("It is [$cost = price*count], then [left = big-cost].").write(facts(), DRAWS, OptionalInt.empty(), to);
        assertEquals("It is 3*4 = $<<3*4=12>>12, then 80-12 = <<80-12=68>>68.", to.toString());
        assertEquals(OptionalInt.of(68), last);
    }

    @ParameterizedTest
    @ValueSource(strings = {"[x = count-price]", "[x = price-count]", "[x = big*big]", "[x = count/price]"})
    void aStepBeyondItsBoundsHasNoResult(String template) {
        Template continued = Template.parse(template + " [y = price+count]");
        assertEquals(OptionalInt.empty(), continued.write(facts(), DRAWS, OptionalInt.of(1), new StringBuilder()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{who", "[a = 3", "(a|b", "(no choice)", "[a]"})
    void aBrokenTemplateIsRefused(String template) {
        assertThrows(IllegalStateException.class, () -> Template.parse(template));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{nobody}", "{whos}", "{he price}", "{plenty count}", "[x = nothing+1]"})
    void anUnknownNameIsRefused(String template) {
        var parsed = Template.parse(template);
        assertThrows(RuntimeException.class, () -> parsed.write(facts(), DRAWS, OptionalInt.empty(), new StringBuilder()));
    }

    @Test
    void wordingsOfAKindMustGiveTheSameNumbers() {
        var price = new Kind.DrawnNumber("price", new int[] {3});
        var count = new Kind.DrawnNumber("count", new int[] {4});
        List<Template> answers = List.of(Template.parse("[x = price*count]"));
        var both = Template.parse("{count} for ({price}|${price}) each?");
        assertEquals(List.of("price", "count"), Kind.of("good", List.of(price, count), List.of(), List.of(both), answers).asked());
        // Without this, one wording would leave the other's number unsaid, and the partition into splits would not see it.
        var one = Template.parse("{count} for (3|{price}) each?");
        assertThrows(IllegalStateException.class, () -> Kind.of("bad", List.of(price, count), List.of(), List.of(both, one), answers));
    }

    @Test
    void aSixteenthOfTheNumbersIsHeldOutForEachEvaluation() {
        int[] counts = new int[3];
        for (int a = 0; a < 100; a++) {
            for (int b = 100; b < 260; b++) {
                counts[Split.of(List.of(a, b)).ordinal()]++;
            }
        }
        // Binomial with p = 1/16 of 16000: 1000 expected, standard deviation 31.
        assertEquals(1000, counts[Split.VALIDATION.ordinal()], 150);
        assertEquals(1000, counts[Split.TEST.ordinal()], 150);
    }

    @Test
    void orderAndRepetitionDoNotMoveNumbersToAnotherSplit() {
        for (int a = 2; a < 200; a++) {
            Split split = Split.of(List.of(a, 7, 30));
            assertEquals(split, Split.of(List.of(30, a, 7)));
            assertEquals(split, Split.of(List.of(7, a, 30, 7, a)));
        }
    }

    @Test
    void aProblemWhoseDigitsBelongToAnotherSplitThanItsNumbersIsOfNone() {
        int none = 0;
        for (int n = 30; n < 400; n++) {
            var problem = new Problem("planted", "What is twice " + n + " plus 9?", "", List.of(2, n, 9));
            assertEquals(List.of(n, 9), problem.digits());
            Split whole = Split.of(problem.numbers());
            Split digits = Split.of(problem.digits());
            for (Split split : Split.values()) {
                assertEquals(whole == split && digits == split, problem.in(split));
            }
            none += whole == digits ? 0 : 1;
        }
        assertTrue(none > 20, "only " + none + " problems tell the two apart");
    }

    @Test
    void drawsAreUniformAndFollowTheirCounter() {
        int[] counts = new int[60];
        for (int index = 0; index < 6_000; index++) {
            var draws = new Draws(3, Split.TEST, index, 0);
            for (int i = 0; i < 10; i++) {
                counts[draws.below(60)]++;
            }
        }
        double chiSquared = 0;
        for (int count : counts) {
            chiSquared += (count - 1000.0) * (count - 1000.0) / 1000.0;
        }
        // 59 degrees of freedom: 0.999 quantile 98.3.
        assertTrue(chiSquared < 98.3, "chi squared " + chiSquared);
        assertEquals(new Draws(3, Split.TEST, 5, 1).below(1 << 30), new Draws(3, Split.TEST, 5, 1).below(1 << 30));
    }
}
