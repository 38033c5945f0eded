package adaspec.text.problems;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProblemGeneratorTest {
    private static final ProblemGenerator GENERATOR = new ProblemGenerator(0);
    private static List<Problem> train;
    private static List<Problem> validation;
    private static List<Problem> test;

    @BeforeAll
    static void generate() {
        train = GENERATOR.generate(Split.TRAIN, 60_000);
        validation = GENERATOR.generate(Split.VALIDATION, 2_000);
        test = GENERATOR.generate(Split.TEST, 2_000);
    }

    /** Enough to read closely: 180 problems of each kind. */
    private static Stream<Problem> sample() {
        return Stream.of(train.subList(0, 5_000), validation, test).flatMap(List::stream);
    }

    @Test
    void everyAnswerIsRightStepByStep() {
        List<String> faults = sample()
                .flatMap(p -> AnswerChecker.faults(p).stream().map(fault -> fault + ": " + p))
                .limit(5)
                .toList();
        assertEquals(List.of(), faults);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "3*4 = <<3*4=13>>13;#### 13      | 3*4 is not 13",
        "3*4 = <<3*4=12>>13;#### 12      | the annotation gives 12, the text 13",
        "4*3 = <<3*4=12>>12;#### 12      | the text has 4*3, the annotation 3*4",
        "3*4 = <<3*4=12>>12;#### 13      | the last step gives 12, the answer is 13",
        "3-4 = <<3-4=-1>>-1;#### 1       | 0 readable steps of 1",
        "4/3 = <<4/3=1>>1;#### 1         | 4/3 is not 1",
        "3+4 = <<3+4=7>>7;3*4 = <<3*4=12>>12;#### 12 | the result 7 leads nowhere",
        "3*4 = <<3*4=12>>12;12+9 = <<12+9=21>>21;#### 21 | 9 comes from nowhere",
        "3+3 = <<3+3=6>>6;#### 6         | the answer does not use 4",
        "3*4 = <<3*4=12>>12              | no last line \"#### N\"",
    })
    void theCheckerFindsAPlantedFault(String answer, String fault) {
        var problem = new Problem("planted", "What are 3 times 4?", answer.replace(';', '\n'), List.of(3, 4));
        assertTrue(AnswerChecker.faults(problem).contains(fault), () -> AnswerChecker.faults(problem).toString());
    }

    @Test
    void theCheckerComparesTheQuestionsNumbers() {
        String answer = "3*4 = <<3*4=12>>12\n#### 12";
        assertEquals(List.of(), AnswerChecker.faults(new Problem("planted", "What is three times 4?", answer, List.of(3, 4))));
        assertEquals(
                List.of("the question does not give 4"),
                AnswerChecker.faults(new Problem("planted", "What are 3 dozen?", answer, List.of(3, 4))));
        assertEquals(
                List.of("5 of the question is not among the numbers"),
                AnswerChecker.faults(new Problem("planted", "After 5 days, what are 3 times 4?", answer, List.of(3, 4))));
    }

    /** In any order, under any kind, and however a reader understands "the numbers": all of them, or those in digits. */
    @Test
    void noNumbersOfTrainReturnInAnotherSplit() {
        for (Function<Problem, List<Integer>> numbers : List.<Function<Problem, List<Integer>>>of(Problem::numbers, Problem::digits)) {
            Function<List<Problem>, Set<List<Integer>>> given =
                    problems -> problems.stream().map(p -> numbers.apply(p).stream().sorted().toList()).collect(Collectors.toSet());
            Set<List<Integer>> inTrain = given.apply(train);
            // The partition does not know the seed, so another seed's training data is as far from this test data.
            inTrain.addAll(given.apply(new ProblemGenerator(1).generate(Split.TRAIN, 20_000)));
            Set<List<Integer>> inValidation = given.apply(validation);
            Set<List<Integer>> inTest = given.apply(test);
            assertTrue(inTrain.size() > 30_000, "only " + inTrain.size() + " different tuples of 80000");
            assertTrue(inValidation.stream().noneMatch(inTrain::contains));
            assertTrue(inTest.stream().noneMatch(inTrain::contains));
            assertTrue(inTest.stream().noneMatch(inValidation::contains));
        }
    }

    /** The same of the files that ship, read by their digits alone. */
    @Test
    void noNumbersOfTheShippedTrainingDataReturnInTheShippedTest() throws IOException {
        Set<List<Integer>> inTrain = Set.copyOf(digitsOf("train.jsonl"));
        List<List<Integer>> inTest = digitsOf("eval.jsonl");
        assertTrue(inTrain.size() > 1000 && inTest.size() >= 500, inTrain.size() + " and " + inTest.size());
        assertEquals(List.of(), inTest.stream().filter(inTrain::contains).toList());
    }

    private static List<List<Integer>> digitsOf(String file) throws IOException {
        var numbers = new ArrayList<List<Integer>>();
        for (String line : Files.readAllLines(Path.of("weights/default", file))) {
            String question = Json.parse(line, file).get("question").textValue();
            numbers.add(new Problem("", question, "", List.of()).digits().stream().sorted().toList());
        }
        return numbers;
    }

    @Test
    void problemsTakeOneToFiveSteps() {
        Map<Integer, Long> steps = train.stream().collect(Collectors.groupingBy(p -> p.answer().split("<<", -1).length - 1, Collectors.counting()));
        assertEquals(Set.of(1, 2, 3, 4, 5), steps.keySet());
        steps.forEach((count, problems) -> assertTrue(problems >= 60_000 / 40, count + " steps: " + problems));
    }

    @Test
    void noQuestionReturnsInASplit() {
        for (List<Problem> split : List.of(train, validation, test)) {
            assertEquals(split.size(), split.stream().map(Problem::question).distinct().count());
        }
    }

    @Test
    void aProblemDoesNotDependOnHowManyAreAskedForOrWhatWasAskedBefore() {
        assertEquals(train.subList(0, 137), new ProblemGenerator(0).generate(Split.TRAIN, 137));
        assertEquals(validation.subList(0, 60), new ProblemGenerator(0).generate(Split.VALIDATION, 60));
        assertEquals(List.of(), GENERATOR.generate(Split.TEST, 0));
        assertNotEquals(train.subList(0, 50), new ProblemGenerator(1).generate(Split.TRAIN, 50));
    }

    @Test
    void everyKindIsEquallyFrequentAndVaried() {
        Map<String, List<Problem>> byKind = train.stream().collect(Collectors.groupingBy(Problem::kind));
        assertEquals(Set.copyOf(GENERATOR.kinds()), byKind.keySet());
        assertTrue(byKind.size() >= 25, byKind.size() + " kinds");
        assertEquals(GENERATOR.kinds().size(), Set.copyOf(GENERATOR.kinds()).size());
        byKind.forEach((kind, problems) -> {
            assertEquals(60_000 / (double) byKind.size(), problems.size(), 1.0, kind);
            long different = problems.stream().map(Problem::numbers).distinct().count();
            assertTrue(different >= 400, kind + " has only " + different + " different tuples of numbers");
        });
        for (Kind kind : KindReader.all()) {
            assertTrue(kind.questions().size() >= 4, kind.name() + " has " + kind.questions().size() + " wordings");
            assertEquals(kind.questions().size(), Set.copyOf(kind.questions()).size(), kind.name());
        }
    }

    @Test
    void namesAreDrawnEvenly() {
        Map<String, Long> names = train.stream()
                .map(p -> p.question().split("[ ']")[0])
                .filter(word -> word.matches("Adam|Tom|Anna|Sara"))
                .collect(Collectors.groupingBy(word -> word, Collectors.counting()));
        long most = names.values().stream().mapToLong(Long::longValue).max().orElseThrow();
        long least = names.values().stream().mapToLong(Long::longValue).min().orElseThrow();
        assertEquals(4, names.size());
        // About 900 each; five standard deviations of the difference are 210.
        assertTrue(most - least < 210, names.toString());
    }

    @Test
    void theTextIsInGoodOrder() {
        Map<String, Pattern> mistakes = Map.of(
                "article before a vowel", Pattern.compile("\\b[Aa] ([aeiou]|\\$?(8|11\\b|18\\b))"),
                "article before a consonant", Pattern.compile("\\b[Aa]n ([^aeiouh$\\d]|\\$?([1-79]))(?<!an \\$?1(?=[18]\\b))"),
                "a small letter begins a sentence", Pattern.compile("(^|[.?!] |\\n)[a-z]"),
                "a capital inside a sentence", Pattern.compile("[a-z,] (He|She|His|Her|Him|An)\\b"),
                "spaces or brackets", Pattern.compile("  | \\n|[{}\\[\\]()|]| [.,?]|\\?."),
                "a plural of one", Pattern.compile("\\b1\\b"),
                "plural of a plural", Pattern.compile("(sss|shs|chs|[^aeiou]ys|xs)\\b"));
        List<String> found = sample()
                .flatMap(p -> mistakes.entrySet().stream()
                        .filter(m -> m.getValue().matcher(p.question() + "\n" + p.answer()).find())
                        .map(m -> m.getKey() + ": " + p.question() + "\n" + p.answer()))
                .limit(5)
                .toList();
        assertEquals(List.of(), found);
        assertTrue(sample().allMatch(p -> p.question().endsWith("?")));
    }

    @Test
    void lengthsSuitASmallModel() {
        List<Integer> lengths = sample().map(p -> p.question().length() + p.answer().length()).toList();
        assertTrue(lengths.stream().allMatch(n -> n >= 80 && n <= 440), () -> lengths.stream().mapToInt(n -> n).summaryStatistics() + "");
        var words = new HashSet<String>();
        sample().forEach(p -> words.addAll(List.of((p.question() + " " + p.answer()).split("[^A-Za-z]+"))));
        assertTrue(words.size() < 1000, words.size() + " words");
        assertFalse(words.contains("null"));
    }
}
